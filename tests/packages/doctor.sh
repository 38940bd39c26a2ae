#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# doctor.sh PACKAGE: test lvs-agent doctor on a healthy machine, then on faults, each of which is
# fixed by the doctor's own commands.
set -eu
# shellcheck source=tests/packages/lib.sh
. "$(dirname -- "$0")/lib.sh"
dropin=/etc/snmp/snmpd.conf.d/lvs-agent.conf

# doctor STATUS: run the doctor and check its exit status.
doctor() {
    local status=0
    lvs-agent doctor || status=$?
    check 'exit status' "$1" "$status"
}

# fix: run the commands that the doctor suggests, then check that nothing is wrong.
fix() {
    lvs-agent doctor --json > /tmp/findings || true
    python3 - > /tmp/remedies <<'END'
import json
for finding in json.load(open("/tmp/findings"))["findings"]:
    if finding["state"] == "wrong" and finding["remedy"]:
        print(finding["remedy"])
END
    sed 's/^/fixing: /' /tmp/remedies
    quietly bash -e /tmp/remedies
    doctor 0
}

one_service
apt_install snmp "/host$1"

step 'a healthy machine'
doctor 0
step 'as an ordinary user'
runuser -u nobody -- lvs-agent doctor || check 'exit status' 3 $?

step 'the socket disabled'
systemctl --quiet disable --now lvs-agent.socket
doctor 1
fix

step 'the view hides LVS-MIB'
sed -i '/^view/d' $dropin
systemctl restart snmpd
doctor 1
fix

step 'a collector without the capability'
folder=/etc/systemd/system/lvs-agent.service.d
mkdir -p $folder
printf '%s\n' '[Service]' 'AmbientCapabilities=' 'CapabilityBoundingSet=' > $folder/override.conf
systemctl daemon-reload
systemctl restart lvs-agent.service
doctor 1
fix

step 'counters frozen, snmpd stopped'
sysctl -q -w net.ipv4.vs.run_estimation=0
systemctl stop snmpd
doctor 1
fix

step 'monitor lines, which this service does not read'
cat > /etc/snmp/snmpd.conf.d/monitor.conf <<END
createUser self SHA "a secret of self"
rouser self auth $base
iquerySecName self
monitor "no real server" $base.21.1.12 < 1
END
systemctl restart snmpd
doctor 1
fix

step 'no module'
ipvsadm -C
modprobe -r ip_vs_rr ip_vs
doctor 1
check 'the doctor does not load the module' 0 "$(grep -c ^ip_vs /proc/modules)"
fix

step 'a second line, and net-snmp-lvs-module'
echo "pass_persist $base /usr/bin/lvs-agent pass-persist" > /etc/snmp/snmpd.conf.d/second.conf
echo 'dlmod lvs /usr/lib/snmp/liblvs.so' > /etc/snmp/snmpd.conf.d/third.conf
systemctl restart snmpd
doctor 1
exit $failed
