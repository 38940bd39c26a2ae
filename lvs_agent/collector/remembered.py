# SPDX-License-Identifier: GPL-3.0-or-later
"""The remembered states of services and real servers, and their numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Dict, Generic, List, Optional, Tuple, TypeVar

from lvs_agent.collector.sums import Address, Sums
from lvs_agent.services import Traffic, plus

MAX_NUMBER = 65535  # the maximum of lvsServiceNumber and lvsRealServerNumber
# A row that was seen again after this many seconds is lost when it is gone, and a number of servers
# that a service held for so long counts.
LASTING_SECONDS = 60
MAX_BASELINE = 16

State = TypeVar("State", bound="RowState")


@dataclass
class RowState:
    """The state of a row, which is remembered for as long as the row has a number.

    counters are the kernel's when last seen, counter_offset is what was counted before they were
    last reset, continuous_since is when their sum became continuous (seconds of CLOCK_BOOTTIME, 0
    before this boot). The other times are in seconds since 1970. missing_since is when a snapshot
    first lacked the row, gone_since when a complete one did, and last_seen when the last complete
    one had it; the first two are None while the row is there. Only the row's Numbering changes
    them. lasting is True for a row that was seen again after LASTING_SECONDS; until then,
    first_seen is when it was first seen. up is the last state that was seen, changed is when it
    changed. address is the address to whose sum the row belongs, None if it has none.
    """

    number: int
    continuous_since: float = 0.0
    missing_since: Optional[float] = None
    counters: Optional[Traffic] = None
    counter_offset: Optional[Traffic] = None
    first_seen: Optional[float] = None
    lasting: bool = False
    last_seen: Optional[float] = None
    gone_since: Optional[float] = None
    up: Optional[bool] = None
    changed: Optional[float] = None
    address: Optional[Address] = field(default=None, compare=False, repr=False)
    appearing_is_change: ClassVar[bool] = False

    @property
    def counted(self) -> Optional[Traffic]:
        """The counters with their offset, which wrap to 0 at 2^64; None if nothing is known."""
        return plus(self.counter_offset, self.counters)

    def note_reset(self) -> None:
        """Add the counters to the offset, because the kernel's have been reset."""
        self.counter_offset, self.counters = self.counted, None

    def attach(self, sums: Sums, name: str) -> None:
        """Add the rows that belong to this row to the sums over addresses."""

    def remove_all(self) -> None:
        """Remove the rows that belong to this row."""

    def note_seen(self, up: Optional[bool], now: float) -> bool:
        """Note that the row was seen, up or down or (None) neither. Return True to save that."""
        before = self.lasting, self.up
        if not self.lasting:
            if self.first_seen is None or now < self.first_seen:
                self.first_seen = now
            elif now - self.first_seen >= LASTING_SECONDS:
                self.lasting, self.first_seen = True, None
        if up is not None and up is not self.up:
            if self.up is not None or self.appearing_is_change:
                self.changed = now
            self.up = up
        return before != (self.lasting, self.up)

    def forget(self) -> None:
        """Forget that the row was seen, so that it is not lost."""
        self.lasting, self.first_seen = False, None


@dataclass
class RealServerState(RowState):
    """The state of a real server of one service."""

    appearing_is_change: ClassVar[bool] = True


@dataclass
class ServiceState(RowState):
    """The state of a virtual service.

    baseline has numbers of servers with a weight above 0 that the service held for LASTING_SECONDS,
    each with the last time (seconds since 1970); numbers fall and times rise. pending is the lowest
    number since the time from which the next is held.
    """

    servers: Numbering[RealServerState] = field(default_factory=lambda: Numbering())
    baseline: List[Tuple[int, float]] = field(default_factory=list)
    pending: Optional[Tuple[int, float]] = None

    def attach(self, sums: Sums, name: str) -> None:
        """Add the servers to the sums over addresses."""
        self.servers.attach(sums, name)

    def remove_all(self) -> None:
        """Remove the servers."""
        for name in list(self.servers.rows):
            self.servers.remove(name)

    def hold(self, up: int, now: float, oldest: float) -> bool:
        """Note how many servers of a complete snapshot are up. Return True to save the baseline.

        Numbers that were held before the time oldest are forgotten when there are too many: the
        clock may be ahead for a while.
        """
        count, since = self.pending or (up, now)
        count, since = min(count, up), min(since, now)
        if now - since < LASTING_SECONDS:
            self.pending = count, since
            return False
        before = self.baseline
        higher = [each for each in before if each[0] > count]
        if len(higher) == MAX_BASELINE:
            higher = [each for each in higher if each[1] >= oldest]
        self.baseline = [*higher[: MAX_BASELINE - 1], (count, now)]
        self.pending = up, now
        return [each[0] for each in before] != [each[0] for each in self.baseline]

    def lost_servers(self, oldest: float, missing: bool = False) -> List[str]:
        """Return the names of lost servers, those that went last first.

        These are lasting servers that are gone, as many as the service lacks to its baseline. With
        missing, servers count that any snapshot lacked. What is older than the time oldest does
        not count.
        """
        held = next((count for count, when in self.baseline if when >= oldest), 0)
        absent = self.servers.missing if missing else self.servers.gone
        lacking = held - (len(self.servers.rows) - absent)
        if lacking <= 0 or not absent:
            return []
        found = []
        for name, row in self.servers.rows.items():
            since = row.missing_since if missing else row.gone_since
            if row.lasting and since is not None and since >= oldest:
                found.append((since, name))
        return [name for _since, name in sorted(found, reverse=True)[:lacking]]

    def lower_baseline(self, count: int) -> None:
        """Lower the numbers above that of the present servers by count, as that many are forgotten.

        Of equal numbers, the last time is kept.
        """
        present = len(self.servers.rows) - self.servers.gone
        lowered = {max(held - count, min(held, present)): when for held, when in self.baseline}
        self.baseline = list(lowered.items())


@dataclass
class Numbering(Generic[State]):
    """Named rows, each with a number: services, or the real servers of one service.

    next_number is the next to be given; all below it have been. 1 follows MAX_NUMBER. rows and
    names hold the same pairs of name and number; missing counts the rows that have a missing_since,
    gone those of them that have a gone_since. looked is the time of the last complete snapshot.
    sums has the sums over the addresses of the rows, if any. service is the name of the service
    whose servers the rows are, "" for services.
    """

    next_number: int = 1
    rows: Dict[str, State] = field(default_factory=dict)
    names: Dict[int, str] = field(default_factory=dict)
    missing: int = 0
    gone: int = 0
    looked: Optional[float] = None
    sums: Optional[Sums] = field(default=None, compare=False, repr=False)
    service: str = field(default="", compare=False, repr=False)

    def attach(self, sums: Sums, service: str = "") -> None:
        """Add all rows to these sums over addresses instead of the former ones."""
        self.sums, self.service = sums, service
        for name, row in self.rows.items():
            self._join(sums, name, row)

    def _join(self, sums: Sums, name: str, row: State) -> None:
        missing = row.missing_since is not None
        row.address = sums.join(self.service, name, row.continuous_since, missing, row.counted)
        row.attach(sums, name)

    def add(self, name: str, row: State) -> None:
        """Add a row. Raises ValueError if its name or number is taken, or the number invalid."""
        if name in self.rows or row.number in self.names:
            raise ValueError(f"duplicate name or number: {name}, number {row.number}")
        if not 1 <= row.number <= MAX_NUMBER:
            raise ValueError(f"{name}: number not from 1 to {MAX_NUMBER}: {row.number}")
        self.rows[name] = row
        self.names[row.number] = name
        self.missing += row.missing_since is not None
        self.gone += row.gone_since is not None
        if self.sums is not None:
            self._join(self.sums, name, row)

    def remove(self, name: str) -> None:
        """Remove a row and the rows that belong to it, and free its number."""
        row = self.rows[name]
        if self.sums is not None:
            row.remove_all()
            self.note_missing(row, 0.0)
            self.sums.forget(self.service, name, row.address, row.counted)
        del self.rows[name]
        del self.names[row.number]
        self.missing -= row.missing_since is not None
        self.gone -= row.gone_since is not None

    def note_present(self, row: State) -> None:
        """Note that a row has been seen."""
        if row.missing_since is not None:
            row.missing_since = None
            self.missing -= 1
            if row.address is not None:
                row.address.note_present(row.counted)
        if row.gone_since is not None:
            row.gone_since = None
            self.gone -= 1
            if row.appearing_is_change:
                row.up = None

    def note_missing(self, row: State, now: float) -> bool:
        """Note that a row was not seen (seconds since 1970). Return True for the first time."""
        if row.missing_since is not None:
            return False
        row.missing_since = now
        self.missing += 1
        if row.address is not None:
            row.address.note_missing(row.counted)
        if self.looked is not None:
            row.last_seen = self.looked
        return True

    def note_gone(self, now: float) -> List[str]:
        """Note that a complete snapshot lacks all missing rows. Return those it is new for."""
        found = []
        if self.missing > self.gone:
            for name, row in self.rows.items():
                if row.missing_since is not None and row.gone_since is None:
                    row.gone_since = now
                    found.append(name)
            self.gone += len(found)
        return found

    def forget(self, count: int) -> None:
        """Forget the rows that have been missing longest, at most count of them.

        Those that may be lost are forgotten after the others.
        """
        ages = (
            (row.lasting and row.gone_since is not None, row.missing_since, name)
            for name, row in self.rows.items()
            if row.missing_since is not None
        )
        for _lost, _since, name in sorted(ages)[:count]:
            self.remove(name)


def resume(services: Numbering[ServiceState], looked: Optional[float]) -> None:
    """Note in a loaded state when the last complete snapshot was taken.

    Every service that is there held the last number of its baseline until then.
    """
    services.looked = looked
    for service in services.rows.values():
        service.servers.looked = looked
        if service.baseline and service.missing_since is None and looked is not None:
            service.baseline[-1] = service.baseline[-1][0], looked
