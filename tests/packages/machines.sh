#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# machines.sh PACKAGE: install and purge a deb on machines that are set up in other ways: without
# systemd, with a policy that starts no service, without snmpd, with a volume for the state.
set -eu
# shellcheck source=tests/packages/lib.sh
. "$(dirname -- "$0")/lib.sh"
package=/host$1
policy=/usr/sbin/policy-rc.d

snmpd() { systemctl show -P MainPID snmpd.service; }
enabled() { systemctl is-enabled lvs-agent.socket; }
# volume FOLDER: mount a file system with a file on it.
volume() { mkdir -p "$1"; mount -t tmpfs volume "$1"; touch "$1/file"; }

# gone: check that nothing of the package is left.
gone() {
    check 'packages that are not configured' '' "$(dpkg --audit)"
    check 'files left' '' "$(find /etc /lib/systemd /usr/bin /usr/share /var/lib -name '*lvs*agent*')"
}

one_service
apt_install snmpd snmp

step 'no systemd, as in a container'
was=$(snmpd)
without_systemd() { quietly unshare -m sh -ec 'mount -t tmpfs run /run; exec "$@"' - "$@"; }
without_systemd dpkg -i "$package"
check 'the socket unit is' enabled "$(enabled)"
without_systemd dpkg -P lvs-agent
check 'snmpd was not restarted' "$was" "$(snmpd)"
gone

step 'a policy that starts no service'
printf '#!/bin/sh\nexit 101\n' > $policy
chmod +x $policy
quietly dpkg -i "$package"
check 'the socket unit is' 'enabled inactive' "$(enabled) $(state lvs-agent.socket)"
quietly dpkg -P lvs-agent
check 'snmpd was not restarted' "$was" "$(snmpd)"
rm $policy
gone

step 'snmpd masked'
systemctl --quiet mask --now snmpd
quietly dpkg -i "$package"
check 'the socket unit is' 'enabled active' "$(enabled) $(state lvs-agent.socket)"
quietly dpkg -P lvs-agent
check 'snmpd' inactive "$(state snmpd)"
systemctl --quiet unmask snmpd
gone

step 'neither snmpd nor its user, whose group has the socket'
quietly dpkg -P snmpd
quietly dpkg -i --force-depends "$package"
check 'the socket unit is' 'enabled failed' "$(enabled) $(state lvs-agent.socket)"
apt_install snmpd
systemctl start lvs-agent.socket
until_true is 1 $status
quietly dpkg -P lvs-agent
check 'snmpd' active "$(state snmpd)"
gone

step 'a volume for the state'
private=/var/lib/private/lvs-agent
install -d -m 700 /var/lib/private
volume $private
quietly dpkg -i "$package"
check 'lvsAgentStatus' 1 "$(ask $status)"
check 'the state is on the volume' $private "$(stat -c %m $private/history.jsonl)"
quietly dpkg -P lvs-agent
check 'files left on the volume' '' "$(ls $private)"
umount $private
rmdir $private
gone

step 'a volume in the place of the link to the state'
public=/var/lib/lvs-agent
volume $public
quietly dpkg -i "$package"
quietly dpkg -P lvs-agent
check 'files left on the volume' '' "$(ls $public)"
umount $public
rmdir $public
gone
exit $failed
