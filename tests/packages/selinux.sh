#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# selinux.sh PACKAGE RULES: check that with SELinux enforcing, snmpd reaches the collector only with
# the rules, and reads the file of aliases.
# shellcheck disable=SC2317  # functions are called by until_true
set -eu
# shellcheck source=tests/packages/lib.sh
. "$(dirname -- "$0")/lib.sh"

# denied CLASS: print the number of denials to snmpd's domain for an object class.
denied() { dmesg | grep -c "avc: *denied.*scontext=[^ ]*:snmpd_t:.*tclass=$1 " || true; }

alias=21.1.29.1.4.10.2.0.1.6.80  # lvsVsAlias

one_service
apt_install snmp "/host$1"
cp "/host$2" /tmp/   # semodule's domain may not read the host's files
# Debian boots with SELinux permissive; enforcing only now, as this script has no domain of its own
sysctl -q -w kernel.printk_ratelimit=0   # so that dmesg has every denial
setenforce 1
trap 'setenforce 0' EXIT   # so that the script that runs this one can report its exit status
check 'SELinux is' Enforcing "$(getenforce)"

step 'without the rules'
systemctl restart snmpd
until_true is 3 "$status"
check 'lvsAgentStatus is noStatistics(3)' 3 "$(ask "$status")"
check 'the socket is denied' 1 $(("$(denied sock_file)" > 0))
check 'netlink is denied' 1 $(("$(denied netlink_generic_socket)" > 0))

step 'with the rules'
quietly semodule -i "/tmp/$(basename "$2")"
systemctl restart snmpd
dmesg -C
check 'lvsAgentStatus' 1 "$(ask "$status")"
echo 'TCP 10.2.0.1:80 shop' >> /etc/lvs-agent/aliases
until_true is '"shop"' "$alias"
check 'lvsVsAlias' '"shop"' "$(ask "$alias")"
check 'domain of the responder' snmpd_t "$(ps -o label= -p "$(responder)" | cut -d: -f3)"
check 'domain of the collector' initrc_t "$(ps -o label= -p "$(collector)" | cut -d: -f3)"
step 'before the collector has started'
systemctl restart lvs-agent.socket
until_true is 1 "$status"
systemctl restart snmpd
check 'lvsAgentStatus' 1 "$(ask "$status")"
check 'sockets denied' '0 0' "$(denied sock_file) $(denied unix_stream_socket)"

step 'the watch, which needs no rule'
watch=lvs-agent-watch.service
told() { grep -qs service-down /var/lib/lvs-agent-watch/reported.json; }
sent() { grep -qF '"waiting": []' /var/lib/lvs-agent-watch/reported.json; }
systemctl --quiet enable --now "$watch"
ipvsadm -e -t 10.2.0.1:80 -r 10.1.1.21:80 -m -w 0
until_true told
until_true sent
check 'the journal has' 'TCP 10.2.0.1:80 (shop) is down, 0 of 1 real servers up' \
    "$(journalctl -t lvs-agent LVS_EVENT=service-down -o cat --no-pager)"
check 'domain of the watch' initrc_t \
    "$(ps -o label= -p "$(systemctl show -P MainPID "$watch")" | cut -d: -f3)"
check 'it was denied' 0 "$(dmesg | grep -c 'avc: *denied.*scontext=[^ ]*:initrc_t:' || true)"
systemctl --quiet disable --now "$watch"

step 'with the rules removed again'
quietly semodule -r lvs-agent
systemctl restart snmpd
until_true is 3 "$status"
check 'lvsAgentStatus is noStatistics(3)' 3 "$(ask "$status")"
exit $failed
