# SPDX-License-Identifier: GPL-3.0-or-later
"""The states that are remembered of services and of real servers, and their numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Generic, Optional, TypeVar

from lvs_agent.snapshot import Traffic

MAX_NUMBER = 65535  # lvsServiceNumber and lvsRealServerNumber end there

State = TypeVar("State", bound="RowState")


@dataclass
class RowState:
    """What is remembered of a row, for as long as it has a number.

    counters are the kernel's when last seen, counter_offset what was counted before they last
    began anew, continuous_since when their sum became continuous (seconds of CLOCK_BOOTTIME, 0
    before this boot), missing_since when the row was first missed (seconds since 1970) or None.
    """

    number: int
    continuous_since: float = 0.0
    missing_since: Optional[float] = None
    counters: Optional[Traffic] = None
    counter_offset: Optional[Traffic] = None

    def begin_anew(self) -> None:
        """Add the counters to the offset, since the kernel's have begun again."""
        if self.counters is not None:
            offset = self.counter_offset or Traffic(0, 0, 0, 0, 0)
            pairs = zip(offset, self.counters)
            self.counter_offset = Traffic(*(before + last for before, last in pairs))
            self.counters = None


@dataclass
class RealServerState(RowState):
    """A real server of one service."""


@dataclass
class ServiceState(RowState):
    """A virtual service."""

    servers: Numbering[RealServerState] = field(default_factory=lambda: Numbering())


@dataclass
class Numbering(Generic[State]):
    """Named rows with a number each: services, or the real servers of one service.

    next_number is the next to be given: all below it have been. After the last comes the first
    again. rows and names say the same of a name and its number, and are changed in add() and
    remove() alone.
    """

    next_number: int = 1
    rows: Dict[str, State] = field(default_factory=dict)
    names: Dict[int, str] = field(default_factory=dict)

    def add(self, name: str, row: State) -> None:
        """Enter a row. Raises ValueError if its name or its number is taken."""
        if name in self.rows or row.number in self.names:
            raise ValueError(f"{name} or its number {row.number} stands twice")
        if not 1 <= row.number <= MAX_NUMBER:
            raise ValueError(f"number {row.number} of {name} is not within 1 to {MAX_NUMBER}")
        self.rows[name] = row
        self.names[row.number] = name

    def remove(self, name: str) -> None:
        """Forget a row."""
        del self.names[self.rows.pop(name).number]
