# SPDX-License-Identifier: GPL-3.0-or-later
"""The samples in round-robin files, compared with the director's values."""

from __future__ import annotations

import math
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List

from tests.cacti.farm import COUNTED, Values

TOLERANCE = 0.01
SKEW = 2  # seconds at most between the samples of two devices in one poll
SPIKE = 2.5  # times the expected value; between two late polls a sample may be twice as high


@dataclass(frozen=True)
class Moment:
    """A poll: the time that Cacti noted, in seconds since 1970, and the director's time."""

    noted: int
    clock: int


@dataclass(frozen=True)
class Span:
    """The time from one poll to another."""

    start: Moment
    end: Moment

    @property
    def pace(self) -> float:
        """The ratio of the rates Cacti sees to the director's: 1, or less if polls were late."""
        return (self.end.clock - self.start.clock) / (self.end.noted - self.start.noted)

    @property
    def inner(self) -> Span:
        """The span for another device than that whose times it has; only for values, not rates."""
        start = Moment(self.start.noted + SKEW, self.start.clock)
        return Span(start, Moment(self.end.noted - SKEW, self.end.clock))


def last(path: Path) -> int:
    """Return the time of the last sample."""
    return int(_rrdtool("last", str(path)))


def fetched(path: Path, span: Span) -> Dict[str, List[float]]:
    """Return the samples of each data source in a file, NaN where there is none."""
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
    """Return the mean of the values that are not NaN, or NaN if there are none."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def wrong(path: Path, title: str, span: Span, wanted: Values) -> List[str]:
    """Return the differences from the director: gaps, spikes, another row's traffic."""
    said = []
    samples = fetched(path, span)
    for name, value in wanted.items():
        values = samples.get(name, [])
        expected = value * span.pace if name in COUNTED else value
        of = f"{title}, {name}:"
        known = [each for each in values if not math.isnan(each)]
        if known and max(known) > value * SPIKE:
            said.append(f"{of} up to {max(known):g}, but {value:g} on the director")
        elif not known or len(known) < len(values):
            said.append(f"{of} a gap, but {value:g} on the director")
        elif abs(mean(values) - expected) > expected * TOLERANCE:
            said.append(f"{of} {mean(values):g}, but {expected:g} on the director")
    return said


def there(path: Path, title: str, span: Span) -> List[str]:
    """Return the values in the file of a row that does not exist on the director."""
    known = {name: mean(values) for name, values in fetched(path, span).items()}
    return [
        f"{title}, {name}: {value:g}, but no such row on the director"
        for name, value in known.items()
        if not math.isnan(value)
    ]


def _rrdtool(*arguments: str) -> str:
    return subprocess.run(
        ["rrdtool", *arguments], text=True, capture_output=True, check=True
    ).stdout
