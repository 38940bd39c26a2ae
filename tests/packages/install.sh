#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# install.sh PACKAGE: install the package with one command on a director with traffic, walk it, and
# let snmpd send traps.
set -eu
# shellcheck source=tests/packages/lib.sh
. "$(dirname -- "$0")/lib.sh"

step 'a director with traffic'
load
# shellcheck source=tests/lab/scenarios/nat.sh
. "$lab/scenarios/nat.sh"
step 'the package, which brings snmpd'
apt_install snmp "/host$1"
installed=${EPOCHREALTIME/./}
snmpbulkwalk -v2c -c public -On -Cr40 -t 5 -r 0 127.0.0.1 $base > "$RESULT/snmpwalk"
milliseconds=$(((${EPOCHREALTIME/./} - installed) / 1000))
echo "first walk after installation: $milliseconds ms, $(wc -l < "$RESULT/snmpwalk") objects"
check 'first walk within 3 s' 1 $((milliseconds < 3000))
# shellcheck source=tests/lab/ipvsadm.sh
. "$lab/ipvsadm.sh"
snmpbulkwalk -v2c -c public -On -Cr40 -t 5 -r 0 127.0.0.1 $base > "$RESULT/snmpwalk"
check 'lvsAgentStatus is ok(1)' 1 "$(ask $status)"
check 'LVS-MIB is' /usr/share/snmp/mibs/LVS-MIB.txt "$(lvs-agent mib)"

step privileges
connect='import socket; socket.socket(socket.AF_UNIX).connect("/run/lvs-agent/collector.sock")'
check 'snmpd runs as' Debian-snmp "$(user "$(pgrep -x snmpd)")"
check 'the responder runs as' Debian-snmp "$(user "$(responder)")"
check 'capabilities of the responder' '' "$(capabilities "$(responder)")"
# DynamicUser= of systemd.exec(5)
uid=$(stat -c %u "/proc/$(collector)")
check 'the collector runs as a dynamic user, 61184 to 65519' 1 $((61184 <= uid && uid <= 65519))
check 'capabilities of the collector' cap_net_admin "$(capabilities "$(collector)")"
check 'mode and owner of the socket' 'srw-rw---- root Debian-snmp' \
    "$(stat -c '%A %U %G' /run/lvs-agent/collector.sock)"
found 'snmpd may connect' runuser -u Debian-snmp -- python3 -c "$connect"
check 'the user nobody may not' 'PermissionError: [Errno 13] Permission denied' \
    "$(runuser -u nobody -- python3 -c "$connect" 2>&1 | tail -n 1)"
found 'its sandbox scores 1.3 or less' \
    systemd-analyze security --offline=true --threshold=13 lvs-agent.service
tail -n 1 /tmp/found
found 'the units are well-formed' systemd-analyze verify --man=no lvs-agent.service lvs-agent.socket
check 'failed units' '' "$(systemctl --failed --no-legend)"

[ $failed = 0 ] || exit $failed
# shellcheck source=tests/packages/traps.sh
. "$(dirname -- "$0")/traps.sh"
exit $failed
