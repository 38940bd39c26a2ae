# SPDX-License-Identifier: GPL-3.0-or-later
"""The polls of a responder: when they began, and when the next ones are expected."""

from __future__ import annotations

from bisect import insort
from collections import deque
from typing import Deque, List, NamedTuple, Optional

# Polls closer together are one: they are answered from one snapshot.
SHORTEST = 10.0
# After a pause of this length, the polls before it are forgotten.
LONGEST = 1200.0
# With several pollers, each finds two earlier polls of its own among this number: 12 are needed for
# one each minute and one each five minutes.
REMEMBERED = 16
# cron and Cacti query a director some seconds earlier or later each time: the share of the distance
# between two polls, and its limits in seconds.
TOLERANCE, LEAST, MOST = 0.1, 1.5, 15.0


class Expected(NamedTuple):
    """A poll that is expected: the time in which it may begin."""

    earliest: float
    latest: float


class Rhythm:
    """The polls of a responder. Times are in seconds of one clock.

    The first two polls are enough to expect a third. Later, two earlier polls at the same distance
    are needed, which tells several pollers apart. Each poll makes at most one other expected.
    """

    def __init__(self) -> None:
        self._polls: Deque[float] = deque(maxlen=REMEMBERED)
        # changed only in polled() and drop()
        self._expected: List[Expected] = []

    def polled(self, now: float) -> None:
        """Record a poll that begins now."""
        since = now - self._polls[-1] if self._polls else LONGEST
        if since < SHORTEST:
            return
        if since >= LONGEST:
            self._polls.clear()
        self._expected = [each for each in self._expected if each.earliest > now]
        distance = self._distance(now)
        self._polls.append(now)
        if distance is not None:
            then, tolerance = now + distance, _tolerance(distance)
            insort(self._expected, Expected(then - tolerance, then + tolerance))

    def next(self) -> Optional[Expected]:
        """Return the next poll that is expected, or None."""
        return self._expected[0] if self._expected else None

    def drop(self) -> None:
        """Expect the next poll no longer."""
        del self._expected[0]

    def _distance(self, now: float) -> Optional[float]:
        """Return the shortest distance at which there are two polls before now, or None."""
        if len(self._polls) == 1:
            return now - self._polls[0]
        for poll in reversed(self._polls):
            distance = now - poll
            for other in self._polls:
                if abs(poll - distance - other) <= 2 * _tolerance(distance):
                    return (now - other) / 2
        return None


def _tolerance(distance: float) -> float:
    return min(max(distance * TOLERANCE, LEAST), MOST)
