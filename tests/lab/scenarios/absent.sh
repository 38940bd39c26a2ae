# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A machine where the module ip_vs is installed but not loaded. Do not call load before it.

! grep -q '^ip_vs ' /proc/modules || die "ip_vs is loaded"
