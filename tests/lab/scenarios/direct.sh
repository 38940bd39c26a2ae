# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Traffic that the director forwards without seeing answers: direct routing, every kind of tunnel,
# also across address families, and a real server that is the director itself. traffic.py checks
# that the packets arrive at the real servers, decapsulated. ipvsadm shows the counters in
# $RESULT/expected.json.

modprobe -a ipip ip_gre sit ip6_tunnel fou
network
for server in rs1 rs2; do
    # The fallback devices receive all packets of their protocol ...
    ip -n "$server" -batch - <<'EOF'
link set tunl0 up
link set gre0 up
link set sit0 up
link set ip6tnl0 up
addr add 10.2.0.1/32 dev lo
addr add 10.2.0.2/32 dev lo
addr add 10.2.0.3/32 dev lo
addr add 10.2.0.4/32 dev lo
addr add 10.2.0.5/32 dev lo
addr add fd00:2::1/128 dev lo nodad
addr add fd00:2::2/128 dev lo nodad
addr add fd00:2::3/128 dev lo nodad
fou add port 6080 gue
fou add port 6081 gue
EOF
done
# ... except IPv4 in IPv6 and GRE with checksums.
ip -n rs1 link add sixany type ip6tnl mode any local fd00:1:1::21
ip -n rs1 link set sixany up
ip -n rs2 link add grecsum type gre local 10.1.2.22 icsum
ip -n rs2 link set grecsum up
ipvsadm -R <<'EOF'
-A -u 10.2.0.1:1000 -s rr
-a -u 10.2.0.1:1000 -r 10.1.1.21 -g
-a -u 10.2.0.1:1000 -r 10.1.2.22 -g
-A -u 10.2.0.2:1000 -s rr
-a -u 10.2.0.2:1000 -r 10.1.1.21 -i
-A -u 10.2.0.3:1000 -s rr
-a -u 10.2.0.3:1000 -r 10.1.1.21 -i --tun-type gue --tun-port 6080 --tun-csum
-a -u 10.2.0.3:1000 -r 10.1.2.22 -i --tun-type gue --tun-port 6081 --tun-remcsum
-A -u 10.2.0.4:1000 -s rr
-a -u 10.2.0.4:1000 -r 10.1.1.21 -i --tun-type gre
-a -u 10.2.0.4:1000 -r 10.1.2.22 -i --tun-type gre --tun-csum
-A -u 10.2.0.5:1000 -s rr
-a -u 10.2.0.5:1000 -r [fd00:1:1::21]:1000 -i
-A -u 10.2.0.9:1000 -s rr
-a -u 10.2.0.9:1000 -r 10.3.0.1 -g
-A -u [fd00:2::1]:1000 -s rr
-a -u [fd00:2::1]:1000 -r [fd00:1:1::21]:1000 -g
-A -u [fd00:2::2]:1000 -s rr
-a -u [fd00:2::2]:1000 -r [fd00:1:1::21]:1000 -i
-A -u [fd00:2::3]:1000 -s rr
-a -u [fd00:2::3]:1000 -r 10.1.1.21:1000 -i
EOF
traffic <<'EOF'
UDP 10.2.0.1:1000  flows=6 rounds=2 size=100 oneway=1  rs1/10.1.1.21:1000@10.2.0.1:1000 rs2/10.1.2.22:1000@10.2.0.1:1000
UDP 10.2.0.2:1000  flows=3 rounds=2 size=200 oneway=1  rs1/10.1.1.21:1000@10.2.0.2:1000
UDP 10.2.0.3:1000  flows=4 rounds=2 size=300 oneway=1  rs1/10.1.1.21:1000@10.2.0.3:1000 rs2/10.1.2.22:1000@10.2.0.3:1000
UDP 10.2.0.4:1000  flows=4 rounds=2 size=400 oneway=1  rs1/10.1.1.21:1000@10.2.0.4:1000 rs2/10.1.2.22:1000@10.2.0.4:1000
UDP 10.2.0.5:1000  flows=2 rounds=2 size=500 oneway=1  rs1/[fd00:1:1::21]:1000@10.2.0.5:1000
UDP 10.2.0.9:1000  flows=2 rounds=3 size=600 oneway=1  -/10.3.0.1:1000@10.2.0.9:1000
UDP [fd00:2::1]:1000  flows=3 rounds=1 size=700 oneway=1  rs1/[fd00:1:1::21]:1000@[fd00:2::1]:1000
UDP [fd00:2::2]:1000  flows=3 rounds=1 size=800 oneway=1  rs1/[fd00:1:1::21]:1000@[fd00:2::2]:1000
UDP [fd00:2::3]:1000  flows=3 rounds=1 size=900 oneway=1  rs1/10.1.1.21:1000@[fd00:2::3]:1000
EOF
