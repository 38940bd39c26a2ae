# SPDX-License-Identifier: GPL-3.0-or-later
"""The events that lvs-agent watch must report in the lab with controllers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator, List, NamedTuple, Sequence, Set, Tuple

from lvs_agent.watch.events import MOST_EVENTS
from tests.lab.controllers.step import Step

# how the names of notifications end, for the beginning and the end of a condition
_ENDS = {"Down": "Up", "Lost": "Found"}
_TRAP = re.compile(r"LVS-MIB::lvsNotify(\w+)\t")
# without the IETF's modules, snmptrapd prints texts in quotes
_NAME = re.compile(r'LVS-MIB::lvs(?:Vs|Rs|LostVs|LostRs)(?:Full)?Name\.\S+ = STRING: "?([^\t"]+)')
_TEXT = re.compile(r'LVS-MIB::lvsNotifyText\S* = STRING: "?([^\t"]+)')
_SUMMARY = "Summary"


class Event(NamedTuple):
    """A notification: the end of its name, and the name of its row or the text of a summary."""

    kind: str
    row: str


def received(file: Path) -> List[Event]:
    """Return the notifications in a file of snmptrapd, in order."""
    found = []
    for line in file.read_text().splitlines():
        trap = _TRAP.search(line + "\t")
        if trap:
            name = _NAME.search(line)
            text = _TEXT.search(line)
            found.append(Event(trap[1], (name or text or ["", ""])[1].strip()))
    return found


def expected(steps: Sequence[Step]) -> Iterator[Tuple[str, List[Event]]]:
    """Yield each event of a plan but the first, with the changes to report after it."""
    for before, step in zip(steps, steps[1:]):
        old, new = set(_conditions(before)), set(_conditions(step))
        changes = [Event(kind, row) for kind, row in new - old]
        present = _rows(step)
        changes += [
            Event(kind[:2] + _ENDS[kind[2:]], row) for kind, row in old - new if row in present
        ]
        if (before.table is None) != (step.table is None):
            changes.append(Event("AgentStatus", ""))
        yield step.event, changes


def take(events: List[Event], changes: Sequence[Event], step: str) -> List[Event]:
    """Return the events after those of these changes. Raises AssertionError if some are missing.

    They come in any order. Summaries stand for more than MOST_EVENTS changes that were seen at one
    look, and for several where no service is left.
    """
    left, summed = list(changes), 0
    few = len(changes) <= MOST_EVENTS
    for place, event in enumerate(events):
        if len(left) == summed and (few or summed):
            return events[place:]
        if event.kind == _SUMMARY:
            summed += sum(int(part.split()[0]) for part in event.row.split("; "))
        else:
            assert event in left, (step, event)
            left.remove(event)
    assert len(left) == summed, (step, left, summed)
    assert few or summed, step
    return []


def complete(events: List[Event], steps: Sequence[Step]) -> bool:
    """Return whether all changes of some steps have been reported."""
    try:
        for step, changes in expected(steps):
            events = take(events, changes, step)
    except AssertionError:
        return False
    return True


def _conditions(step: Step) -> Iterator[Tuple[str, str]]:
    for service, servers in (step.table or {}).items():
        if not any(servers.values()):
            yield "VsDown", service
        for server, weight in servers.items():
            if not weight:
                yield "RsDown", f"{service} -> {server}"
    for service, lost in (step.lost or {}).items():
        for server in lost:
            yield "RsLost", f"{service} -> {server}"
    for service in step.lost_services:
        yield "VsLost", service


def _rows(step: Step) -> Set[str]:
    rows = set()
    for service, servers in (step.table or {}).items():
        rows |= {service, *(f"{service} -> {server}" for server in servers)}
    return rows
