#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# namespaces.sh PACKAGE: serve the tables of network namespaces, each by an instance of the
# template: lb to an snmpd outside, web to an snmpd inside, and one at a path of Docker's to the
# package's snmpd.
# shellcheck disable=SC2317  # functions are called by until_true
set -eu
# shellcheck source=tests/packages/lib.sh
. "$(dirname -- "$0")/lib.sh"
package=/host$1

# made NAME SERVERS: make a namespace with a UDP service of so many real servers, and a mark's.
made() {
    local n
    ip netns add "$1"
    ip -n "$1" -batch - <<'LINES'
link set lo up
addr add 10.9.9.9/32 dev lo
route add default dev lo
LINES
    {
        echo '-A -u 10.9.9.9:53 -s rr'
        for ((n = 1; n <= $2; n++)); do echo "-a -u 10.9.9.9:53 -r 10.9.9.$n:53 -m -w $n"; done
        echo "-A -f 25$2 -s rr"
    } | ip netns exec "$1" ipvsadm -R
}

# sent NAME TIMES: send so many packets to the UDP service of a namespace, and wait for its counter.
sent() {
    ip netns exec "$1" bash -c "for ((n = 0; n < $2; n++)); do echo > /dev/udp/10.9.9.9/53; done"
    until_true ip netns exec "$1" grep -q "^ *$2 *$2 " /proc/net/ip_vs_stats
}

# daemon NAME [LINE...]: start an snmpd, with lines in its unit, that shows the namespace's tables.
daemon() {
    local name=$1
    shift
    cat > "/etc/snmp/snmpd-$name.conf" <<LINES
agentaddress udp:127.0.0.1:1161
rocommunity public 127.0.0.1
pass_persist $base /usr/bin/lvs-agent pass-persist --collector /run/lvs-agent/collector@$name.sock
LINES
    {
        cat <<LINES
[Service]
User=Debian-snmp
StateDirectory=snmp-$name
Environment=SNMP_PERSISTENT_DIR=/var/lib/snmp-$name
ExecStart=/usr/sbin/snmpd -f -LS4d -C -c /etc/snmp/snmpd-$name.conf
LINES
        printf '%s\n' "$@"
    } > "/etc/systemd/system/snmpd-$name.service"
    systemctl start "snmpd-$name.service"
}

# walk NAME [COMMAND...]: save what its snmpd, reached by COMMAND, and ipvsadm show of a namespace.
walk() {
    local name=$1
    shift
    mkdir -p "$RESULT/$name"
    "$@" snmpbulkwalk -v2c -c public -On -Cr40 -t 5 -r 0 127.0.0.1:1161 $base > "$RESULT/$name/snmpwalk"
    RESULT=$RESULT/$name ip netns exec "$name" bash -euc ". '$lab/lib.sh'; . '$lab/ipvsadm.sh'"
}

# collected NAME: print what the collector of an instance serves, without snmpd.
collected() { runuser -u Debian-snmp -- lvs-agent walk --collector "/run/lvs-agent/collector@$1.sock" 2>/dev/null; }

# names, kept, served_status NAME: print the services' names; the rows' numbers and connections;
# lvsAgentStatus.
names() { collected "$1" | sed -n "s/^$base\.21\.1\.5\..*STRING: \"\(.*\)\"/\1/p" | xargs; }
kept() { collected "$1" | grep -E "^$base\.(21\.1\.(17|27)|22\.1\.(12|25))\."; }
served_status() { collected "$1" | sed -n "s/^$base\.26\.2\.0 = INTEGER: //p"; }
# answers, shows: compare these, for until_true.
answers() { [ "$(served_status "$1")" = 1 ]; }
shows() { [ "$(names "$1")" = "$2" ]; }

pid() { systemctl show -P MainPID "lvs-agent@$1.service"; }
# apart NAME PATH: test that an instance is in another network namespace than the one at a path.
apart() { [ "$(stat -L -c %i "$2")" != "$(stat -L -c %i "/proc/$(pid "$1")/ns/net")" ]; }

step 'a director with three namespaces'
systemctl --version | head -n 1
one_service
made lb 2
made web 1
sent lb 5
sent web 3
cat > /etc/systemd/system/docker.service <<'END_OF_UNIT'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=mkdir -p /run/docker/netns
ExecStart=touch /run/docker/netns/ingress_sbox
ExecStart=unshare --net=/run/docker/netns/ingress_sbox ipvsadm -A -f 256 -s rr
ExecStop=umount /run/docker/netns/ingress_sbox
ExecStop=rm /run/docker/netns/ingress_sbox
END_OF_UNIT
systemctl start docker

step 'instances of the template'
apt_install snmp snmpd "$package"
check 'no instance is enabled' 'disabled' "$(systemctl is-enabled lvs-agent@.socket || true)"
found 'the sandbox of an instance scores 1.3 or less' \
    systemd-analyze security --offline=true --threshold=13 lvs-agent@.service
tail -n 1 /tmp/found
folder=/etc/systemd/system/lvs-agent@ingress.service.d
mkdir $folder
cat > $folder/namespace.conf <<'END_OF_UNIT'
[Unit]
PartOf=docker.service
After=docker.service
[Service]
NetworkNamespacePath=/run/docker/netns/ingress_sbox
END_OF_UNIT
for name in lb web ingress; do
    found "the units of $name are well-formed" \
        systemd-analyze verify --man=no "lvs-agent@$name.service" "lvs-agent@$name.socket"
    quietly systemctl enable --now "lvs-agent@$name.socket"
done
daemon lb
daemon web NetworkNamespacePath=/run/netns/web
for name in lb web ingress; do until_true answers $name; done
until_true is 1 $status

step 'what they serve'
walk lb
walk web ip netns exec web
check 'services of lb' 'FWM 252 UDP 10.9.9.9:53' "$(names lb)"
check 'services of web' 'FWM 251 UDP 10.9.9.9:53' "$(names web)"
check 'services of ingress' 'FWM 256' "$(names ingress)"
check 'service of the host' '"TCP 10.2.0.1:80"' "$(ask 21.1.5.1.4.10.2.0.1.6.80)"
for name in lb web ingress; do
    check "capabilities of the collector of $name" cap_net_admin "$(capabilities "$(pid $name)")"
done
check 'states that the collector of lb can see' lvs-agent@lb \
    "$(nsenter -t "$(pid lb)" -m ls /var/lib/private)"

step 'restart'
for name in lb web; do
    ip netns exec $name ipvsadm -Z
    before=$(kept $name)
    quietly systemctl restart lvs-agent@$name.service
    check "numbers and connections of $name" "$before" "$(kept $name)"
done
check 'connections of web' 3 "$(kept web | sed -n "s/^$base\.21\.1\.17\..*17\.53 = Counter64: //p")"

step 'a namespace that is made anew'
ip netns del lb
made lb 4
check 'the collector still has the old one' 'FWM 252 UDP 10.9.9.9:53' "$(names lb)"
found 'its namespace is another one' apart lb /run/netns/lb
quietly systemctl try-restart lvs-agent@lb.service
check 'services of lb' 'FWM 254 UDP 10.9.9.9:53' "$(names lb)"
check 'its namespace is another one' 1 "$(apart lb /run/netns/lb; echo $?)"

step 'a namespace that is made later'
ip netns del lb
systemctl --quiet stop lvs-agent@lb.service 2>/dev/null
check 'lvsAgentStatus is noCollector(5)' 5 "$(served_status lb)"
check 'the reason' "Failed to open network namespace path /run/netns/lb: No such file or directory" \
    "$(journalctl -b -u lvs-agent@lb.service -o cat --no-pager |
        sed -n 's/^lvs-agent@lb.service: \(Failed to open\)/\1/p' | sort -u)"
check 'the socket' active "$(state lvs-agent@lb.socket)"
made lb 3
until_true answers lb
check 'services of lb' 'FWM 253 UDP 10.9.9.9:53' "$(names lb)"

step 'docker.service restarted'
ingress=/run/docker/netns/ingress_sbox
was=$(pid ingress)
sed -i 's/-f 256/-f 257/' /etc/systemd/system/docker.service
systemctl daemon-reload
systemctl restart docker
until_true shows ingress 'FWM 257'
check 'the collector was restarted' 1 $(("$(pid ingress)" != was))
check 'its namespace is another one' 1 "$(apart ingress $ingress; echo $?)"

step "the package's snmpd shows a namespace, and the doctor finds its instance"
sed -i 's/pass-persist$/& --collector \/run\/lvs-agent\/collector@ingress.sock/' \
    /etc/snmp/snmpd.conf.d/lvs-agent.conf
systemctl restart snmpd
until_true is 1 $status
check 'lvsVsName' '"FWM 257"' "$(ask 21.1.5.1.4.0.0.0.0.0.257)"
lvs-agent doctor || check 'exit status' 0 $?
systemctl --quiet disable --now lvs-agent@ingress.socket
check 'what is wrong' 'systemctl enable --now lvs-agent@ingress.socket' "$(lvs-agent doctor --json |
    python3 -c 'import json, sys
print(*(each["remedy"] for each in json.load(sys.stdin)["findings"] if each["state"] == "wrong"))')"
quietly systemctl enable --now lvs-agent@ingress.socket

step upgrade
answers lb
was=$(pid lb)
quietly dpkg -i "$package"
until_true answers lb
check 'the collector was restarted' 1 $(("$(pid lb)" != was))
check 'the instance' enabled "$(systemctl is-enabled lvs-agent@lb.socket)"

step 'remove and purge'
quietly dpkg -r lvs-agent
check 'sockets left' '' "$(find /run/lvs-agent -name '*.sock')"
check 'collectors left' '' "$(pgrep -af '/usr/bin/lvs-agent collector' || true)"
rm -r $folder   # the administrator's
quietly dpkg -P lvs-agent
check 'files left' '' "$(find / \( -path /host -o -path /proc -o -path /sys -o -path /run/job \
    -o -path /usr/local -o -path "$RESULT" \) -prune -o -name '*lvs*agent*' -print)"
check 'failed units' '' "$(systemctl --failed --no-legend)"
exit $failed
