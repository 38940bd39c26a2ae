#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# interrupted.sh PACKAGE: kill dpkg and the maintainer script that it runs, at several commands of
# each script, then continue.
set -eu
# shellcheck source=tests/packages/lib.sh
. "$(dirname -- "$0")/lib.sh"
package=/tmp/stops.deb
control=/tmp/stops/DEBIAN

# stop SCRIPT COMMAND: insert a place before a command where the script kills itself and dpkg.
stop() {
    # shellcheck disable=SC2016  # for the script's shell
    local kill='[ ! -e /run/stop ] || kill -KILL $PPID $$'
    rm -rf /tmp/stops
    dpkg-deb -R "/host$original" /tmp/stops
    grep -q "^[[:space:]]*$2" "$control/$1" || die "$1 has no $2"
    sed -i "/^[[:space:]]*$2/i $kill" "$control/$1"
    quietly dpkg-deb -b -Znone /tmp/stops $package
}

# killed DPKG-OPTION...: run dpkg until it is killed.
killed() {
    local status=0
    touch /run/stop
    { dpkg "$@" || status=$?; } >/tmp/dpkg 2>&1
    rm /run/stop
    check 'exit status of dpkg' 137 "$status"
}

# works: check that the package is installed and answers.
works() {
    check 'packages that are not configured' '' "$(dpkg --audit)"
    check 'lvsAgentStatus' 1 "$(ask $status)"
    check 'the socket' 'enabled active' \
        "$(systemctl is-enabled lvs-agent.socket) $(state lvs-agent.socket)"
}

# gone: check that nothing of the package is left, and that snmpd runs.
gone() {
    check 'packages that are not configured' '' "$(dpkg --audit)"
    check 'snmpd' active "$(state snmpd)"
    check 'processes left' '' "$(pgrep -af /usr/bin/lvs-agent || true)"
    check 'files left' '' "$(find /etc /lib/systemd /run /usr/bin /usr/share /var/lib -name '*lvs*agent*')"
}

original=$1
one_service
apt_install snmpd snmp

for command in 'deb-systemd-helper enable' 'deb-systemd-invoke' 'lvs-agent walk'; do
    step "installation, killed before $command"
    stop postinst "$command"
    killed -i $package
    quietly dpkg --configure -a
    works
    quietly dpkg -P lvs-agent
    gone
done

step 'removal, killed after the socket was stopped'
stop prerm '# End'
quietly dpkg -i $package
killed -r lvs-agent
quietly dpkg -i "/host$original"
works

step 'removal whose prerm fails'
quietly dpkg -i $package
sed -i 's/-KILL .*/-KILL $$/' /var/lib/dpkg/info/lvs-agent.prerm
touch /run/stop
check 'exit status of dpkg' 1 "$(dpkg -r lvs-agent >/dev/null 2>&1; echo $?)"
rm /run/stop
until_true is 1 $status
works

for command in 'systemctl' 'deb-systemd-helper purge' 'deb-systemd-invoke' 'rm -rf'; do
    step "purge, killed before $command"
    stop postrm "$command"
    quietly dpkg -i $package
    killed -P lvs-agent
    quietly dpkg -P lvs-agent
    gone
done
exit $failed
