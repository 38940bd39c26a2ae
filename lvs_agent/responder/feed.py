# SPDX-License-Identifier: GPL-3.0-or-later
"""The responder's end: which snapshot answers now, and fetching the next one behind the answers.

A snapshot young enough answers at once. After a quiet time a request waits for a new one, up to
a deadline; in the middle of a walk the old one answers while the next arrives. Where none
comes, the last one answers until it has expired, then only what it says of the configuration.
"""

from __future__ import annotations

import logging
import select
import socket
import time
from dataclasses import dataclass, replace
from typing import Callable, List, Optional

from lvs_agent.boundary import wire
from lvs_agent.codes import Status
from lvs_agent.snapshot import Snapshot

log = logging.getLogger(__name__)

# A pause that long between two requests is the end of a walk.
QUIET_SECONDS = 1.0
# How soon after a failure the collector is tried again, and when a silent one is said to be.
RETRY_SECONDS = 1.0
FETCH_SECONDS = 10.0
# What is taken in after an answer, under a millisecond's work: a GETBULK has a hundred answers, and
# nobody else is served before the last.
RECEIVE_BYTES = 16384
# 60,000 services of a real server each are 15 MiB. Taken in, a snapshot this long has 400 MiB, and
# half a second passes while they are freed.
MAX_SNAPSHOT_BYTES = 64 << 20


@dataclass(frozen=True)
class Patience:
    """In seconds: how old a snapshot may be without asking for the next, how long an answer may
    wait for it, and when the last one is too old to be believed.
    """

    max_age: float = 5.0
    deadline: float = 0.5
    expire: float = 60.0


class _Fetch:
    """One snapshot on its way."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.began = time.monotonic()
        self.waited_for = False
        self._reader = wire.Reader()
        self._received = 0

    def step(self) -> Optional[Snapshot]:
        """Take in one portion; the snapshot once it is whole.

        Raises BlockingIOError if nothing is there, OSError or WireError if it will not come.
        """
        data = self.connection.recv(RECEIVE_BYTES)
        self._received += len(data)
        if self._received > MAX_SNAPSHOT_BYTES:
            raise wire.WireError(f"the snapshot is longer than {MAX_SNAPSHOT_BYTES} bytes")
        if data:
            self._reader.feed(data)
            return None
        snapshot = self._reader.finish()
        if self.problems and snapshot.status == Status.OK:
            snapshot.status, snapshot.text = Status.DEGRADED, self.problems[0]
        return snapshot

    @property
    def problems(self) -> List[str]:
        """The rows that could not be read."""
        return self._reader.problems


class Feed:
    """Snapshots from a collector, as fresh as patience allows."""

    def __init__(self, connect: Callable[[], socket.socket], patience: Patience) -> None:
        self._connect = connect
        self._patience = patience
        # the last whole snapshot, changed in advance() alone
        self._snapshot: Optional[Snapshot] = None
        # it with the status it has by now, or None; both changed in advance() and _judge() alone
        self._judged: Optional[Snapshot] = None
        self._judged_from: Optional[Snapshot] = None
        # the next one on its way: begun in _begin(), ended in _end_fetch() alone
        self._fetch: Optional[_Fetch] = None
        # lvsAgentErrors, and what of it the collector has counted
        self._errors = 0
        self._collectors_errors = 0
        # why there is no newer snapshot, "" while the last one is; and when that was so last
        self._failure = "no snapshot has come yet"
        self._failed = float("-inf")
        # when current() was called last, in seconds of CLOCK_BOOTTIME
        self._asked = float("-inf")

    def current(self) -> Snapshot:
        """The snapshot to answer from now; the same object until another is to be used.

        Waits for the collector at most once for each snapshot, and no longer than the deadline.
        """
        now = _boottime()
        quiet = now - self._asked > QUIET_SECONDS
        self._asked = now
        snapshot = self._snapshot
        max_age = self._patience.max_age
        settled = self._fetch is None and not self._failure
        if settled and snapshot is not None and now - snapshot.taken <= max_age:
            return snapshot  # so it is with most answers; the rest would cost each 0.4 µs
        self.advance()
        if self._age() > max_age:
            self._begin()
            fetch = self._fetch
            if fetch is not None and not fetch.waited_for and (quiet or self._snapshot is None):
                fetch.waited_for = True
                self._wait(fetch, now + self._patience.deadline)
        self._asked = _boottime()
        return self._judge()

    def waiting(self) -> List[socket.socket]:
        """What to watch, so that advance() is called when there is something to take in."""
        return [self._fetch.connection] if self._fetch is not None else []

    def advance(self) -> None:
        """Take in a portion of the snapshot on its way, if there is one, without waiting."""
        fetch = self._fetch
        if fetch is None:
            return
        try:
            snapshot = fetch.step()
        except BlockingIOError:
            # it is waited for all the same: another connection would get none sooner, and a slow
            # collector would take one more for this one, which nobody reads
            if time.monotonic() - fetch.began > FETCH_SECONDS:
                self._say(f"the collector sent no snapshot in {FETCH_SECONDS:.0f} s")
        except (OSError, wire.WireError) as error:
            self._fail(f"the collector's snapshot can't be used: {error}")
        else:
            if snapshot is not None:
                if self._failure and self._snapshot is not None:
                    log.info("the collector answers again")
                # In another time namespace CLOCK_BOOTTIME differs (time_namespaces(7)). A snapshot
                # from the future would never be too old.
                snapshot.taken = min(snapshot.taken, _boottime())
                self._count(snapshot, fetch.problems)
                self._end_fetch()
                self._snapshot, self._failure, self._judged = snapshot, "", None

    def close(self) -> None:
        """Give up what is under way."""
        self._end_fetch()

    def _count(self, snapshot: Snapshot, problems: List[str]) -> None:
        """Have errors go on rising over the collector's restarts, with what was found here."""
        new, before = snapshot.errors, self._collectors_errors
        self._collectors_errors = new
        self._errors += len(problems) + (new - before if new >= before else new)
        snapshot.errors = self._errors

    def _begin(self) -> None:
        if self._fetch is not None or time.monotonic() - self._failed < RETRY_SECONDS:
            return
        try:
            self._fetch = _Fetch(self._connect())
        except OSError as error:
            self._fail(f"no collector: {error}")

    def _wait(self, fetch: _Fetch, until: float) -> None:
        while self._fetch is fetch:
            left = until - _boottime()
            if left <= 0 or not select.select([fetch.connection], [], [], left)[0]:
                return
            self.advance()

    def _fail(self, failure: str) -> None:
        self._end_fetch()
        self._failed = time.monotonic()
        self._say(failure)

    def _say(self, failure: str) -> None:
        if failure != self._failure:
            log.warning("%s", failure)
            self._failure = failure

    def _end_fetch(self) -> None:
        if self._fetch is not None:
            self._fetch.connection.close()
            self._fetch = None

    def _age(self) -> float:
        """Seconds since the snapshot was taken; infinite if there is none."""
        if self._snapshot is None:
            return float("inf")
        return _boottime() - self._snapshot.taken

    def _judge(self) -> Snapshot:
        """The snapshot with the status it has by now, made anew only when that changes."""
        expire = self._patience.expire
        if self._snapshot is None:
            status, text = Status.NO_COLLECTOR, self._failure
        elif self._age() > expire:
            status = Status.EXPIRED
            text = f"{self._failure or 'no new snapshot came'}; the last one is too old"
        elif self._failure:
            status = Status.NO_COLLECTOR
            text = f"{self._failure}; the last snapshot is served until it is {expire:.0f} s old"
        else:
            return self._snapshot
        if (
            self._judged is None
            or self._judged_from is not self._snapshot
            or (self._judged.status, self._judged.text) != (status, text)
        ):
            self._judged_from = self._snapshot
            self._judged = _judged(self._snapshot, status, text)
        return self._judged


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _judged(snapshot: Optional[Snapshot], status: Status, text: str) -> Snapshot:
    if snapshot is None:
        return Snapshot(taken=_boottime(), status=status, text=text)
    if status == Status.EXPIRED:
        snapshot.forget_measurements()
    return replace(snapshot, status=status, text=text)
