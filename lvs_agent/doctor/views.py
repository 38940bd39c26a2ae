# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of access to the subtree: the readers that see it, and the views that hide it."""

from __future__ import annotations

from typing import Callable, Dict, List, Tuple

from lvs_agent.doctor.access import Reader, Sight, Views, readers
from lvs_agent.doctor.finding import Finding, note, ok, wrong
from lvs_agent.doctor.machine import Machine
from lvs_agent.doctor.remedy import Remedy, append, both, command
from lvs_agent.mib.lvs import LVS
from lvs_agent.mib.smi import dotted
from lvs_agent.netsnmp import oids
from lvs_agent.netsnmp.reader import Config


def look(machine: Machine, config: Config, target: str, restart: Remedy) -> List[Finding]:
    """Return a finding for each view; target is the file to add lines to."""

    def add(line: str) -> Remedy:
        return both(append(machine, line, target), restart)

    found = readers(config)
    if not found:
        if not config.whole:
            return []  # another finding reports the files that were not read
        text = "no community or user may read anything"
        return [wrong("view", text, add("rocommunity COMMUNITY default -V lvs"))]
    views = Views(config)
    groups: Dict[Tuple[str, object], List[Reader]] = {}
    for reader in found:
        groups.setdefault((reader.view, reader.subtree), []).append(reader)
    sights = {key: views.sight(group[0], LVS) for key, group in groups.items()}
    visible = any(sight == Sight.ALL for sight in sights.values())
    findings = []
    for key, group in groups.items():
        findings.append(_finding(config, group, sights[key], visible, add, restart))
    return findings


def _finding(
    config: Config,
    group: List[Reader],
    sight: Sight,
    visible: bool,
    add: Callable[[str], Remedy],
    restart: Remedy,
) -> Finding:
    places = _places(group)
    first = group[0]
    if first.subtree is not None:
        what = f".{dotted(first.subtree)}"
        remedy = both(command("vi", f"+{first.line.number}", first.line.file), restart)
    else:
        lines = [line for line in config.all("view") if line.rest.split()[:1] == [first.view]]
        what = f"view {first.view}" + (f" ({lines[-1].place})" if lines else "")
        remedy = add(f"view {first.view} included {oids.SUBTREE}")
    if sight == Sight.ALL:
        return ok("view", f"{what} shows {oids.SUBTREE} to {places}")
    if sight == Sight.PART:
        text = f"{what} shows only a part of {oids.SUBTREE}; snmpd fetches the rest and discards it"
        return note("view", text, remedy)
    text = f"{what} hides {oids.SUBTREE} from {places}"
    return note("view", text, remedy) if visible else wrong("view", text, remedy)


def _places(group: List[Reader]) -> str:
    """Return the places of the readers' lines, as FILE:1,2."""
    numbers: Dict[str, List[int]] = {}
    for line in (reader.line for reader in group):
        if line.number not in numbers.setdefault(line.file, []):
            numbers[line.file].append(line.number)
    return " ".join(f"{file}:{','.join(map(str, each))}" for file, each in numbers.items())
