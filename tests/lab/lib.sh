# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Helpers for scripts that run in the lab's guest: source lib.sh, call load, source one scenario.
# $RESULT is the folder that the host sees.

lab=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")

die() { echo "$*" >&2; exit 1; }

# load: load IPVS into the kernel. Before that, the director has no /proc/net/ip_vs.
load() { modprobe ip_vs; }

# until_true COMMAND...: wait for a condition, or die. On a busy machine it may take minutes.
until_true() {
    local end=$((SECONDS + 600))
    until "$@"; do
        ((SECONDS < end)) || die "timed out waiting for: $*"
        sleep 0.1
    done
}

# listens SOCKET: test that a process accepts connections at a Unix socket. The file exists earlier.
listens() { grep -q " 00010000 0001 01 .* $1\$" /proc/net/unix; }

# network: create the namespaces client, rs1 and rs2, each with its own link to the director, and
# the director's virtual addresses 10.2.0.1 to .9 and fd00:2::1 to ::9.
network() {
    # in many kernels IPv6 is no module
    [ -e /proc/net/if_inet6 ] || modprobe ipv6
    modprobe -a veth sctp
    {
        join client 10.3.0.10/24 10.3.0.1/24 fd00:3::10/64 fd00:3::1/64
        join rs1 10.1.1.21/24 10.1.1.1/24 fd00:1:1::21/64 fd00:1:1::1/64
        join rs2 10.1.2.22/24 10.1.2.1/24 fd00:1:2::22/64 fd00:1:2::1/64
        for n in 1 2 3 4 5 6 7 8 9; do
            echo "addr add 10.2.0.$n/32 dev lo"
            echo "addr add fd00:2::$n/128 dev lo nodad"
        done
    } | ip -batch -
    member client 10.3.0.10/24 10.3.0.1 fd00:3::10/64 fd00:3::1
    member rs1 10.1.1.21/24 10.1.1.1 fd00:1:1::21/64 fd00:1:1::1
    member rs2 10.1.2.22/24 10.1.2.1 fd00:1:2::22/64 fd00:1:2::1
    echo 1 > /proc/sys/net/ipv4/ip_forward
    echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
}

join() {
    cat <<EOF
netns add $1
link add v$1 type veth peer name eth0 netns $1
link set v$1 up
addr add $3 dev v$1
addr add $5 dev v$1 nodad
EOF
}

member() {
    ip -n "$1" -batch - <<EOF
link set lo up
link set eth0 up
addr add $2 dev eth0
addr add $4 dev eth0 nodad
route add default via $3
route add default via $5
EOF
}

# mark MARK PROTOCOL ADDRESS: set a firewall mark on the client's packets to ADDRESS. PROTOCOL is ip
# or ipv6. It uses tc, which is in iproute2; for IPVS it is the same as iptables or nftables.
mark() {
    tc qdisc replace dev vclient ingress
    tc filter add dev vclient ingress protocol "$2" flower dst_ip "$3" action skbedit mark "$1"
}

# traffic: send traffic by traffic.py, which reads its input from standard input and writes
# $RESULT/expected.json. On return, ipvsadm shows the counters in that file.
traffic() {
    rm -f "$RESULT/expected.json"
    (cd "$lab/../.." && exec /usr/bin/python3 -E -s -S -B -m tests.lab.traffic \
        "$RESULT/expected.json") <&0 &
    traffic_pid=$!
    while [ ! -e "$RESULT/expected.json" ]; do
        # without connections to hold it ends as soon as it has written the file
        kill -0 "$traffic_pid" 2>/dev/null || [ -e "$RESULT/expected.json" ] ||
            die "traffic.py has ended"
        sleep 0.1
    done
}

# rules: add the services on standard input, see rules.py.
rules() { /usr/bin/python3 -I -S -B "$lab/rules.py"; }

# freeze: stop the kernel's estimator, so that counters and rates no longer change.
freeze() { echo 0 > /proc/sys/net/ipv4/vs/run_estimation; }

base=.1.3.6.1.4.1.8225.4711

# start_snmpd COMMAND...: start snmpd on loopback with COMMAND as its pass_persist extension and
# with the lines of $snmpd_lines in its configuration.
start_snmpd() {
    cat > /tmp/snmpd.conf <<EOF
agentaddress udp:127.0.0.1:16161
rocommunity public 127.0.0.1
pass_persist $base $*
${snmpd_lines-}
EOF
    # not /tmp: snmpd writes its own snmpd.conf there when it ends
    export SNMPCONFPATH=/tmp SNMP_PERSISTENT_DIR=/tmp/persistent MIBS=
    snmpd -Lf "$RESULT/snmpd.log" -C -c /tmp/snmpd.conf -p /tmp/snmpd.pid
}

# stop_snmpd: stop snmpd and wait until it has ended and closed its port.
stop_snmpd() {
    local pid; pid=$(cat /tmp/snmpd.pid)
    kill "$pid"
    until_true eval "! kill -0 $pid 2>/dev/null"
}

# snmp_walk OID: walk the subtree of an OID.
snmp_walk() { snmpbulkwalk -v2c -c public -On -Cr40 -t 20 -r 3 127.0.0.1:16161 "$1"; }

# watch NAME: request sysUpTime from snmpd all the time, until watched is called. Then
# $RESULT/longest/NAME has the seconds that the longest answer took. Processes that are started
# meanwhile must not keep fd 9 open.
watch() {
    mkdir -p "$RESULT/longest"
    mkfifo "/tmp/watch.$1"
    (cd "$lab/../.." && exec /usr/bin/python3 -E -s -S -B -m tests.support.watch 127.0.0.1:16161) \
        < "/tmp/watch.$1" > "$RESULT/longest/$1" &
    watcher=$!
    exec 9> "/tmp/watch.$1"
}
watched() { exec 9>&-; wait "$watcher"; }
