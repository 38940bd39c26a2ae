#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# life.sh OLD NEW: install, upgrade, remove and purge two debs.
set -eu
# shellcheck source=tests/packages/lib.sh
. "$(dirname -- "$0")/lib.sh"
old=/host$1 new=/host$2
dropin=/etc/snmp/snmpd.conf.d/lvs-agent.conf
aliases=/etc/lvs-agent/aliases
alias=21.1.29.1.4.10.2.0.2.6.80  # lvsVsAlias

# numbers: print lvsVsNumber and lvsRsNumber with their instances.
numbers() { snmpwalk -v2c -c public -On 127.0.0.1 $base.21.1.27; snmpwalk -v2c -c public -On 127.0.0.1 $base.22.1.25; }
version_of() { dpkg-deb -f "$1" Version | cut -d- -f1; }

step 'first installation'
load
ipvsadm -R <<'END'
-A -t 10.2.0.1:80 -s rr
-a -t 10.2.0.1:80 -r 10.1.1.21:80 -m
-A -t 10.2.0.2:80 -s rr
-a -t 10.2.0.2:80 -r 10.1.1.21:80 -m
-a -t 10.2.0.2:80 -r 10.1.1.22:80 -m
END
apt_install snmp "$old"
check 'lvsAgentStatus' 1 "$(ask $status)"
check 'lvsAgentVersion' "\"$(version_of "$old")\"" "$(version)"
ipvsadm -D -t 10.2.0.1:80
ipvsadm -A -t 10.1.0.9:80
until_true is 3 17.1.1.3
before=$(numbers)
check 'numbers' '1 2 2 3 ' "$(echo "$before" | grep -o '[0-9]*$' | sort -n | tr '\n' ' ')"

step 'an alias'
echo 'TCP 10.2.0.2:80 shop' >> $aliases
until_true is '"shop"' $alias
check 'lvsVsAlias' '"shop"' "$(ask $alias)"

step 'upgrade, with an edited drop-in and an alias'
echo '# edited' >> $dropin
was=$(collector)
quietly dpkg -i "$new"
check 'lvsAgentVersion' "\"$(version_of "$new")\"" "$(version)"
check 'lvsAgentStatus' 1 "$(ask $status)"
check 'the collector was restarted' 1 $(("$(collector)" != was))
check 'the drop-in' '# edited' "$(tail -n 1 $dropin)"
check 'lvsVsAlias' '"shop"' "$(ask $alias)"
check 'the numbers' "$before" "$(numbers)"

step 'restart of snmpd'
was=$(responder)
systemctl restart snmpd
check 'lvsAgentStatus' 1 "$(ask $status)"
check 'the responder was restarted' 1 $(("$(responder)" != was))

step 'upgrade while snmpd is stopped'
systemctl stop snmpd
quietly dpkg -i "$old"
check 'snmpd' inactive "$(state snmpd)"
quietly dpkg -i "$new"
check 'snmpd' inactive "$(state snmpd)"
systemctl start snmpd
check 'lvsAgentStatus' 1 "$(ask $status)"

step 'upgrade after the socket was disabled'
systemctl --quiet disable --now lvs-agent.socket
quietly dpkg -i "$new"
check 'the socket' inactive "$(state lvs-agent.socket)"
# noStatistics(3): a child collector, which may start more slowly than the first answer waits
until_true is 3 $status
# root's lvs-agent walk must leave no files in the state directory of the service's user
quietly lvs-agent walk
check 'files of root in the state directory' '' "$(find /var/lib/lvs-agent/ -user root)"
systemctl --quiet enable --now lvs-agent.socket
until_true is 1 $status

step 'without the module'
ipvsadm -C
modprobe -r ip_vs_rr ip_vs_wlc ip_vs
until_true is 4 $status
check 'lvsAgentStatus is noIpvs(4)' 4 "$(ask $status)"
check 'a request does not load the module' 0 "$(grep -c ^ip_vs /proc/modules)"
load
ipvsadm -A -t 10.2.0.2:80
until_true is 1 $status
check 'the number of the service' 2 "$(ask 17.1.1.2)"

step remove
since=$(date +%s)
quietly dpkg -r lvs-agent
check 'snmpd' active "$(state snmpd)"
check 'lvsAgentStatus' 'No Such Instance currently exists at this OID' "$(ask $status)"
found 'a walk of everything that snmpd shows' snmpwalk -v2c -c public -t 3 -r 0 127.0.0.1 .1
check 'processes left' '' "$(pgrep -af /usr/bin/lvs-agent || true)"
check 'complaints of snmpd' '' "$(journalctl -b -u snmpd --since "@$since" -o cat --no-pager |
    grep -iE 'pass|error|lvs' || true)"

step 'install again'
quietly dpkg -i "$new"
until_true is 1 $status
check 'the number of the service' 2 "$(ask 17.1.1.2)"
check 'the drop-in' '# edited' "$(tail -n 1 $dropin)"
check 'the file of aliases' 'TCP 10.2.0.2:80 shop' "$(tail -n 1 $aliases)"

step purge
quietly dpkg -P lvs-agent
check 'lvsAgentStatus' 'No Such Object available on this agent at this OID' "$(ask $status)"
check 'files left' '' "$(find / \( -path /host -o -path /proc -o -path /sys -o -path /run/job \
    -o -path /usr/local -o -path "$RESULT" \) -prune -o \( -name '*lvs*agent*' -o -name LVS-MIB.txt \) -print)"
check 'failed units' '' "$(systemctl --failed --no-legend)"

step 'install while snmpd is stopped'
systemctl stop snmpd
quietly dpkg -i "$new"
check 'snmpd' inactive "$(state snmpd)"
systemctl start snmpd
check 'lvsAgentStatus' 1 "$(ask $status)"
exit $failed
