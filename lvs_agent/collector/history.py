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
from typing import Optional, Sequence, Set, Type, Union

from lvs_agent.codes import Status
from lvs_agent.collector.remembered import (
    MAX_NUMBER,
    Numbering,
    RealServerState,
    RowState,
    ServiceState,
    State,
)
from lvs_agent.collector.statefile import StateError, StateFile
from lvs_agent.snapshot import RealServer, Snapshot, Traffic, VirtualService

log = logging.getLogger(__name__)

# The number of missing rows to remember, for each service's servers and for the services: enough
# for months of manual changes, and a limit where pods come and go every minute.
MAX_MISSING = 10000


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
        # True if _services has what the file lacks; set where it changes, reset only in _save()
        self._new_numbers = False
        self._new_counts = False
        # the reason why nothing is saved; "" if all is well
        self._trouble = ""

    def annotate(self, snapshot: Snapshot) -> None:
        """Fill in number, counter_offset and continuous_since of every row of a snapshot.

        New numbers are on disk when this returns, unless saving has failed.
        """
        self._open()
        if snapshot.status == Status.NO_IPVS:
            self._note_unload()
        self._rows(self._services, ServiceState, snapshot.services, snapshot.taken)
        for service in snapshot.services:
            state = self._services.rows.get(service.name)
            if state is not None:
                servers = service.real_servers
                self._rows(state.servers, RealServerState, servers, snapshot.taken)
        if self._new_numbers:
            self._save(durable=True)
        if self._trouble and snapshot.status == Status.OK:
            snapshot.status, snapshot.text = Status.DEGRADED, self._trouble

    def keep(self) -> None:
        """Save the counters. Call this after serving a snapshot, so that no client waits for it."""
        if self._new_counts:
            self._save(durable=False)

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
        for problem in self._file.problems:
            log.error("damaged state file: %s", problem)
        self._held, self._new_numbers = True, True

    def _save(self, durable: bool) -> None:
        if self._file is None or not self._held:
            return
        try:
            self._file.save(self._services, durable)
        except StateError as error:
            self._say(f"row numbers are not saved: {error}")
            return
        self._say("")
        self._new_numbers = self._new_counts = False

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            log.warning("%s", trouble or "row numbers are saved again")

    def _note_unload(self) -> None:
        """Add all counters to their offsets: the kernel module was unloaded with its counters.

        The next ones may be higher than the last, which would not look like a reset.
        """
        for service in self._services.rows.values():
            for state in (service, *service.servers.rows.values()):
                if state.counters is not None:
                    state.note_reset()
                    self._new_counts = True

    def _rows(
        self,
        known: Numbering[State],
        kind: Type[State],
        rows: Sequence[Union[VirtualService, RealServer]],
        now: float,
    ) -> None:
        present = 0
        for row in rows:
            state = known.rows.get(row.name)
            if state is None:
                state = self._admit(known, kind, row.name, now)
                if state is None:
                    continue
            present += 1
            state.missing_since = None
            if row.counters is not None and row.counters != state.counters:
                if _lower(row.counters, state.counters):
                    state.note_reset()
                state.counters = row.counters
                self._new_counts = True
            row.number, row.continuous_since = state.number, state.continuous_since
            row.counter_offset = state.counter_offset
        if present < len(known.rows):
            self._miss(known, {row.name for row in rows})

    def _admit(
        self, known: Numbering[State], kind: Type[State], name: str, now: float
    ) -> Optional[State]:
        if len(known.names) == MAX_NUMBER:
            self._forget(known, 1)
        if len(known.names) == MAX_NUMBER:
            return None  # every number is in use by a row that is present
        number = known.next_number
        while number in known.names:
            number = number % MAX_NUMBER + 1
        known.next_number = number % MAX_NUMBER + 1
        state = kind(number, continuous_since=now)
        known.add(name, state)
        self._new_numbers = True
        return state

    def _miss(self, known: Numbering[State], present: Set[str]) -> None:
        missing = 0
        for name in known.rows.keys() - present:
            state = known.rows[name]
            missing += 1
            if state.missing_since is None:
                state.missing_since = time.time()
        if missing > MAX_MISSING:
            self._forget(known, missing - MAX_MISSING)

    def _forget(self, known: Numbering[State], count: int) -> None:
        missing = [
            (row.missing_since, name)
            for name, row in known.rows.items()
            if row.missing_since is not None
        ]
        for _since, name in sorted(missing)[:count]:
            known.remove(name)
        self._new_numbers = True


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
            there.continuous_since, there.missing_since = row.continuous_since, row.missing_since


def _counted(row: RowState) -> int:
    parts = (part for part in (row.counters, row.counter_offset) if part is not None)
    return sum(sum(part) for part in parts)
