# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of monitor lines about LVS-MIB in snmpd.conf; see snmpd.conf(5), DisMan Event MIB."""

from __future__ import annotations

from typing import List, Optional

from lvs_agent.doctor.finding import Finding, ok, wrong
from lvs_agent.doctor.machine import Machine
from lvs_agent.doctor.passline import Snmpd
from lvs_agent.doctor.remedy import Remedy, append, both, command
from lvs_agent.doctor.units import RELOAD
from lvs_agent.mib.lvs import LVS, objects
from lvs_agent.netsnmp import oids, snmpdconf
from lvs_agent.netsnmp.reader import places

# The modules that read the lines, query snmpd, and send the traps: in net-snmp's agent/mibgroup,
# disman/event and utilities.
MODULES = ("mteTriggerConf", "iquery", "mteEvent")

# The command of snmpd.service in Debian 12 and 13, as /proc shows it, and the drop-in that enables
# the modules, the same as contrib/recipes/snmpd-monitor.conf
DEBIAN = [
    *("/usr/sbin/snmpd", "-LOw", "-u", "Debian-snmp", "-g", "Debian-snmp"),
    *("-I", "-smux", "mteTrigger", "mteTriggerConf", "-f"),
]
DROP_IN = "/etc/systemd/system/snmpd.service.d/snmpd-monitor.conf"
LINES = (
    "[Service]",
    "ExecStart=",
    "ExecStart=/usr/sbin/snmpd -LOw -u Debian-snmp -g Debian-snmp -I -smux -f",
)

_SCALARS, _TABLES = objects()
_NAMES = {
    *(scalar.name for scalar in _SCALARS),
    *(column.name for table in _TABLES for column in table.columns),
}


def look(machine: Machine, snmpd: Snmpd) -> List[Finding]:
    """Return a finding on the monitor lines about LVS-MIB; none if there are no such lines."""
    lines = [line for line in snmpd.config.all("monitor") if any(map(_ours, line.words()))]
    if not lines:
        return []
    arguments = machine.arguments(snmpd.process.pid)
    told = snmpdconf.invocation(arguments)
    disabled = [module for module in MODULES if not told.starts(module)]
    if disabled:
        text = f"{places(lines)}: no traps: snmpd's option -I disables {', '.join(disabled)}"
        return [wrong("monitor", text, _enable(machine, snmpd, arguments))]
    named = any(line.raw for line in snmpd.config.all("iquerysecname", "agentsecname"))
    without_user = [line for line in lines if not named and "-u" not in line.words()]
    if without_user and snmpd.config.whole:
        text = f"{places(without_user)}: no traps: no line iquerySecName names a user for them"
        return [wrong("monitor", text)]
    return [ok("monitor", f"{places(lines)}: snmpd monitors LVS-MIB")]


def _ours(word: str) -> bool:
    """Return whether a word is an OID of LVS-MIB, in numbers or with the name of an object."""
    oid = oids.parse(word)
    if oid is not None:
        return oid[: len(LVS)] == LVS
    return word.rpartition("::")[2].partition(".")[0] in _NAMES


def _enable(machine: Machine, snmpd: Snmpd, arguments: List[str]) -> Optional[Remedy]:
    """Return the command that enables the modules; None if this is not Debian's service."""
    if not machine.systemd or arguments != DEBIAN:
        return None
    again = both(RELOAD, snmpd.restart)
    if machine.exists(DROP_IN):
        return again
    folder = command("mkdir", "-p", DROP_IN.rpartition("/")[0])
    return both(folder, append(machine, DROP_IN, *LINES), again)
