# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of a snapshot's rows with the remembered states of the same names."""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Optional, Sequence, Type, TypeVar, Union

from lvs_agent.collector.limit import PART
from lvs_agent.collector.remembered import MAX_NUMBER, Numbering, State
from lvs_agent.services import RealServer, Traffic, VirtualService

Row = TypeVar("Row", bound=Union[VirtualService, RealServer])


class Look(NamedTuple):
    """A snapshot's times (CLOCK_BOOTTIME, and since 1970), and whether rows may go now.

    tenth is now, rounded down to what DateAndTime can tell, which makes the state file shorter.
    """

    taken: float
    now: float
    tenth: float
    settled: bool


class Found(NamedTuple):
    """The names of rows that are new, were counted or came back, and went missing."""

    new: List[str]
    changed: List[str]
    gone: List[str]


def look_at(
    known: Numbering[State],
    kind: Type[State],
    rows: Sequence[Row],
    is_up: Callable[[Row], Optional[bool]],
    complete: bool,
    look: Look,
) -> Found:
    """Fill in rows from the states of the same names, and these from the rows.

    complete is True if rows that are not there are not in the kernel's table either.
    """
    found = Found([], [], [])
    present = 0
    for row in rows:
        name = row.name  # computed each time
        state = known.rows.get(name)
        new = state is None
        if state is None:
            state = _admit(known, kind, name, look.taken)
            if state is None:
                continue
            found.new.append(name)
        present += 1
        changed = state.missing_since is not None
        if changed:
            known.note_present(state)
        up = is_up(row)
        # nearly always there is nothing to note: a call would take longer than all else
        if (
            (up is not state.up or not state.lasting)
            and state.note_seen(up, look.tenth)
            and not new
        ):
            changed = True
        if row.counters is not None and row.counters != state.counters:
            if _lower(row.counters, state.counters):
                state.note_reset()
            state.counters = row.counters
            changed = True
        if changed:
            found.changed.append(name)
        row.number, row.continuous_since = state.number, state.continuous_since
        row.counter_offset, row.changed = state.counter_offset, state.changed
    if present < len(known.rows) - known.missing:
        for name in known.rows.keys() - {row.name for row in rows}:
            if known.note_missing(known.rows[name], look.now):
                found.gone.append(name)
    if complete:
        if look.settled:
            found.changed.extend(known.note_gone(look.tenth))
        known.looked = look.tenth
    return found


def is_service_up(service: VirtualService) -> Optional[bool]:
    """Return whether a server is up; None if that is not certain."""
    up = any(rs.weight and rs.weight > 0 for rs in service.real_servers)
    return up if up or service.complete else None


def _admit(known: Numbering[State], kind: Type[State], name: str, taken: float) -> Optional[State]:
    """Return the state of a new row; None if rows that are present have all numbers."""
    if len(known.names) == MAX_NUMBER and known.missing:
        known.forget(known.missing // PART + 1)
    if len(known.names) == MAX_NUMBER:
        return None
    number = known.next_number
    while number in known.names:
        number = number % MAX_NUMBER + 1
    known.next_number = number % MAX_NUMBER + 1
    state = kind(number, continuous_since=taken)
    known.add(name, state)
    return state


def _lower(new: Traffic, old: Optional[Traffic]) -> bool:
    if old is None:
        return False
    # a loop would take three times as long, for each row of each snapshot
    a, b, c, d, e = new
    was_a, was_b, was_c, was_d, was_e = old
    return a < was_a or b < was_b or c < was_c or d < was_d or e < was_e
