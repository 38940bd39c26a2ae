# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# For scripts with $top, the checkout: let net-snmp's tools print LVS-MIB's names, and its instances
# as addresses. That takes the IETF's modules, which Debian has in the package erlang-snmp.
MIBDIRS=$(echo /usr/lib/erlang/lib/snmp-*/mibs):/usr/share/snmp/mibs:${top:?}/mibs
export MIBDIRS MIBS=LVS-MIB
