# SPDX-License-Identifier: GPL-3.0-or-later
"""What must outlive a snapshot: row numbers, and counters that never go backwards.

A virtual service gets its number when it is first seen and keeps it, deleted or not; so does a
real server within its service. When a row's counters are lower than they were, the kernel has
begun them again (ipvsadm -Z; a row deleted and added again): what had been counted is carried
on, so that the sum goes on rising.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Iterable, Optional, Sequence, Union

from lvs_agent.snapshot import RealServer, Snapshot, Status, Traffic, VirtualService
from lvs_agent.statefile import MAX_NUMBER, Numbering, Remembered, StateError, StateFile

log = logging.getLogger(__name__)

# Rows that are gone and still remembered, per service and in all services together: enough for
# months of edits, little enough that pods coming and going by the minute don't fill memory.
MAX_GONE = 10000
# How often counters are saved while somebody polls; numbers are saved before they are served.
SAVE_SECONDS = 300


class History:
    """Numbers the rows of snapshots and carries their counters on.

    folder is the state directory, None to remember in memory only. What can't be kept on disk
    is served all the same, and said in the snapshot's status and text.
    """

    def __init__(self, folder: Optional[Path]) -> None:
        self._file = StateFile(folder) if folder is not None else None
        self._loaded = False
        self._held = False
        self._services = Numbering()
        self._saved = float("-inf")
        self._unsaved = False
        self._trouble = ""

    def annotate(self, snapshot: Snapshot) -> None:
        """Fill in number, carried and since of every row of a snapshot."""
        trouble = self._open()
        self._rows(self._services, snapshot.services, snapshot.taken)
        for service in snapshot.services:
            remembered = self._services.rows.get(service.name)
            if remembered is not None:
                self._rows(remembered.servers, service.real_servers, snapshot.taken)
        if self._unsaved or snapshot.taken - self._saved > SAVE_SECONDS:
            trouble = self._save(clean=False) or trouble
            self._saved = snapshot.taken
        if trouble != self._trouble:
            self._trouble = trouble
            log.warning("%s", trouble or "row numbers are saved again")
        if trouble and snapshot.status == Status.OK:
            snapshot.status, snapshot.text = Status.DEGRADED, trouble

    def close(self) -> None:
        """Save everything, so that the next collector goes on exactly from here."""
        if self._file is not None:
            trouble = self._save(clean=True)
            if trouble:
                log.warning("%s", trouble)
            self._file.close()
            self._held = False

    def _open(self) -> str:
        """Load the state, and take hold of it; what is wrong, if that can't be done (yet)."""
        if self._file is None or self._held:
            return ""
        try:
            if not self._loaded:
                self._services = self._file.load()
                self._loaded = True
            self._file.hold()
            self._services = self._file.load()
        except StateError as error:
            return f"row numbers are not saved: {error}"
        for problem in self._file.problems:
            log.error("state: %s", problem)
        self._held, self._unsaved = True, True
        return ""

    def _save(self, clean: bool) -> str:
        if self._file is None or not self._held:
            return ""
        try:
            self._file.save(self._services, clean)
        except StateError as error:
            return f"row numbers are not saved: {error}"
        self._unsaved = False
        return ""

    def _rows(
        self,
        known: Numbering,
        rows: Sequence[Union[VirtualService, RealServer]],
        now: float,
    ) -> None:
        for row in rows:
            remembered = known.rows.get(row.name)
            if remembered is None:
                remembered = self._admit(known, row.name, now)
                if remembered is None:
                    continue
            remembered.gone = None
            if row.counters is not None:
                _carry(remembered, row.counters, now)
            row.number, row.since = remembered.number, remembered.since
            row.carried = remembered.carried
        if len(rows) < len(known.rows):
            self._miss(known, {row.name for row in rows})

    def _admit(self, known: Numbering, name: str, now: float) -> Optional[Remembered]:
        number = known.fresh
        if number > MAX_NUMBER:
            if len(known.names) == MAX_NUMBER:
                self._forget(known, 1)
            free = (n for n in range(1, MAX_NUMBER + 1) if n not in known.names)
            number = next(free, 0)
            if not number:
                return None  # every number is in use by a row that is there
        remembered = Remembered(number, since=now)
        known.add(name, remembered)
        self._unsaved = True
        return remembered

    def _miss(self, known: Numbering, present: Iterable[str]) -> None:
        gone = 0
        for name in known.rows.keys() - set(present):
            remembered = known.rows[name]
            gone += 1
            if remembered.gone is None:
                remembered.gone = time.time()
        if gone > MAX_GONE:
            self._forget(known, gone - MAX_GONE)

    def _forget(self, known: Numbering, count: int) -> None:
        gone = [(row.gone, name) for name, row in known.rows.items() if row.gone is not None]
        for _when, name in sorted(gone)[:count]:
            known.remove(name)
        self._unsaved = True


def _carry(remembered: Remembered, counters: Traffic, now: float) -> None:
    """Bring a remembered row up to the kernel's counters, carrying what they had been."""
    last = remembered.counters
    if last is not None and _lower(counters, last):
        before = remembered.carried or Traffic(0, 0, 0, 0, 0)
        remembered.carried = _sum(before, last)
        if not remembered.certain:
            remembered.since = now
    remembered.counters = counters
    remembered.certain = True


def _lower(new: Traffic, old: Traffic) -> bool:
    return any(a < b for a, b in zip(vars(new).values(), vars(old).values()))


def _sum(one: Traffic, other: Traffic) -> Traffic:
    return Traffic(*(a + b for a, b in zip(vars(one).values(), vars(other).values())))
