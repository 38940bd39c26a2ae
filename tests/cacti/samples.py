# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in round-robin files, and whether it is what a director had."""

from __future__ import annotations

import math
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List

from tests.cacti.farm import COUNTED, Values

TOLERANCE = 0.01
SPIKE = 2.5  # times what it should be; between two polls that are not on time it may be twice


@dataclass(frozen=True)
class Moment:
    """A poll: the time that Cacti noted, seconds since 1970, and that of the director's clock."""

    noted: int
    clock: int


@dataclass(frozen=True)
class Span:
    """From one poll to another."""

    start: Moment
    end: Moment

    @property
    def pace(self) -> float:
        """Rates as Cacti sees them over the director's: 1, or less if its polls were late."""
        return (self.end.clock - self.start.clock) / (self.end.noted - self.start.noted)


def last(path: Path) -> int:
    """When the last sample was noted."""
    return int(_rrdtool("last", str(path)))


def fetched(path: Path, span: Span) -> Dict[str, List[float]]:
    """The samples of each data source in a file, NaN where there is none."""
    start, end = span.start.noted, span.end.noted
    times = ["-s", str(start), "-e", str(end)]
    head, _, *rows = _rrdtool("fetch", str(path), "AVERAGE", *times).splitlines()
    columns: Dict[str, List[float]] = {name: [] for name in head.split()}
    for row in rows:
        stamp, _, values = row.partition(": ")
        if start < int(stamp) <= end:
            for column, value in zip(columns.values(), values.split()):
                column.append(float(value))
    return columns


def mean(values: List[float]) -> float:
    """Of the samples that are there; NaN if none is."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def wrong(path: Path, title: str, span: Span, wanted: Values) -> List[str]:
    """What is not as it was on the director: a gap, a spike or another's traffic."""
    said = []
    samples = fetched(path, span)
    for name, value in wanted.items():
        values = samples.get(name, [])
        expected = value * span.pace if name in COUNTED else value
        of = f"{title}, {name}:"
        known = [each for each in values if not math.isnan(each)]
        if known and max(known) > value * SPIKE:
            said.append(f"{of} up to {max(known):g}, the director had {value:g}")
        elif not known or len(known) < len(values):
            said.append(f"{of} a gap, the director had {value:g}")
        elif abs(mean(values) - expected) > expected * TOLERANCE:
            said.append(f"{of} {mean(values):g}, the director had {expected:g}")
    return said


def there(path: Path, title: str, span: Span) -> List[str]:
    """What is in the file of something that is away."""
    known = {name: mean(values) for name, values in fetched(path, span).items()}
    return [
        f"{title}, {name}: {value:g}, the director had no such row"
        for name, value in known.items()
        if not math.isnan(value)
    ]


def _rrdtool(*arguments: str) -> str:
    return subprocess.run(
        ["rrdtool", *arguments], text=True, capture_output=True, check=True
    ).stdout
