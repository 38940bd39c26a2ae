# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Two services with traffic, for `make demo` and for README.md.

network
ipvsadm -R <<'EOF'
-A -t 10.2.0.1:443 -s wlc
-a -t 10.2.0.1:443 -r 10.1.1.21:8443 -m -w 2
-a -t 10.2.0.1:443 -r 10.1.2.22:8443 -m -w 1
-A -u 10.2.0.1:53 -s rr
-a -u 10.2.0.1:53 -r 10.1.1.21:53 -m
-a -u 10.2.0.1:53 -r 10.1.2.22:53 -m
EOF
traffic <<'EOF'
TCP 10.2.0.1:443  flows=18 rounds=3 size=900 hold=4  rs1/10.1.1.21:8443 rs2/10.1.2.22:8443
UDP 10.2.0.1:53  flows=20 rounds=5 size=100  rs1/10.1.1.21:53 rs2/10.1.2.22:53
EOF
