# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows that existed, by the record of their edits, and what LVS-MIB says is lost of them.

LVS-MIB: a row can be lost if it was seen in two snapshots a minute or more apart. A service that is
gone is lost. Of a service that is there, as many servers are lost as it lacks to the most that it
held, at two successive snapshots a minute or more apart.

The times of the snapshots are unknown here, but they are at most LOOK_SECONDS apart. So there is
what must be, and what may be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from tests.lab.walkcheck import SLACK_SECONDS, Change, Row, Timeline

MINUTE = 60.0
SETTLE_SECONDS = 300.0  # after a boot
LOOK_SECONDS = 10.0
# A snapshot is given one time, and takes this long at most
TAKING_SECONDS = 3.0
MUST_LAST = MINUTE + 2 * LOOK_SECONDS
MAY_LAST = MINUTE - TAKING_SECONDS
# The minute that is under way when the last server is added does not count, the next one does
MUST_HOLD = 2 * (MINUTE + LOOK_SECONDS)
# From an edit until each walk shows it
SHOWN = SLACK_SECONDS + LOOK_SECONDS


class Range(NamedTuple):
    """The least and the highest number of lost rows; the names that may, and that must be lost."""

    least: int
    most: int
    may_be: Set[str]
    must_be: Set[str]

    def __str__(self) -> str:
        return f"{self.least} to {self.most}"


@dataclass
class _Life:
    """The times of a row's first and last addition and last deletion; if it must be lasting."""

    first: float
    since: float = 0.0
    until: Optional[float] = None
    lasting: bool = False


@dataclass
class _Held:
    """The numbers of servers that a service held: the highest that must and may count."""

    count: int = 0
    must: int = 0
    may: int = 0
    # by number: since when the service has had so many; until when it last had, None if it has
    must_since: Dict[int, float] = field(default_factory=dict)
    may_since: Dict[int, float] = field(default_factory=dict)
    fell: Dict[int, Optional[float]] = field(default_factory=dict)

    def add(self, began: float, done: float) -> None:
        """Note one more server. A number that was missing for a moment may not have been seen."""
        self.count += 1
        self.must_since[self.count] = done
        fell = self.fell.get(self.count)
        if fell is None or began - fell > LOOK_SECONDS:
            self.may_since[self.count] = began
        self.fell[self.count] = None

    def remove(self, began: float, done: float) -> None:
        """Note one server less."""
        if began - self.must_since[self.count] >= MUST_HOLD:
            self.must = max(self.must, self.count)
        if done - self.may_since[self.count] >= MAY_LAST:
            self.may = max(self.may, self.count)
        self.fell[self.count] = done
        self.count -= 1

    def must_at(self, time: float) -> int:
        held = [n for n in range(self.count + 1) if n and time - self.must_since[n] >= MUST_HOLD]
        return max([self.must, *held])

    def may_at(self, time: float) -> int:
        held = [n for n in range(self.count + 1) if n and time - self.may_since[n] >= MAY_LAST]
        return max([self.may, *held])


class Past:
    """The rows of a director. Those that are there at first are there since a boot."""

    def __init__(self, rows: Iterable[Row], now: float) -> None:
        self.timeline = Timeline(rows)
        self._lives: Dict[Row, _Life] = {}
        self._servers: Dict[str, List[str]] = {}
        self._held: Dict[str, _Held] = {}
        # changes that have begun, in their order, and may not be done
        self._open: List[Tuple[Row, Change]] = []
        for row in rows:
            self._admit(row, float("-inf"))
            self._come(row, float("-inf"), now)

    def __len__(self) -> int:
        """The number of rows that ever existed."""
        return len(self._lives)

    @property
    def services(self) -> List[str]:
        """The names of all services that ever existed."""
        return list(self._servers)

    def servers(self, service: str) -> List[str]:
        """Return the names of all servers that a service ever had."""
        return self._servers[service]

    def change(self, row: Row, change: Change) -> None:
        """Record a change that begins now."""
        self.timeline.change(row, change)
        self._open.append((row, change))
        if row not in self._lives:
            self._admit(row, change.began)

    def absorb(self) -> None:
        """Take in the changes that are done."""
        while self._open and self._open[0][1].done < float("inf"):
            row, change = self._open.pop(0)
            if change.present:
                self._come(row, change.began, change.done)
            else:
                self._go(row, change.began, change.done)

    def lost_services(self, began: float, ended: float) -> Range:
        """Return how many services are lost in a walk, and which may be."""
        is_lost = {name: self.is_lost(name, began, ended) for name in self._servers}
        may_be = {name for name, lost in is_lost.items() if lost is not False}
        must_be = {name for name, lost in is_lost.items() if lost}
        return Range(len(must_be), len(may_be), may_be, must_be)

    def is_lost(self, service: str, began: float, ended: float) -> Optional[bool]:
        """Return whether a service is lost in a walk; None if it may be."""
        row = service, ""
        there = self.timeline.throughout(row, began - SHOWN, ended)
        if there or not self._may_last(row, ended) or ended < SETTLE_SECONDS:
            return False
        sure = there is False and self._must_last(row) and began - SHOWN > SETTLE_SECONDS
        return True if sure else None

    def lost_servers(self, service: str, began: float, ended: float) -> Range:
        """Return how many servers of a service are lost in a walk, and which may be."""
        there = self.timeline.throughout((service, ""), began - SHOWN, ended)
        if service not in self._servers or there is False or ended < SETTLE_SECONDS:
            return Range(0, 0, set(), set())
        present = sure = unsure = 0
        may_be = set()
        for name in self._servers[service]:
            row = service, name
            was = self.timeline.throughout(row, began - SHOWN, ended)
            present += was is True
            unsure += was is None
            if not was and self._may_last(row, ended):
                may_be.add(name)
            sure += was is False and self._must_last(row)
        held = self._held[service]
        since = min([began - SHOWN, *(change.began for _row, change in self._open)])
        least = min(sure, max(0, held.must_at(since) - present - unsure))
        most = min(len(may_be), max(0, held.may_at(ended) - present))
        if not there or began - SHOWN <= SETTLE_SECONDS:
            least = 0
        may_be = may_be if most else set()
        return Range(least, most, may_be, may_be if least == len(may_be) else set())

    def _admit(self, row: Row, began: float) -> None:
        self._lives[row] = _Life(began)
        service, server = row
        if server:
            self._servers[service].append(server)
        else:
            self._servers[service], self._held[service] = [], _Held()

    def _come(self, row: Row, began: float, done: float) -> None:
        life = self._lives[row]
        life.since, life.until = done, None
        if row[1]:
            self._held[row[0]].add(began, done)

    def _go(self, row: Row, began: float, done: float) -> None:
        life = self._lives[row]
        life.lasting |= began - life.since >= MUST_LAST
        life.until = done
        if row[1]:
            self._held[row[0]].remove(began, done)

    def _may_last(self, row: Row, ended: float) -> bool:
        life = self._lives[row]
        return (ended if life.until is None else life.until) - life.first >= MAY_LAST

    def _must_last(self, row: Row) -> bool:
        return self._lives[row].lasting
