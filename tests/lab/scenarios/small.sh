# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A few services, for tests that alter single bytes of the kernel's replies.

ipvsadm -R <<'EOF'
-A -t 10.2.0.1:80 -s rr
-a -t 10.2.0.1:80 -r 10.1.1.21:80 -m
-a -t 10.2.0.1:80 -r 10.1.1.22:80 -i --tun-type gue --tun-port 6080
-A -f 5 -6 -s wlc -p 300 -M 64
-A -f 5 -s sh -b sh-port
-A -u 10.2.0.1:53 -o -s rr
EOF
