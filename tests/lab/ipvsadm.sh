# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Source this in the guest after lib.sh, to save what ipvsadm and /proc show in $RESULT/ipvsadm.

view() { # FILE COMMAND...: save a command's output
    local file=$RESULT/ipvsadm/$1; shift
    "$@" > "$file" || die "failed: $*"
}

mkdir -p "$RESULT/ipvsadm"
view stats ipvsadm -Ln --stats --exact
view rate ipvsadm -Ln --rate --exact
view thresholds ipvsadm -Ln --thresholds
view persistent-conn ipvsadm -Ln --persistent-conn
view list ipvsadm -Ln
view timeout ipvsadm -Ln --timeout
view daemon ipvsadm -Ln --daemon
view save ipvsadm -Sn
for name in ip_vs ip_vs_stats ip_vs_stats_percpu; do
    view "proc-$name" cat "/proc/net/$name"
done
