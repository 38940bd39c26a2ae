# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A machine without IPVS: the module is there to be loaded, but nobody has. Not for use after load.

! grep -q '^ip_vs ' /proc/modules || die "ip_vs is loaded"
