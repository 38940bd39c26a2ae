# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# IPVS loaded, with no service, no sync daemon and the kernel's default settings.

[ -e /proc/net/ip_vs ] || die "ip_vs is not loaded"
