# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# IPVS loaded, no service, no sync daemon, every setting as the kernel has it.

[ -e /proc/net/ip_vs ] || die "ip_vs is not loaded"
