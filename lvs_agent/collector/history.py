# SPDX-License-Identifier: GPL-3.0-or-later
"""Row numbers, and counters that never go backwards: the state that outlives a snapshot.

A virtual service gets its number when it is first seen and keeps it, even when it is deleted; so
does a real server within its service. When a row's counters are lower than before, the kernel has
reset them (ipvsadm -Z; a row deleted and added again): what was counted is added to the counter
offset, so that the sum keeps rising.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Type, Union

from lvs_agent.codes import Status
from lvs_agent.collector.remembered import (
    MAX_NUMBER,
    Numbering,
    RealServerState,
    RowState,
    ServiceState,
    State,
    forget_missing,
    missing,
)
from lvs_agent.collector.statefile import MAX_MISSING, StateError, StateFile
from lvs_agent.snapshot import RealServer, Snapshot, Traffic, VirtualService

log = logging.getLogger(__name__)

# Rows are forgotten a part at a time, because that takes a look at all of them.
_PART = 16


class _Found(NamedTuple):
    """The names of rows that are new, were counted or came back, and went missing."""

    new: List[str]
    changed: List[str]
    gone: List[str]


class History:
    """The history of rows: their numbers, and the offsets that continue their counters.

    folder is the state directory, None to keep the state in memory only. If the state can't be
    saved it is served nevertheless, and the snapshot's status and text say so.
    """

    def __init__(self, folder: Optional[Path]) -> None:
        self._file = StateFile(folder) if folder is not None else None
        # True while this process may save, from _open() to close()
        self._held = False
        self._services: Numbering[ServiceState] = Numbering()
        # What the file lacks: services by name, each with the names of its servers. New rows are
        # saved before they are served, other changes afterwards.
        self._new: Dict[str, Set[str]] = {}
        self._changed: Dict[str, Set[str]] = {}
        # True if the file lacks other rows too, and has to be replaced
        self._behind = False
        # the reason why nothing is saved; "" if all is well
        self._trouble = ""

    def annotate(self, snapshot: Snapshot) -> None:
        """Fill in number, counter_offset and continuous_since of every row of a snapshot.

        New numbers are on disk when this returns, unless saving has failed.
        """
        self._open()
        if snapshot.status == Status.NO_IPVS:
            self._note_unload()
        taken, now = snapshot.taken, time.time()
        found = _look(self._services, ServiceState, snapshot.services, taken, now)
        self._new.update((name, set()) for name in found.new)
        for name in found.changed:
            self._changed.setdefault(name, set())
        gone = len(found.gone)
        for name in found.gone:  # with its servers
            servers = self._services.rows[name].servers
            went = [each for each, row in servers.rows.items() if servers.note_missing(row, now)]
            self._changed.setdefault(name, set()).update(went)
        for service in snapshot.services:
            state = self._services.rows.get(service.name)
            if state is None:
                continue
            found = _look(state.servers, RealServerState, service.real_servers, taken, now)
            if found.new:
                self._new.setdefault(service.name, set()).update(found.new)
            if found.changed or found.gone:
                self._changed.setdefault(service.name, set()).update(found.changed, found.gone)
            gone += len(found.gone)
        if gone and missing(self._services) > MAX_MISSING + MAX_MISSING // _PART:
            forget_missing(self._services, MAX_MISSING)
        if self._new or self._behind:
            self._save(self._new)
        if self._trouble and snapshot.status == Status.OK:
            snapshot.status, snapshot.text = Status.DEGRADED, self._trouble

    def keep(self) -> None:
        """Save the counters. Call this after serving a snapshot, so that no client waits for it."""
        if self._changed:
            self._save(self._changed, shorten=True)

    def close(self) -> None:
        """Release the state directory."""
        if self._file is not None:
            self._file.close()
            self._held = False

    def _open(self) -> None:
        """Load the state and lock it; try again at the next call if that fails."""
        if self._file is None or self._held:
            return
        try:
            if not self._services.rows:
                self._services = self._file.load()
            self._file.hold()
            self._services = _merged(self._services, self._file.load())
        except StateError as error:
            self._file.close()
            self._say(f"row numbers are not saved: {error}")
            return
        if self._file.damaged:
            count, first = self._file.damaged, self._file.problem
            log.error("damaged state file: %d lines, the first: %s", count, first)
        self._held, self._behind = True, True

    def _save(self, changes: Dict[str, Set[str]], shorten: bool = False) -> None:
        if self._file is not None and self._held:
            try:
                if shorten and self._file.is_long():
                    self._file.replace(self._services)
                else:
                    self._file.save(self._services, changes)
            except StateError as error:
                self._say(f"row numbers are not saved: {error}")
                self._behind = True
            else:
                self._say("")
                self._behind = False
        changes.clear()

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            log.warning("%s", trouble or "row numbers are saved again")

    def _note_unload(self) -> None:
        """Add all counters to their offsets: the kernel module was unloaded with its counters.

        The next ones may be higher than the last, which would not look like a reset.
        """
        for name, service in self._services.rows.items():
            counted = {each for each, row in service.servers.rows.items() if row.counters}
            if counted or service.counters:
                self._changed.setdefault(name, set()).update(counted)
                service.note_reset()
                for each in counted:
                    service.servers.rows[each].note_reset()


def _look(
    known: Numbering[State],
    kind: Type[State],
    rows: Sequence[Union[VirtualService, RealServer]],
    taken: float,
    now: float,
) -> _Found:
    """Fill in rows from the states of the same names, and these from the rows."""
    found = _Found([], [], [])
    present = 0
    for row in rows:
        name = row.name  # computed each time
        state = known.rows.get(name)
        if state is None:
            state = _admit(known, kind, name, taken)
            if state is None:
                continue
            found.new.append(name)
        present += 1
        if state.missing_since is not None:
            known.note_present(state)
            found.changed.append(name)
        if row.counters is not None and row.counters != state.counters:
            if _lower(row.counters, state.counters):
                state.note_reset()
            state.counters = row.counters
            found.changed.append(name)
        row.number, row.continuous_since = state.number, state.continuous_since
        row.counter_offset = state.counter_offset
    if present < len(known.rows) - known.missing:
        for name in known.rows.keys() - {row.name for row in rows}:
            if known.note_missing(known.rows[name], now):
                found.gone.append(name)
    return found


def _admit(known: Numbering[State], kind: Type[State], name: str, taken: float) -> Optional[State]:
    """Return the state of a new row; None if rows that are present have all numbers."""
    if len(known.names) == MAX_NUMBER and known.missing:
        known.forget(known.missing // _PART + 1)
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
    return old is not None and any(a < b for a, b in zip(new, old))


def _merged(
    served: Numbering[ServiceState], loaded: Numbering[ServiceState]
) -> Numbering[ServiceState]:
    """Return the loaded state with what this process has served: new rows, and higher counts."""
    _merge(served, loaded)
    for name, service in served.rows.items():
        there = loaded.rows.get(name)
        if there is not None and there is not service:
            _merge(service.servers, there.servers)
    return loaded


def _merge(served: Numbering[State], loaded: Numbering[State]) -> None:
    for name, row in served.rows.items():
        there = loaded.rows.get(name)
        if there is None:
            if row.number not in loaded.names:
                loaded.add(name, row)
        elif _counted(row) >= _counted(there):
            there.counters, there.counter_offset = row.counters, row.counter_offset
            there.continuous_since = row.continuous_since
            if row.missing_since is None:
                loaded.note_present(there)
            else:
                loaded.note_missing(there, row.missing_since)


def _counted(row: RowState) -> int:
    parts = (part for part in (row.counters, row.counter_offset) if part is not None)
    return sum(sum(part) for part in parts)
