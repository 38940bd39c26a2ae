# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers that a page shows of a service, a VIP or a RIP: the last values of its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Dict, Mapping, Optional, Sequence

from lvs_agent.pollers.graph.files import DERIVE, HOUR, File, Last, rates, sources
from lvs_agent.pollers.graph.rrdtool import Rrdtool

SILENCE = HOUR  # a value that is older than this is no last value


class State(IntEnum):
    """The state of a service, VIP or RIP, the worst last."""

    GONE = 0  # without values, and not lost
    UP = 1  # or unknown, as for files of earlier versions
    PARTLY = 2  # some parts are lost or not up, or one of the directors has lost the service
    DOWN = 3  # no part is up, or the service is lost


@dataclass(frozen=True)
class Numbers:
    """The last values by data source, summed over a row's directors; counters as rates per second.

    changed is the time when a service went up or down, lost_since and silent_since are the times
    since which it is lost or has no values, all in seconds since 1970; or None.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    changed: Optional[int] = None
    lost_since: Optional[int] = None
    silent_since: Optional[int] = None

    @property
    def traffic(self) -> float:
        """The bytes per second in both directions; 0 if unknown."""
        return self.values.get("in_bytes", 0.0) + self.values.get("out_bytes", 0.0)

    @property
    def state(self) -> State:
        """The state of the row."""
        lost = self.lost_since is not None
        if self.silent_since is not None:
            return State.DOWN if lost else State.GONE
        if self.values.get("up") == 0:
            return State.DOWN
        partly = lost or self.values.get("idle") or self.values.get("lost")
        return State.PARTLY if partly else State.UP


def read(rrdtool: Rrdtool, files: Sequence[File], last: Mapping[File, Last], now: float) -> Numbers:
    """Return the numbers of one row, from its files. Raises FileError."""
    values: Dict[str, float] = {}
    for file in files:
        if now - last[file].when > SILENCE or not last[file].known:
            continue
        found = rates(rrdtool, file, last[file])
        for name, kind in sources(file.row).items():
            value = found.get(name) if kind == DERIVE else last[file].values.get(name)
            if value is not None:
                values[name] = values.get(name, 0.0) + value
    return Numbers(
        values,
        max((file.changed for file in files if file.changed is not None), default=None),
        min((file.lost for file in files if file.lost is not None), default=None),
        None if values else max(last[file].when for file in files),
    )


def total(numbers: Sequence[Numbers]) -> Numbers:
    """Return the sum over rows."""
    values: Dict[str, float] = {}
    for each in numbers:
        for name, value in each.values.items():
            values[name] = values.get(name, 0.0) + value
    silent = [each.silent_since for each in numbers if each.silent_since is not None]
    return Numbers(values, silent_since=None if values else max(silent, default=None))
