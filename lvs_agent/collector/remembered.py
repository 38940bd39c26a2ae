# SPDX-License-Identifier: GPL-3.0-or-later
"""The remembered states of services and real servers, and their numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Generic, Iterator, Optional, Tuple, TypeVar

from lvs_agent.snapshot import MAX_COUNTER, Traffic

MAX_NUMBER = 65535  # the maximum of lvsServiceNumber and lvsRealServerNumber

State = TypeVar("State", bound="RowState")


@dataclass
class RowState:
    """The state of a row, which is remembered for as long as the row has a number.

    counters are the kernel's when last seen, counter_offset is what was counted before they were
    last reset, continuous_since is when their sum became continuous (seconds of CLOCK_BOOTTIME, 0
    before this boot), missing_since is when the row was first missing (seconds since 1970) or None.
    Only the row's Numbering changes missing_since.
    """

    number: int
    continuous_since: float = 0.0
    missing_since: Optional[float] = None
    counters: Optional[Traffic] = None
    counter_offset: Optional[Traffic] = None

    def note_reset(self) -> None:
        """Add the counters to the offset, because the kernel's have been reset."""
        if self.counters is not None:
            offset = self.counter_offset or Traffic(0, 0, 0, 0, 0)
            pairs = zip(offset, self.counters)
            self.counter_offset = Traffic(
                *((before + last) & MAX_COUNTER for before, last in pairs)
            )
            self.counters = None


@dataclass
class RealServerState(RowState):
    """The state of a real server of one service."""


@dataclass
class ServiceState(RowState):
    """The state of a virtual service."""

    servers: Numbering[RealServerState] = field(default_factory=lambda: Numbering())


@dataclass
class Numbering(Generic[State]):
    """Named rows, each with a number: services, or the real servers of one service.

    next_number is the next to be given; all below it have been. 1 follows MAX_NUMBER. rows and
    names hold the same pairs of name and number; missing counts the rows that have a missing_since.
    """

    next_number: int = 1
    rows: Dict[str, State] = field(default_factory=dict)
    names: Dict[int, str] = field(default_factory=dict)
    missing: int = 0

    def add(self, name: str, row: State) -> None:
        """Add a row. Raises ValueError if its name or number is taken, or the number invalid."""
        if name in self.rows or row.number in self.names:
            raise ValueError(f"duplicate name or number: {name}, number {row.number}")
        if not 1 <= row.number <= MAX_NUMBER:
            raise ValueError(f"{name}: number not from 1 to {MAX_NUMBER}: {row.number}")
        self.rows[name] = row
        self.names[row.number] = name
        self.missing += row.missing_since is not None

    def remove(self, name: str) -> None:
        """Remove a row, and free its number."""
        row = self.rows.pop(name)
        del self.names[row.number]
        self.missing -= row.missing_since is not None

    def note_present(self, row: State) -> None:
        """Note that a row has been seen."""
        if row.missing_since is not None:
            row.missing_since = None
            self.missing -= 1

    def note_missing(self, row: State, now: float) -> bool:
        """Note that a row was not seen (seconds since 1970). Return True for the first time."""
        if row.missing_since is not None:
            return False
        row.missing_since = now
        self.missing += 1
        return True

    def forget(self, count: int) -> None:
        """Forget the rows that have been missing longest, at most count of them."""
        ages = (
            (row.missing_since, name)
            for name, row in self.rows.items()
            if row.missing_since is not None
        )
        for _since, name in sorted(ages)[:count]:
            self.remove(name)


def missing(services: Numbering[ServiceState]) -> int:
    """Return the number of missing services and real servers."""
    return services.missing + sum(row.servers.missing for row in services.rows.values())


def forget_missing(services: Numbering[ServiceState], keep: int) -> None:
    """Forget the rows that have been missing longest, so that keep missing rows remain.

    Those of a service that went with its servers are forgotten before it.
    """
    count = missing(services) - keep
    if count > 0:
        for _since, _is_service, name, server in sorted(_missing_rows(services))[:count]:
            if name not in services.rows:
                continue  # forgotten with its service, which went before it if the clock was set
            if server:
                services.rows[name].servers.remove(server)
            else:
                services.remove(name)


def _missing_rows(services: Numbering[ServiceState]) -> Iterator[Tuple[float, bool, str, str]]:
    for name, service in services.rows.items():
        if service.missing_since is not None:
            yield service.missing_since, True, name, ""
        if service.servers.missing:
            for server, row in service.servers.rows.items():
                if row.missing_since is not None:
                    yield row.missing_since, False, name, server
