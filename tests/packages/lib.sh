# shellcheck shell=bash disable=SC2034  # the variables are for the scripts that source this
# SPDX-License-Identifier: GPL-3.0-or-later
# Helpers for scripts that run in an image's guest (tests/packages/image).

# shellcheck source=tests/lab/lib.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../lab/lib.sh"

failed=0

# one_service: load IPVS and add a service with one real server.
one_service() {
    load
    ipvsadm -A -t 10.2.0.1:80 -s rr
    ipvsadm -a -t 10.2.0.1:80 -r 10.1.1.21:80 -m
}

# step WORDS...: print the name of the next step, with the seconds since the guest's start.
step() { printf '## %s [%s]\n' "$*" "$(cut -d' ' -f1 /proc/uptime)"; }

# check NAME EXPECTED FOUND: compare two values and print the result; end a script by: exit $failed.
check() {
    if [ "$2" = "$3" ]; then
        echo "ok      $1: ${3//$'\n'/ | }"
    else
        printf 'FAILED  %s\n  expected %s\n  found    %s\n' "$1" "$2" "$3"
        failed=1
    fi
}

# found NAME COMMAND...: check that the command succeeds.
found() {
    local name=$1 status=0; shift
    "$@" >/tmp/found 2>&1 || status=$?
    check "$name" 0 "$status"
    [ "$status" = 0 ] || cat /tmp/found
}

# ask OBJECT...: print the values of objects, from the director's snmpd.
ask() { snmpget -v2c -c public -Oqv -t 3 -r 0 127.0.0.1 "${@/#/$base.}" 2>&1; }

# version: print the version of the agent that answers.
version() { ask 26.1.0; }

# is VALUE OBJECT: compare an object's value, for until_true.
is() { [ "$(ask "$2")" = "$1" ]; }

# quietly COMMAND...: run a command; if it fails, print its output and end the script.
quietly() { "$@" >/tmp/quietly 2>&1 || { cat /tmp/quietly >&2; die "failed: $*"; }; }

apt_install() { quietly apt-get install -y --no-install-recommends "$@"; }

# capabilities PID: print a process's effective capabilities (CapEff) by name.
capabilities() { capsh --decode="$(sed -n 's/^CapEff:\t//p' "/proc/$1/status")" | cut -d= -f2; }

# user PID: print the user of a process.
user() { ps -o user:32= -p "$1" | tr -d ' '; }

responder() { pgrep -f '/usr/bin/lvs-agent pass-persist'; }
collector() { systemctl show -P MainPID lvs-agent.service; }
state() { systemctl is-active "$1" || true; }

# lvsAgentStatus
status=26.2.0
