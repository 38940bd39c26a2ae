# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# snmpd's own traps, set up on a director with lvs-agent by the commands in the recipes' comments.
# The output of snmptrapd is saved in $RESULT/traps. Source lib.sh first.

# recipe FILE: run the commands in a recipe's comment, in a folder with the recipes.
recipe() {
    sed -n 's/^#   //p' "/tmp/recipes/$1" > /tmp/commands
    (cd /tmp/recipes && quietly bash -e /tmp/commands)
}

# printed: print what snmptrapd has printed.
printed() { journalctl -u manager -o cat --no-pager; }

# sent NAME SERVICE: test whether a trap of this name about a service has arrived.
sent() { printed | grep "\"$1\".*\"$2\"" >/dev/null; }

# logged: print what snmpd has logged since it was started.
logged() { journalctl -u snmpd -o cat --no-pager "_PID=$(systemctl show -P MainPID snmpd)"; }

# examined: print the doctor's findings on monitor lines, its remedies, and its exit status.
examined() {
    local status=0
    lvs-agent doctor --json > /tmp/findings || status=$?
    python3 - $status <<'END'
import json, sys
findings = json.load(open("/tmp/findings"))["findings"]
(found,) = [each for each in findings if each["check"] == "monitor"]
print(found["state"], found["text"], found["remedy"], sys.argv[1], sep="\n")
END
}

step 'a manager'
apt_install snmptrapd
echo 'authCommunity log public' > /etc/snmp/snmptrapd.conf
# not its own service, which logs warnings only and therefore no traps
systemctl stop snmptrapd.socket
systemd-run --quiet --unit=manager --service-type=notify snmptrapd -On -Lo -f udp:127.0.0.1:162

step 'the recipe, without the drop-in'
cp -r /usr/share/doc/lvs-agent/contrib/recipes /tmp/
# with a port, since the image has no /etc/services
sed -i 's|^trap2sink manager |trap2sink 127.0.0.1:162 |; s| -r 60 | -r 2 |' /tmp/recipes/traps.conf
recipe traps.conf
systemctl restart snmpd
conf=/etc/snmp/snmpd.conf.d/lvs-traps.conf
lines=$(grep -n ^monitor $conf | cut -d: -f1)
check 'mode of the file' 600 "$(stat -c %a $conf)"
check 'snmpd rejects each line' "$lines" \
    "$(logged | sed -n "s|^$conf: line \([0-9]*\): Warning: Unknown token: monitor\.$|\1|p")"
folder=/etc/systemd/system/snmpd.service.d
command='ExecStart=/usr/sbin/snmpd -LOw -u Debian-snmp -g Debian-snmp -I -smux -f'
fix="mkdir -p $folder && printf '%s\\n' '[Service]' ExecStart= '$command'"
fix+=" >> $folder/snmpd-monitor.conf && systemctl daemon-reload && systemctl restart snmpd"
check 'the doctor' "wrong
$conf:${lines//$'\n'/,}: no traps: snmpd's option -I disables mteTriggerConf
$fix
1" "$(examined)"

step 'with the drop-in'
recipe snmpd-monitor.conf
check 'the doctor' "ok
$conf:${lines//$'\n'/,}: snmpd monitors LVS-MIB
None
0" "$(examined)"
check 'complaints of snmpd' '' "$(logged | grep -E 'token|monitor|mteTrigger|iquery' || true)"

step 'a service loses its only server'
ipvsadm -d -t 10.2.0.2:0 -r 10.1.1.21:0
until_true sent 'no real server' 'TCP 10.2.0.2:0'

step 'another has its only server at weight 0 and then 1, so that the first is checked again'
sctp=(--sctp-service 10.2.0.4:36412 -r 10.1.1.21:36412 -m)
ipvsadm -e "${sctp[@]}" -w 0
until_true sent 'no real server' 'SCTP 10.2.0.4:36412'
ipvsadm -e "${sctp[@]}" -w 1
until_true sent 'real servers again' 'SCTP 10.2.0.4:36412'

step 'the first gets its server back'
ipvsadm -a -t 10.2.0.2:0 -r 10.1.1.21:0 -m
until_true sent 'real servers again' 'TCP 10.2.0.2:0'
printed > "$RESULT/traps"
