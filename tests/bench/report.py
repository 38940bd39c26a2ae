# SPDX-License-Identifier: GPL-3.0-or-later
"""Measured figures with their spread and goals, as lines of text and as JSON."""

from __future__ import annotations

import json
import statistics
import textwrap
from dataclasses import asdict, dataclass
from typing import List, Optional, Sequence

WIDTH = 100
COLUMNS = "{:<16} {:>9}  {:<17} {:<10} {:<7}"


@dataclass(frozen=True)
class Goal:
    """An upper or lower bound of the median."""

    sign: str
    bound: float
    unit: str = ""

    def met(self, value: float) -> bool:
        """Return True if a value meets the goal."""
        return value >= self.bound if self.sign == "≥" else value <= self.bound

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g}{self.unit}"


@dataclass(frozen=True)
class Figure:
    """One line of the table: one value per round, and a note on what is measured and how."""

    name: str
    note: str
    values: Sequence[float]
    unit: str = ""
    goal: Optional[Goal] = None

    @property
    def median(self) -> float:
        """The median of all rounds."""
        return statistics.median(self.values)

    def row(self) -> str:
        """Return the line of the table and the note below it."""
        lowest, highest = (shown(end(self.values), self.unit) for end in (min, max))
        verdict = "" if self.goal is None else "met" if self.goal.met(self.median) else "MISSED"
        goal = "" if self.goal is None else str(self.goal)
        row = COLUMNS.format(
            self.name,
            shown(self.median, self.unit),
            f"{lowest} to {highest}" if len(self.values) > 1 else "",
            goal,
            verdict,
        )
        note = textwrap.wrap(f"{self.note}", WIDTH - 4)
        return "\n".join([row.rstrip(), *(f"    {line}" for line in note)])


def shown(value: float, unit: str) -> str:
    """Return a value with its unit, in about three significant digits."""
    digits = 0 if abs(value) >= 100 or unit in ("ms", "MiB") else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}" + (f" {unit}" if unit not in ("", "x") else "")


def heading() -> str:
    """Return the heading of the table."""
    return COLUMNS.format("", "median", "lowest, highest", "goal", "").rstrip()


def as_json(figures: Sequence[Figure]) -> str:
    """Return all measured values as JSON."""
    rows: List[object] = [{**asdict(each), "median": each.median} for each in figures]
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
