# SPDX-License-Identifier: GPL-3.0-or-later
"""Row numbers, and counters that never go backwards: the state that outlives a snapshot.

A virtual service gets its number when it is first seen and keeps it, even when it is deleted; so
does a real server within its service. When a row's counters are lower than before, the kernel has
reset them (ipvsadm -Z; a row deleted and added again): what was counted is added to the counter
offset, so that the sum keeps rising.
"""

from __future__ import annotations

import logging
import math
import time
from operator import attrgetter
from pathlib import Path
from typing import Dict, Optional, Sequence, Set

from lvs_agent.codes import Source, Status
from lvs_agent.collector import lost
from lvs_agent.collector.forgetting import ForgetFile
from lvs_agent.collector.limit import PART, forget_missing, missing
from lvs_agent.collector.looking import Look, is_service_up, look_at
from lvs_agent.collector.merging import merged
from lvs_agent.collector.remembered import Numbering, RealServerState, ServiceState
from lvs_agent.collector.statefile import MAX_MISSING, StateError, StateFile
from lvs_agent.collector.sums import Sums
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import Snapshot

log = logging.getLogger(__name__)

# The time of the last complete snapshot is saved with other changes, and at least this often: when
# the collector is killed, a number of servers that was held since is known to be recent.
_LOOKED_SECONDS = 3600

_IS_SERVER_UP = attrgetter("up")


class History:
    """The history of rows: their numbers, and the offsets that continue their counters.

    folder is the state directory, None to keep the state in memory only. If the state can't be
    saved it is served nevertheless, and the snapshot's status and text say so. What is gone is lost
    for lost_seconds, never if that is 0, and until one of forget_files has its name.
    """

    def __init__(
        self,
        folder: Optional[Path],
        lost_seconds: float = lost.LOST_SECONDS,
        forget_files: Sequence[ForgetFile] = (),
    ) -> None:
        self._file = StateFile(folder) if folder is not None else None
        self._lost_seconds = lost_seconds
        self._forget_files = forget_files
        # True until the orders have been taken that were there before this process
        self._old_orders = True
        # True while this process may save, from _open() to close()
        self._held = False
        self._services: Numbering[ServiceState] = Numbering(sums=Sums())
        # What the file lacks: services by name, each with the names of its servers. New rows are
        # saved before they are served, other changes afterwards.
        self._new: Dict[str, Set[str]] = {}
        self._changed: Dict[str, Set[str]] = {}
        # True if the file lacks other rows too, and has to be replaced
        self._behind = False
        # the time of the last complete snapshot that the file has
        self._looked_saved: Optional[float] = None
        # the reason why nothing is saved; "" if all is well
        self._trouble = ""

    def annotate(self, snapshot: Snapshot) -> None:
        """Fill in what is remembered of the rows of a snapshot, and the rows that are lost.

        New numbers are on disk when this returns, unless saving has failed.
        """
        self._open()
        if self._sums.since is None:
            self._sums.since = snapshot.taken
        if snapshot.status == Status.NO_IPVS:
            self._note_unload()
        now = time.time()
        self._forget(now)
        look = Look(snapshot.taken, now, math.floor(now * 10) / 10, lost.settled(snapshot))
        gone = self._look_at_services(snapshot, look)
        for service in snapshot.services:
            state = self._services.rows.get(service.name)
            if state is not None:
                gone += self._look_at_servers(service, state, look)
        if gone and missing(self._services) > MAX_MISSING + MAX_MISSING // PART:
            forget_missing(self._services, MAX_MISSING)
        if self._new or self._behind:
            self._save(self._new)
        if self._trouble and snapshot.status == Status.OK:
            snapshot.status, snapshot.text = Status.DEGRADED, self._trouble
        self._sums.fill_in(snapshot)
        if self._lost_seconds and snapshot.source == Source.NETLINK:
            lost.fill_in(snapshot, self._services, now - self._lost_seconds)

    def keep(self) -> None:
        """Save the counters. Call this after serving a snapshot, so that no client waits for it."""
        looked, saved = self._services.looked, self._looked_saved
        if self._changed or (looked or 0.0) - (saved or 0.0) >= _LOOKED_SECONDS:
            self._save(self._changed, shorten=True)

    def close(self) -> None:
        """Save when the last complete snapshot was taken, and release the state directory."""
        if self._services.looked != self._looked_saved:
            self._save(self._changed)
        if self._file is not None:
            self._file.close()
            self._held = False

    @property
    def _sums(self) -> Sums:
        sums = self._services.sums
        assert sums is not None
        return sums

    def _forget(self, now: float) -> None:
        oldest = now - self._lost_seconds
        # if the clock was set back, an old order may still be older than what seems to go later
        latest = math.inf if self._old_orders else now
        self._old_orders = False
        for file in self._forget_files:
            changes = lost.forget(self._services, file.take(now), oldest, latest)
            for name, servers in changes.items():
                self._changed.setdefault(name, set()).update(servers)

    def _look_at_services(self, snapshot: Snapshot, look: Look) -> int:
        """Return the number of services and servers that are newly missing."""
        known, rows, complete = self._services, snapshot.services, snapshot.complete
        found = look_at(known, ServiceState, rows, is_service_up, complete, look)
        self._new.update((name, set()) for name in found.new)
        for name in found.changed:
            self._changed.setdefault(name, set())
        gone = len(found.gone)
        for name in found.gone:  # with its servers
            state = known.rows[name]
            state.pending = None
            every = state.servers
            went = [each for each, row in every.rows.items() if every.note_missing(row, look.now)]
            self._changed.setdefault(name, set()).update(went)
            gone += len(went)
        return gone

    def _look_at_servers(self, service: VirtualService, state: ServiceState, look: Look) -> int:
        """Return the number of servers that are newly missing."""
        rows, complete = service.real_servers, service.complete
        found = look_at(state.servers, RealServerState, rows, _IS_SERVER_UP, complete, look)
        held = False
        if complete and self._lost_seconds:
            # not those that are down: a sorry server may stand in for them
            up = sum(rs.weight != 0 for rs in rows)
            held = state.hold(up, look.now, look.now - self._lost_seconds)
        if found.new:
            self._new.setdefault(service.name, set()).update(found.new)
        if found.changed or found.gone or held:
            self._changed.setdefault(service.name, set()).update(found.changed, found.gone)
        return len(found.gone)

    def _open(self) -> None:
        """Load the state and lock it; try again at the next call if that fails."""
        if self._file is None or self._held:
            return
        try:
            if not self._services.rows:
                self._services = self._file.load()
            self._file.hold()
            self._services = merged(self._services, self._file.load())
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
                self._looked_saved = self._services.looked
        changes.clear()
        self._sums.forgotten.clear()

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
