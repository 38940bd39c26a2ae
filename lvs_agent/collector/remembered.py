# SPDX-License-Identifier: GPL-3.0-or-later
"""The remembered states of services and real servers, and their numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Generic, Optional, TypeVar

from lvs_agent.snapshot import Traffic

MAX_NUMBER = 65535  # the maximum of lvsServiceNumber and lvsRealServerNumber

State = TypeVar("State", bound="RowState")


@dataclass
class RowState:
    """The state of a row, which is remembered for as long as the row has a number.

    counters are the kernel's when last seen, counter_offset is what was counted before they were
    last reset, continuous_since is when their sum became continuous (seconds of CLOCK_BOOTTIME, 0
    before this boot), missing_since is when the row was first missing (seconds since 1970) or None.
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
            self.counter_offset = Traffic(*(before + last for before, last in pairs))
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
    names hold the same pairs of name and number, and are changed only in add() and remove().
    """

    next_number: int = 1
    rows: Dict[str, State] = field(default_factory=dict)
    names: Dict[int, str] = field(default_factory=dict)

    def add(self, name: str, row: State) -> None:
        """Add a row. Raises ValueError if its name or number is taken, or the number invalid."""
        if name in self.rows or row.number in self.names:
            raise ValueError(f"duplicate name or number: {name}, number {row.number}")
        if not 1 <= row.number <= MAX_NUMBER:
            raise ValueError(f"{name}: number not from 1 to {MAX_NUMBER}: {row.number}")
        self.rows[name] = row
        self.names[row.number] = name

    def remove(self, name: str) -> None:
        """Remove a row, and free its number."""
        del self.names[self.rows.pop(name).number]
