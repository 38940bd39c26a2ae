# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of access to the subtree: the readers that see it, and the views that hide it."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from lvs_agent.doctor.access import Reader, Sight, Views, readers
from lvs_agent.doctor.finding import Finding, note, ok, wrong
from lvs_agent.doctor.machine import Machine
from lvs_agent.doctor.passline import Snmpd, used
from lvs_agent.mib.lvs import LVS
from lvs_agent.mib.smi import Oid, dotted
from lvs_agent.netsnmp import oids
from lvs_agent.netsnmp.reader import places

# Milliseconds in which snmpd skips a service or real server, and the five 64-bit counters of one.
ROW, COUNTERS = 2.0, 0.2
LONG = 1000.0  # milliseconds; snmpd answers nobody meanwhile


def look(machine: Machine, snmpd: Snmpd, rows: int) -> List[Finding]:
    """Return a finding for each view. rows is the number of services and real servers."""
    config, one = snmpd.config, used(snmpd.config.lines)
    target = None if one is None else one.line.file
    found, views = readers(config), Views(config)
    if not found:
        if not config.whole:
            return []  # another finding reports the files that were not read
        line = f"rocommunity public 127.0.0.1 {oids.SUBTREE}"
        text = "no community or user may read anything"
        return [wrong("view", text, snmpd.add(machine, line, target))]
    groups: Dict[Tuple[str, Optional[Oid]], List[Reader]] = {}
    for reader in found:
        groups.setdefault((reader.view, reader.subtree), []).append(reader)
    visible = any(views.sight(group[0], LVS) != Sight.NONE for group in groups.values())
    findings = []
    for (view, subtree), group in groups.items():
        sight, whose = views.sight(group[0], LVS), places(reader.line for reader in group)
        at = [f" ({each.place})" for each in config.all("view") if each.rest.split()[:1] == [view]]
        what = f"view {view}{''.join(at[-1:])}" if subtree is None else f".{dotted(subtree)}"
        if sight == Sight.ALL:
            findings.append(ok("view", f"{what} shows {oids.SUBTREE} to {whose}"))
        elif sight == Sight.PART:
            text = f"{what} shows only a part of {oids.SUBTREE} to {whose}"
            findings.append(_skipping(text, rows * ROW))
        else:
            remedy = None
            if not visible and subtree is None and views.opened(view, LVS):
                line = f"view {view} included {oids.SUBTREE}"
                remedy = snmpd.add(machine, line, target)
            text = f"{what} hides {oids.SUBTREE} from {whose}"
            findings.append((note if visible else wrong)("view", text, remedy))
    old = [reader for reader in found if reader.old and views.sight(reader, LVS) == Sight.ALL]
    if old:
        text = f"{places(reader.line for reader in old)}: SNMPv1 only, which hides 64-bit counters"
        findings.append(_skipping(text, rows * COUNTERS))
    return findings


def _skipping(text: str, took: float) -> Finding:
    text += f"; snmpd may skip the rest for {took / 1000:.1f} s, and answers nobody meanwhile"
    return (wrong if took > LONG else note)("view", text)
