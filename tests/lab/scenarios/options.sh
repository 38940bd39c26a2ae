# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every setting that a service or real server can have, without traffic. There is no sync daemon,
# which the kernel refuses while a service has real servers of both families; nat.sh has them.

ipvsadm -R <<'EOF'
-A -t 10.2.0.1:80 -s wrr -p 360 -M 255.255.255.0
-a -t 10.2.0.1:80 -r 10.1.1.21:80 -m -w 3 -x 100 -y 50
-a -t 10.2.0.1:80 -r 10.1.2.22:8080 -m -w 0
-a -t 10.2.0.1:80 -r 10.1.2.23:80 -m -w 65535 -x 2147483647 -y 2147483646
-A -t 10.2.0.1:443 -s sh -b sh-port,sh-fallback
-a -t 10.2.0.1:443 -r 10.1.1.21 -g -w 2147483647
-A -t 10.2.0.2:0 -s rr -p 60
-a -t 10.2.0.2:0 -r 10.1.1.21:0 -g
-A -t 10.2.0.3:1 -s mh -b mh-port
-A -t 10.2.0.3:2 -s mh -b mh-fallback
-A -t 10.2.0.3:3 -s mh -b mh-fallback,mh-port
-A -t 10.2.0.3:4 -s wlc -b flag-1,flag-2,flag-3
-A -t 10.2.0.3:5 -s none
-A -t 10.2.0.3:6 -s sh -b sh-fallback
-A -t 10.2.0.3:65535 -s rr -p 2678400
-A -u 10.2.0.3:4 -s rr -o
-a -u 10.2.0.3:4 -r 10.1.1.21:4 -m
-A -u 10.2.0.3:5060 -s rr -p 60 --pe sip -o
-A -u 10.2.0.3:5061 -s rr -p --pe sip
-A --sctp-service 10.2.0.4:36412 -s fo
-a --sctp-service 10.2.0.4:36412 -r 10.1.1.21:36412 -i
-A -t 10.2.0.5:1 -s rr
-a -t 10.2.0.5:1 -r 10.1.1.21 -i --tun-type ipip
-a -t 10.2.0.5:1 -r 10.1.1.22 -i --tun-type gue --tun-port 6080 --tun-nocsum
-a -t 10.2.0.5:1 -r 10.1.1.23 -i --tun-type gue --tun-port 6081 --tun-csum
-a -t 10.2.0.5:1 -r 10.1.1.24 -i --tun-type gue --tun-port 65535 --tun-remcsum
-a -t 10.2.0.5:1 -r 10.1.1.25 -i --tun-type gre --tun-csum
-a -t 10.2.0.5:1 -r 10.1.1.26 -i --tun-type gre
-a -t 10.2.0.5:1 -r [fd00:1:1::21]:1 -i
-a -t 10.2.0.5:1 -r [fd00:1:1::22]:1 -i --tun-type gue --tun-port 6080
-A -t [fd00:2::1]:443 -s rr -p 120 -M 64
-a -t [fd00:2::1]:443 -r [fd00:1:1::21]:443 -m
-a -t [fd00:2::1]:443 -r 10.1.1.21:443 -i
-A -t [fd00:2::1]:0 -s rr -p 120
-A --sctp-service [fd00:2::1]:36412 -s ovf
-A -u [2001:db8:1234:5678:9abc:def0:1234:5678]:65535 -s rr -o
-a -u [2001:db8:1234:5678:9abc:def0:1234:5678]:65535 -r [2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535 -i -w 65535
-A -f 5 -s rr -p 30 -M 255.255.0.0
-a -f 5 -r 10.1.1.21 -g
-a -f 5 -r fd00:1:1::21 -i
-A -f 5 -6 -s wrr -p 30 -M 48
-a -f 5 -6 -r fd00:1:1::21 -g
-A -f 2147483647 -s lblcr
-A -f 4294967295 -s rr
-a -f 4294967295 -r 10.1.1.21:8080 -m
EOF
ipvsadm --set 901 121 301

# ipvsadm has no option for these two forwarding methods.
rules <<'EOF'
server 10.2.0.3:65535 10.1.1.21:1 local 1
server 10.2.0.3:65535 10.1.1.21:2 bypass 1
EOF
