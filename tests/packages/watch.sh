#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# watch.sh PACKAGE: lvs-agent watch as a service: that it is off until it is enabled, its entries in
# the journal, its traps, and its permissions.
# shellcheck disable=SC2317  # functions are called by until_true
set -eu
# shellcheck source=tests/packages/lib.sh
. "$(dirname -- "$0")/lib.sh"
unit=lvs-agent-watch.service
web='TCP 10.2.0.1:80'
server='10.1.1.22:80'
sink=/etc/snmp/snmpd.conf.d/receiver.conf

watcher() { systemctl show -P MainPID $unit; }
# journal EVENT: print the texts of the journal's entries with an event.
journal() { journalctl -t lvs-agent "LVS_EVENT=$1" -o cat --no-pager; }
told() { [ -n "$(journal "$1")" ]; }
# said TEXT: test that the watch has logged a text.
said() { journalctl -u "$unit" -o cat --no-pager | grep -qF "$1"; }
# traps TEXT: print the number of received traps that contain a text. Texts are not encoded.
traps() { grep -cF "$1" "$RESULT/traps" || true; }
received() { [ "$(traps "$1")" = "$2" ]; }
# doctor: print the doctor's findings on the watch.
doctor() {
    lvs-agent doctor --json > /tmp/findings || true
    python3 -c 'import json
for each in json.load(open("/tmp/findings"))["findings"]:
    if each["check"] == "watch":
        print(each["state"], each["text"])'
}

step 'off until it is enabled'
load
ipvsadm -R <<END
-A -t 10.2.0.1:80 -s rr
-a -t 10.2.0.1:80 -r 10.1.1.21:80 -m
-a -t 10.2.0.1:80 -r $server -m
END
apt_install snmp "/host$1"
check 'the unit is' disabled "$(systemctl is-enabled $unit || true)"
check 'the service is' inactive "$(state $unit)"
check 'the doctor says' '' "$(doctor)"

step 'a receiver of traps, and the service with a shorter interval'
python3 -u - > "$RESULT/traps" <<'END' &
import socket
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 10162))
while True:
    print(ascii(receiver.recv(65535)))
END
mkdir -p /etc/systemd/system/$unit.d
printf '%s\n' '[Service]' 'ExecStart=' 'ExecStart=/usr/bin/lvs-agent watch --interval 1' \
    > /etc/systemd/system/$unit.d/interval.conf
systemctl daemon-reload
systemctl --quiet enable --now $unit
check 'the service is' active "$(state $unit)"
check 'the doctor says' "ok $unit runs | ok snmpd accepts notifications at /var/agentx/master |\
 note snmpd has no receiver for notifications: add trap2sink, informsink or trapsess to\
 /etc/snmp/snmpd.local.conf" "$(doctor | paste -sd'|' | sed 's/|/ | /g')"
echo 'trap2sink 127.0.0.1:10162 public' > $sink
systemctl restart snmpd
check 'the doctor says' 2 "$(doctor | grep -c ^ok)"
ls -ld /var/agentx /var/agentx/master

step 'a server that goes down'
ipvsadm -e -t 10.2.0.1:80 -r $server -m -w 0
until_true told server-down
check 'the journal has' "$web -> $server is down, 1 of 2 real servers up" "$(journal server-down)"
journalctl -t lvs-agent LVS_EVENT=server-down -o json --no-pager > "$RESULT/journal"
python3 - "$RESULT/journal" > /tmp/fields <<'END'
import json, sys
entry = json.load(open(sys.argv[1]))
names = ("PRIORITY", "LVS_SERVICE", "LVS_SERVER", "LVS_SERVERS", "LVS_SERVERS_UP")
print(*(entry[name] for name in (*names, "SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT", "_UID")), sep=", ")
END
check 'its fields are' "4, $web, $server, 2, 1, lvs-agent, $unit, 0" "$(cat /tmp/fields)"
until_true received "$web -> $server" 1

step 'snmpd is away'
systemctl stop snmpd
ipvsadm -e -t 10.2.0.1:80 -r $server -m -w 1
until_true told server-up
until_true said 'notifications wait until snmpd accepts them'
check 'traps' 1 "$(traps "$web -> $server")"
systemctl kill --signal=KILL $unit
until_true said 'Scheduled restart job'
systemctl start snmpd
until_true received "$web -> $server" 2

step privileges
check 'the watch runs as' root "$(user "$(watcher)")"
check 'its capabilities' '' "$(capabilities "$(watcher)")"
check 'its state' '700 root' "$(stat -c '%a %U' /var/lib/lvs-agent-watch)"
found 'its sandbox scores 0.8 or less' \
    systemd-analyze security --offline=true --threshold=8 $unit
tail -n 1 /tmp/found
found 'the unit is well-formed' systemd-analyze verify --man=no $unit
check 'failed units' '' "$(systemctl --failed --no-legend)"

step 'no collector'
systemctl --quiet mask --runtime --now lvs-agent.socket lvs-agent.service
until_true told agent-status
journal agent-status
systemctl --quiet unmask --runtime lvs-agent.socket lvs-agent.service
systemctl start lvs-agent.socket
again() { journal agent-status | grep -q 'agent status is ok(1)'; }
until_true again

step 'upgrade, remove, purge'
was=$(watcher)
quietly dpkg -i "/host$1"
check 'the service is' active "$(state $unit)"
check 'it was restarted' 1 $(("$(watcher)" != was))
check 'events since the start' '1 1' \
    "$(journal server-down | grep -c .) $(journal server-up | grep -c .)"
quietly dpkg -r lvs-agent
check 'the service is' inactive "$(state $unit)"
check 'processes left' '' "$(pgrep -af /usr/bin/lvs-agent || true)"
quietly dpkg -P lvs-agent
rm -r /etc/systemd/system/$unit.d
check 'files left' '' "$(find /etc /usr/lib /var/lib -name '*lvs-agent*' | sort | paste -sd' ')"
check 'traps' 2 "$(traps "$web -> $server")"
exit $failed
