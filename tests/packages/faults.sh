#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# faults.sh PACKAGE: trace the collector's system calls, then end it in several ways and check that
# it comes back while snmpd answers.
# shellcheck disable=SC2317  # functions are called by until_true
set -eu
# shellcheck source=tests/packages/lib.sh
. "$(dirname -- "$0")/lib.sh"

dropin() { # NAME LINE...: add a drop-in to lvs-agent.service
    local folder=/run/systemd/system/lvs-agent.service.d name=$1; shift
    mkdir -p $folder
    printf '%s\n' '[Service]' "$@" > "$folder/$name.conf"
    systemctl daemon-reload
}
no_dropin() { rm "/run/systemd/system/lvs-agent.service.d/$1.conf"; systemctl daemon-reload; }
stopped() { ask "$status" >/dev/null; [ "$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$(collector)/status" 2>/dev/null)" = T ]; }
traced() { grep -q 'TracerPid:.[1-9]' "/proc/$(collector)/status"; }
restarts() { systemctl show -P NRestarts lvs-agent.service; }
many_restarts() { [ "$(restarts)" -ge "$1" ]; }

# answers: check that the collector answers, without the snapshot in the responder's memory.
answers() {
    runuser -u Debian-snmp -- lvs-agent walk --collector /run/lvs-agent/collector.sock 2>/dev/null |
        grep -q "^$base.$status = INTEGER: 1"
}

# snmpd_answers SECONDS: send a GET of sysUpTime every 0.1 s for so long, and check that each is
# answered within a second. lvsAgentStatus is requested too, so that the responder connects to the
# collector.
snmpd_answers() {
    local end=$((SECONDS + $1)) asked=0 lost=0
    while ((SECONDS < end)); do
        snmpget -v2c -c public -t 1 -r 0 127.0.0.1 .1.3.6.1.2.1.1.3.0 >/dev/null 2>&1 ||
            lost=$((lost + 1))
        asked=$((asked + 1))
        ask $status >/dev/null
        sleep 0.1
    done
    check "of $asked GETs meanwhile unanswered" 0 "$lost"
}

one_service
apt_install snmp "/host$1"
check 'lvsAgentStatus' 1 "$(ask $status)"

step 'the collector traced from its first instruction'
systemctl --quiet stop lvs-agent.service 2>/dev/null
# a shell that waits until it is traced, then executes the collector
dropin trace 'ExecStart=' "ExecStart=/bin/sh -c 'kill -STOP \$\$\$\$; exec /usr/bin/lvs-agent collector'"
until_true stopped
traced=$(collector)
strace -f -v -xx -yy -s 4096 -e trace=%network,read,readv,write,openat -o "$RESULT/strace" -p "$traced" &
strace=$!
until_true traced
kill -CONT "$traced"
until_true is 1 $status
for _ in 1 2 3; do
    runuser -u Debian-snmp -- lvs-agent walk >/dev/null
    sleep 0.6   # longer than clients share a snapshot
done
snmpset -v2c -c public 127.0.0.1 $base.26.2.0 i 1 >/dev/null 2>&1 || true
kill "$strace"; wait "$strace" || true
no_dropin trace

step 'killed'
was=$(collector)
kill -KILL "$was"
snmpd_answers 3
until_true answers
check 'the collector was restarted' 1 $(("$(collector)" != was))

step 'stopped by systemctl'
systemctl --quiet stop lvs-agent.service 2>/dev/null
until_true answers
check 'the service' active "$(state lvs-agent.service)"

step 'killed at its memory limit'
check MemoryMax 1073741824 "$(systemctl show -P MemoryMax lvs-agent.service)"
check TasksMax 4 "$(systemctl show -P TasksMax lvs-agent.service)"
before=$(restarts)
dropin memory MemoryMax=4M MemorySwapMax=0
snmpd_answers 3
until_true many_restarts $((before + 2))
check 'the reason' oom-kill "$(journalctl -b -u lvs-agent.service -o cat --no-pager |
    sed -n "s/.*Failed with result '\(oom-kill\)'.*/\1/p" | sort -u)"
no_dropin memory
until_true answers
check 'the socket' active "$(state lvs-agent.socket)"

step 'suspended by SIGSTOP'
kill -STOP "$(collector)"
snmpd_answers 3
kill -CONT "$(collector)"
until_true answers
until_true is 1 $status

step 'crashing at start'
file=/usr/share/lvs-agent/lvs_agent/collector/server.py
cp $file /tmp/collector.py
dropin fast RestartSec=100ms   # a harder test of systemd's start limits than the unit's 3 s
echo 'raise SystemExit("broken")' > $file
before=$(restarts)
kill -KILL "$(collector)"
snmpd_answers 3
until_true many_restarts $((before + 10))
echo "starts that failed: $(($(restarts) - before))"
check 'the socket' active "$(state lvs-agent.socket)"
cp /tmp/collector.py $file
until_true answers
until_true is 1 $status
check 'lvsAgentStatus' 1 "$(ask $status)"
check 'failed units' '' "$(systemctl --failed --no-legend)"
exit $failed
