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

    fresh is the number to give next, since all below it were given: after the last comes the
    first again. names says whose the numbers are that must not be given.
    """

    fresh: int = 1
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

    counters are the kernel's when last seen, carried what was counted before they last began
    anew, since when their sum became continuous (seconds of CLOCK_BOOTTIME, 0 before this
    boot), gone when the row was first missed (seconds since 1970) or None.
    """

    number: int
    fresh: int = 1
    since: float = 0.0
    gone: Optional[float] = None
    counters: Optional[Traffic] = None
    carried: Optional[Traffic] = None

    @cached_property
    def servers(self) -> Numbering:
        """Of a service, its real servers."""
        return Numbering()

    def begin_anew(self) -> None:
        """The kernel's counters have begun again: carry on what they had been."""
        if self.counters is not None:
            carried = self.carried or Traffic(0, 0, 0, 0, 0)
            pairs = zip(carried, self.counters)
            self.carried = Traffic(*(before + last for before, last in pairs))
            self.counters = None
