#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# el.sh OLD NEW SELINUX DISTRIBUTION: install, upgrade and erase two rpms on a machine whose snmpd
# is set up as on Enterprise Linux: it runs as root, there is no drop-in folder, views have other
# names, and units are disabled by default.
# shellcheck disable=SC2086,SC2317  # functions are called by until_true
set -eu
# shellcheck source=tests/packages/lib.sh
. "$(dirname -- "$0")/lib.sh"
old=/host$1 new=/host$2 selinux=/host$3 distribution=/host$4
local=/etc/snmp/snmpd.local.conf
dropin=/etc/snmp/snmpd.conf.d/lvs-agent.conf

snmpd_unit=/etc/systemd/system/snmpd.service.d
version_of() { rpm -qp --qf '%{version}' "$1" 2>/dev/null; }

# active: send snmpd a request, then check that the collector is active.
active() { ask $status >/dev/null; [ "$(state lvs-agent.service)" = active ]; }
# saved SERVICE: send snmpd a request, then check that the service's number is saved.
saved() { ask $status >/dev/null; grep -qs "TCP $1" /var/lib/lvs-agent/history.jsonl; }

step 'a machine like Enterprise Linux'
one_service
apt_install snmpd snmp rpm
mkdir -p $snmpd_unit /usr/lib/systemd/system-preset
printf '%s\n' '[Service]' 'ExecStart=' 'ExecStart=/usr/sbin/snmpd -LOw -f' > $snmpd_unit/el.conf
rmdir /etc/snmp/snmpd.conf.d
cat > /etc/snmp/snmpd.conf <<'END'
com2sec notConfigUser  default       public
group   notConfigGroup v2c           notConfigUser
view    systemview     included      .1.3.6.1.2.1.1
access  notConfigGroup "" any noauth exact systemview none none
END
echo 'disable *' > /usr/lib/systemd/system-preset/99-default-disable.preset
systemctl daemon-reload
systemctl restart snmpd
rpm --initdb
check 'without net-snmp it does not install' 1 \
    "$(rpm -i "$new" 2>&1 | grep -c '^[[:space:]]*net-snmp is needed')"
quietly rpm -i "$distribution"

step install
quietly rpm -i "$old"
check 'lvsAgentStatus' 1 "$(ask $status)"
check 'lvsAgentVersion' "\"$(version_of "$old")\"" "$(version)"
check 'lvsVsName' '"TCP 10.2.0.1:80"' "$(ask 21.1.5.1.4.10.2.0.1.6.80)"
check 'the socket unit is' enabled "$(systemctl is-enabled lvs-agent.socket)"
check 'the watch is' 'disabled inactive' \
    "$(systemctl is-enabled lvs-agent-watch || true) $(state lvs-agent-watch)"
systemctl --quiet enable --now lvs-agent-watch
watcher=$(systemctl show -P MainPID lvs-agent-watch)
check 'mode and owner of the socket' 'srw-rw---- root root' "$(stat -c '%A %U %G' /run/lvs-agent/collector.sock)"
check 'capabilities of the collector' cap_net_admin "$(capabilities "$(collector)")"
check 'include lines' 'includeDir /etc/snmp/snmpd.conf.d' "$(cat $local)"
found 'files are as packaged' rpm -V lvs-agent

step 'no socket: snmpd runs as root, so the responder runs a child collector'
systemctl stop lvs-agent.socket lvs-agent.service
rm -rf /var/lib/lvs-agent /var/lib/private/lvs-agent
until_true saved 10.2.0.1:80
check 'lvsAgentStatus' 1 "$(ask $status)"
check 'owner of the state' root "$(stat -c %U /var/lib/lvs-agent)"
check 'processes of snmpd' 2 "$(responder | wc -l)"
number=$(ask 21.1.27.1.4.10.2.0.1.6.80)

step 'the socket again: the service continues with the state of the child collector'
systemctl start lvs-agent.socket
until_true active
until_true is 1 $status
ipvsadm -A -t 10.2.0.8:80 -s rr
until_true saved 10.2.0.8:80
check 'lvsAgentStatus' 1 "$(ask $status)"
check 'lvsVsNumber' "$number" "$(ask 21.1.27.1.4.10.2.0.1.6.80)"
check 'owner of the state' "$(ps -o uid= -p "$(collector)" | tr -d ' ')" "$(stat -c %u /var/lib/lvs-agent/)"
check 'processes of snmpd' 1 "$(responder | wc -l)"
ipvsadm -D -t 10.2.0.8:80

step 'upgrade, with an edited drop-in and an alias'
echo '# edited' >> $dropin
echo 'TCP 10.2.0.1:80 shop' >> /etc/lvs-agent/aliases
was=$(collector)
quietly rpm -U "$new"
check 'lvsAgentVersion' "\"$(version_of "$new")\"" "$(version)"
check 'lvsAgentStatus' 1 "$(ask $status)"
check 'the collector was restarted' 1 $(("$(collector)" != was))
check 'the watch is' active "$(state lvs-agent-watch)"
check 'the watch was restarted' 1 $(("$(systemctl show -P MainPID lvs-agent-watch)" != watcher))
check 'the drop-in' '# edited' "$(tail -n 1 $dropin)"
check 'lvsVsAlias' '"shop"' "$(ask 21.1.29.1.4.10.2.0.1.6.80)"
check 'include lines' 'includeDir /etc/snmp/snmpd.conf.d' "$(cat $local)"

step 'the SELinux rules on a machine without SELinux'
quietly rpm -i "$selinux"
quietly rpm -e lvs-agent-selinux

step 'erase, with an instance of the template'
quietly systemctl enable --now lvs-agent@lb.socket
check 'owner of its socket' 'root root' "$(stat -c '%U %G' /run/lvs-agent/collector@lb.sock)"
quietly rpm -e lvs-agent
check 'sockets left' '' "$(find /run/lvs-agent -name '*.sock')"
check 'lvsAgentStatus' 'No Such Object available on this agent at this OID' "$(ask $status)"
check 'snmpd' active "$(state snmpd)"
check 'processes left' '' "$(pgrep -af /usr/bin/lvs-agent || true)"
check 'snmpd.local.conf' 'gone' "$(ls $local 2>/dev/null || echo gone)"
check 'aliases left' 'TCP 10.2.0.1:80 shop' "$(tail -n 1 /etc/lvs-agent/aliases.rpmsave)"
left=(/etc/lvs-agent "$dropin.rpmsave" /var/lib/lvs-agent /var/lib/lvs-agent-watch /var/lib/private/lvs-agent)
check 'files left' "${left[*]}" \
    "$(find /etc /usr /var/lib -name '*lvs*agent*' -not -path '/usr/local/*' | sort | xargs)"

step 'install and erase where snmpd.local.conf is a link to a file that ends in another section'
rm $dropin.rpmsave
rm -r /etc/lvs-agent
printf 'rocommunity secret\n[snmp]\ndefVersion 2c' > /etc/snmp/site.conf
cp /etc/snmp/site.conf /tmp/site.conf
ln -s site.conf $local
quietly rpm -i "$new"
check 'snmpd.local.conf' 'includeDir /etc/snmp/snmpd.conf.d' "$(head -n 1 $local)"
check 'lvsAgentStatus' 1 "$(ask $status)"
check 'exit status of snmpget with the community' 0 \
    "$(snmpget -v2c -c secret -t 3 -r 0 127.0.0.1 .1.3.6.1.2.1.1.3.0 >/dev/null 2>&1; echo $?)"
quietly rpm -e lvs-agent
check 'snmpd.local.conf' 'symbolic link' "$(stat -c %F $local)"
found 'its target is as it was' cmp /tmp/site.conf /etc/snmp/site.conf
rm $local

# killed COMMAND RPM-OPTION...: run rpm until a scriptlet runs this command of systemctl.
killed() {
    local status=0
    cat > /usr/sbin/systemctl <<END
#!/bin/sh
[ "\$*" != '$1' ] || kill -KILL \$(ps -o ppid= \$PPID) \$PPID \$\$
exec /usr/bin/systemctl "\$@"
END
    chmod +x /usr/sbin/systemctl
    { rpm "${@:2}" || status=$?; } >/tmp/rpm 2>&1
    rm /usr/sbin/systemctl
    check 'exit status of rpm' 137 "$status"
}

step 'installation, killed in %post'
killed daemon-reload -i "$old"
quietly rpm -U --replacepkgs "$old"
check 'lvsAgentStatus' 1 "$(ask $status)"
check 'the socket' 'enabled active' \
    "$(systemctl is-enabled lvs-agent.socket) $(state lvs-agent.socket)"
check 'include lines' 'includeDir /etc/snmp/snmpd.conf.d' "$(cat $local)"

step 'upgrade, killed in %post'
killed daemon-reload -U "$new"
quietly rpm -U --replacepkgs "$new"
check 'versions installed' "$(version_of "$new")" "$(rpm -q --qf '%{version}' lvs-agent)"
check 'lvsAgentVersion' "\"$(version_of "$new")\"" "$(version)"
check 'include lines' 'includeDir /etc/snmp/snmpd.conf.d' "$(cat $local)"

step 'erasure, killed in %preun'
killed '--no-reload disable --now lvs-agent.socket' -e lvs-agent
check 'snmpd' active "$(state snmpd)"
step 'erasure, killed in %postun'
killed daemon-reload -e lvs-agent
quietly rpm -e lvs-agent
check 'lvsAgentStatus' 'No Such Object available on this agent at this OID' "$(ask $status)"
check 'processes left' '' "$(pgrep -af /usr/bin/lvs-agent || true)"
check 'snmpd.local.conf' 'gone' "$(ls $local 2>/dev/null || echo gone)"

step 'install while snmpd is stopped, with another include line'
echo 'includeDir /etc/snmp/snmpd.conf.d' >> /etc/snmp/snmpd.conf
systemctl stop snmpd
quietly rpm -i "$new"
check 'snmpd' inactive "$(state snmpd)"
check 'snmpd.local.conf' 'not there' "$(ls $local 2>/dev/null || echo 'not there')"
systemctl start snmpd
check 'lvsAgentStatus' 1 "$(ask $status)"
quietly rpm -e lvs-agent
check 'failed units' '' "$(systemctl --failed --no-legend)"
exit $failed
