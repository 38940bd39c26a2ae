# SPDX-License-Identifier: GPL-3.0-or-later
"""The responder's snapshots: the one that answers now, and the next, fetched between answers.

A recent snapshot answers at once. After a quiet time a request waits for a new one, up to a
deadline; in the middle of a walk the old one answers while the next arrives. If none comes, the
last one answers until it expires, and from then on only its configuration does. Where the deadline
is too short for a new snapshot, one is fetched ahead of each poll that is expected.
"""

from __future__ import annotations

import logging
import select
import socket
import time
from dataclasses import dataclass, replace
from typing import Callable, List, Optional

from lvs_agent.boundary import wire
from lvs_agent.boundary.fetch import Fetch
from lvs_agent.codes import NO_NEW_SNAPSHOT, NO_SNAPSHOT_YET, Status
from lvs_agent.responder.rhythm import Rhythm
from lvs_agent.snapshot import Snapshot

log = logging.getLogger(__name__)

# A pause of this length between two requests ends a walk.
QUIET_SECONDS = 1.0
# The collector is tried again RETRY_SECONDS after a failure, and a fetch that takes longer than
# FETCH_SECONDS is reported.
RETRY_SECONDS = 1.0
FETCH_SECONDS = 10.0


@dataclass(frozen=True)
class Patience:
    """The limits of a snapshot's age, in seconds.

    Above max_age the next one is requested, and an answer may wait for it up to deadline. Above
    expire the last one is too old to be believed.
    """

    max_age: float = 5.0
    deadline: float = 0.5
    expire: float = 60.0


class _Fetch(Fetch):
    """The fetch of a snapshot that is used until the time latest, however old it is then."""

    def __init__(self, connection: socket.socket, latest: float) -> None:
        super().__init__(connection)
        self.latest = latest
        self.waited_for = False


class Feed:
    """The latest snapshot from a collector, renewed as patience demands."""

    def __init__(self, connect: Callable[[], socket.socket], patience: Patience) -> None:
        self._connect = connect
        self._patience = patience
        self._rhythm = Rhythm()
        # the last complete snapshot, the time from which another is wanted, and the seconds that
        # its fetch took; changed only in advance()
        self._snapshot: Optional[Snapshot] = None
        self._good_until = float("-inf")
        self._took = 0.0
        # that snapshot with its present status, or None, and the snapshot it was made from; both
        # are changed only in advance() and _judge()
        self._judged: Optional[Snapshot] = None
        self._judged_from: Optional[Snapshot] = None
        # the fetch of the next one; begun only in _begin(), ended only in _end_fetch()
        self._fetch: Optional[_Fetch] = None
        # lvsAgentErrors, and the errors that the collector reported last
        self._errors = 0
        self._collectors_errors = 0
        # why there is no newer snapshot, "" if there is no failure; the time of the last failure
        self._failure = NO_SNAPSHOT_YET
        self._failed = float("-inf")
        # the last call of current(), in seconds of CLOCK_BOOTTIME
        self._asked = float("-inf")

    def current(self) -> Snapshot:
        """Return the snapshot to answer from now; the same object until another replaces it.

        Waits for the collector at most once for each snapshot, and no longer than the deadline.
        """
        now = _boottime()
        quiet = now - self._asked > QUIET_SECONDS
        self._asked = now
        if quiet:
            self._rhythm.polled(now)
        snapshot = self._snapshot
        settled = self._fetch is None and not self._failure
        if settled and snapshot is not None and now <= self._good_until:
            return snapshot  # most answers end here; the rest would cost each 0.4 µs
        self.advance()
        if now > self._good_until:
            self._begin()
            fetch = self._fetch
            if fetch is not None and not fetch.waited_for and (quiet or self._snapshot is None):
                fetch.waited_for = True
                self._wait(fetch, now + self._patience.deadline)
        self._asked = _boottime()
        return self._judge()

    def waiting(self) -> List[socket.socket]:
        """Return the sockets to watch. Call advance() when one is readable."""
        return [self._fetch.connection] if self._fetch is not None else []

    def due(self) -> Optional[float]:
        """Return the seconds after which to call advance() though no socket is readable, or None.

        None for a director whose snapshots arrive within the deadline.
        """
        if self._took <= self._patience.deadline or self._fetch is not None:
            return None
        expected = self._rhythm.next()
        return None if expected is None else max(0.0, expected.earliest - self._took - _boottime())

    def advance(self) -> None:
        """Decode a portion of the snapshot that is being fetched, or begin one ahead of a poll.

        Does not wait.
        """
        fetch = self._fetch
        if fetch is None:
            if self.due() == 0:
                self._begin_ahead()
            return
        try:
            snapshot = fetch.step()
        except BlockingIOError:
            # Keep waiting: a second connection would be no faster and would cost the collector
            # another snapshot.
            if time.monotonic() - fetch.began > FETCH_SECONDS:
                self._say(f"the collector sent no snapshot within {FETCH_SECONDS:.0f} s")
        except (OSError, wire.WireError) as error:
            self._fail(f"cannot read the collector's snapshot: {error}")
        else:
            if snapshot is not None:
                if self._failure and self._snapshot is not None:
                    log.info("the collector answers again")
                # CLOCK_BOOTTIME differs in another time namespace (time_namespaces(7)). A snapshot
                # from the future would never be too old.
                snapshot.taken = min(snapshot.taken, _boottime())
                self._count(snapshot, fetch.problems)
                self._took = min(time.monotonic() - fetch.began, FETCH_SECONDS)
                good_until = max(snapshot.taken + self._patience.max_age, fetch.latest)
                self._good_until = min(good_until, snapshot.taken + self._patience.expire)
                self._end_fetch()
                self._snapshot, self._failure, self._judged = snapshot, "", None

    def close(self) -> None:
        """Cancel the fetch in progress."""
        self._end_fetch()

    def _count(self, snapshot: Snapshot, problems: List[str]) -> None:
        """Add problems to the errors, and keep these rising over restarts of the collector."""
        new, before = snapshot.errors, self._collectors_errors
        self._collectors_errors = new
        self._errors += len(problems) + (new - before if new >= before else new)
        snapshot.errors = self._errors

    def _begin_ahead(self) -> None:
        """Fetch a snapshot for the next poll that is expected, unless the last one serves it too.

        No other is fetched before that poll: one that nobody uses is the last.
        """
        expected = self._rhythm.next()
        assert expected is not None
        self._rhythm.drop()
        if self._good_until < expected.latest:
            self._begin(expected.latest)

    def _begin(self, latest: float = 0.0) -> None:
        if self._fetch is not None or time.monotonic() - self._failed < RETRY_SECONDS:
            return
        try:
            self._fetch = _Fetch(self._connect(), latest)
        except OSError as error:
            where = f" at {error.filename}" if error.filename else ""
            self._fail(f"cannot connect to the collector{where}: {error.strerror}")

    def _wait(self, fetch: _Fetch, until: float) -> None:
        readable = select.poll()  # select(2) has no room for descriptors from 1024 on
        readable.register(fetch.connection, select.POLLIN)
        while self._fetch is fetch:
            left = until - _boottime()
            if left <= 0 or not readable.poll(left * 1000):
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
        """Return the seconds since the snapshot was taken; infinity if there is none."""
        if self._snapshot is None:
            return float("inf")
        return _boottime() - self._snapshot.taken

    def _judge(self) -> Snapshot:
        """Return the snapshot with its present status; a new object only when that changes."""
        expire = self._patience.expire
        if self._snapshot is None:
            status, text = Status.NO_COLLECTOR, self._failure
        elif self._age() > expire:
            status = Status.EXPIRED
            text = f"{self._failure or NO_NEW_SNAPSHOT}; the last one is too old"
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
