# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered of each row, and the numbers that rows have."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Dict, Optional

from lvs_agent.snapshot import Traffic

MAX_NUMBER = 65535  # lvsServiceNumber and lvsRealServerNumber end there


@dataclass
class Numbering:
    """Named rows with a number each: services, or the real servers of one service.

    next_number is the next to be given: all below it have been. After the last comes the first
    again. names says whose each number is that must not be given.
    """

    next_number: int = 1
    rows: Dict[str, Remembered] = field(default_factory=dict)
    names: Dict[int, str] = field(default_factory=dict)

    def add(self, name: str, row: Remembered) -> None:
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


@dataclass
class Remembered:
    """What is kept of one row, for as long as there are numbers.

    counters are the kernel's when last seen, counter_offset what was counted before they last
    began anew, continuous_since when their sum became continuous (seconds of CLOCK_BOOTTIME, 0
    before this boot), missing_since when the row was first missed (seconds since 1970) or None.
    """

    number: int
    next_number: int = 1
    continuous_since: float = 0.0
    missing_since: Optional[float] = None
    counters: Optional[Traffic] = None
    counter_offset: Optional[Traffic] = None

    @cached_property
    def servers(self) -> Numbering:
        """Of a service, its real servers."""
        return Numbering()

    def begin_anew(self) -> None:
        """Add the counters to the offset, since the kernel's have begun again."""
        if self.counters is not None:
            counter_offset = self.counter_offset or Traffic(0, 0, 0, 0, 0)
            pairs = zip(counter_offset, self.counters)
            self.counter_offset = Traffic(*(before + last for before, last in pairs))
            self.counters = None
