# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Traffic in both directions through the director (LVS-NAT). ipvsadm shows the counters in
# $RESULT/expected.json. Some connections stay open, and both sync daemons run. Everything except
# the rates stays constant for about 100 s; then the kernel forgets closed connections and InActConn
# decreases.

network
mark 7 ip 10.2.0.7
mark 7 ipv6 fd00:2::7
ipvsadm -R <<'EOF'
-A -u 10.2.0.1:53 -s rr
-a -u 10.2.0.1:53 -r 10.1.1.21:53 -m
-a -u 10.2.0.1:53 -r 10.1.2.22:53 -m
-A -t 10.2.0.1:80 -s wrr
-a -t 10.2.0.1:80 -r 10.1.1.21:8080 -m -w 3
-a -t 10.2.0.1:80 -r 10.1.2.22:8080 -m -w 1
-a -t 10.2.0.1:80 -r 10.1.2.22:8888 -m -w 0
-A -t 10.2.0.2:0 -s rr -p 300
-a -t 10.2.0.2:0 -r 10.1.1.21:0 -m
-A -t 10.2.0.3:443 -s wlc -p 360 -M 255.255.255.0
-a -t 10.2.0.3:443 -r 10.1.1.21:443 -m
-a -t 10.2.0.3:443 -r 10.1.2.22:443 -m
-A --sctp-service 10.2.0.4:36412 -s rr
-a --sctp-service 10.2.0.4:36412 -r 10.1.1.21:36412 -m
-A -t 10.2.0.5:25 -s rr
-a -t 10.2.0.5:25 -r 10.1.1.21:25 -m -x 2 -y 1
-a -t 10.2.0.5:25 -r 10.1.2.22:25 -m
-A -u 10.2.0.6:514 -s rr -o
-a -u 10.2.0.6:514 -r 10.1.1.21:514 -m
-a -u 10.2.0.6:514 -r 10.1.2.22:514 -m
-A -f 7 -s rr
-a -f 7 -r 10.1.1.21:7777 -m
-a -f 7 -r 10.1.2.22:7777 -m
-A -f 7 -6 -s rr
-a -f 7 -6 -r [fd00:1:1::21]:7777 -m
-A -u [fd00:2::1]:53 -s rr
-a -u [fd00:2::1]:53 -r [fd00:1:1::21]:53 -m
-a -u [fd00:2::1]:53 -r [fd00:1:2::22]:53 -m
-A -t [fd00:2::1]:80 -s rr -p 120 -M 64
-a -t [fd00:2::1]:80 -r [fd00:1:1::21]:80 -m
-a -t [fd00:2::1]:80 -r [fd00:1:2::22]:80 -m
-A --sctp-service [fd00:2::4]:36412 -s rr
-a --sctp-service [fd00:2::4]:36412 -r [fd00:1:1::21]:36412 -m
EOF
ipvsadm --start-daemon master --mcast-interface vrs1 --syncid 7 \
    --sync-maxlen 1400 --mcast-group 224.0.0.90 --mcast-port 9000 --mcast-ttl 3
ipvsadm --start-daemon backup --mcast-interface vrs2 --syncid 255 \
    --sync-maxlen 1300 --mcast-group ff02::90 --mcast-port 65535 --mcast-ttl 255
traffic <<'EOF'
UDP 10.2.0.1:53  flows=20 rounds=5 size=100  rs1/10.1.1.21:53 rs2/10.1.2.22:53
TCP 10.2.0.1:80  flows=16 rounds=2 size=700 hold=2  rs1/10.1.1.21:8080 rs2/10.1.2.22:8080 rs2/10.1.2.22:8888
TCP 10.2.0.2:0  to=tcp/10.2.0.2:2000 flows=3 size=40  rs1/10.1.1.21:0@10.1.1.21:2000
TCP 10.2.0.3:443  flows=4 rounds=3 size=900 hold=1  rs1/10.1.1.21:443 rs2/10.1.2.22:443
SCTP 10.2.0.4:36412  flows=2 rounds=2 size=300 hold=2  rs1/10.1.1.21:36412
TCP 10.2.0.5:25  flows=5 size=10 hold=5  rs1/10.1.1.21:25 rs2/10.1.2.22:25
UDP 10.2.0.6:514  flows=4 rounds=6 size=60 ops=1  rs1/10.1.1.21:514 rs2/10.1.2.22:514
FWM 7  to=tcp/10.2.0.7:7777 flows=4 size=200  rs1/10.1.1.21:7777 rs2/10.1.2.22:7777
FWM 7 IPv6  to=udp/[fd00:2::7]:7777 flows=3 rounds=2 size=1400  rs1/[fd00:1:1::21]:7777
UDP [fd00:2::1]:53  flows=6 rounds=4 size=1  rs1/[fd00:1:1::21]:53 rs2/[fd00:1:2::22]:53
TCP [fd00:2::1]:80  flows=6 rounds=2 size=600 hold=1  rs1/[fd00:1:1::21]:80 rs2/[fd00:1:2::22]:80
SCTP [fd00:2::4]:36412  flows=1 size=300 hold=1  rs1/[fd00:1:1::21]:36412
EOF
