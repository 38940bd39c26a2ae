# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of a page that are due, those that are most out of date first."""

from __future__ import annotations

import math
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Set

from lvs_agent.pollers.graph.kinds import KINDS
from lvs_agent.pollers.graph.picture import PERIODS
from lvs_agent.pollers.graph.plans import Plan


@dataclass(frozen=True)
class Picture:
    """One picture of a plan. late is how far it is out of date, in its own pixels."""

    plan: Plan
    kind: str
    period: str
    late: float

    @property
    def name(self) -> str:
        """Its file name."""
        return self.plan.picture(self.kind, self.period)


def due(
    plans: Sequence[Plan], folder: Path, first: Set[str], width: int, redraw: bool
) -> List[Picture]:
    """Return the pictures to draw: those in first, then the others, the most out of date first.

    A picture, of width pixels, is due when the time since it was drawn fills a pixel, or if redraw.
    Pictures that were never drawn precede the others, those of a day first. Raises OSError.
    """
    found = [
        picture
        for picture in _all(plans, drawn(folder), time.time(), width)
        if redraw or picture.late >= 1
    ]
    return sorted(found, key=lambda picture: (picture.name not in first, -picture.late))


def drawn(folder: Path) -> Dict[str, float]:
    """Return the times at which the pictures in a folder were drawn, by name. Raises OSError."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            # a link is none of ours, and another run may remove a file meanwhile
            if entry.name.endswith(".png") and entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    found[entry.name] = entry.stat().st_mtime
    return found


def _all(
    plans: Sequence[Plan], times: Dict[str, float], now: float, width: int
) -> Iterator[Picture]:
    """Yield every picture, those of a day first."""
    for period, seconds in PERIODS.items():
        for plan in plans:
            for kind in KINDS:
                if (period, kind) in plan.groups:
                    since = times.get(plan.picture(kind, period), -math.inf)
                    # one of the future is as wrong, since the clock was set back
                    yield Picture(plan, kind, period, abs(now - since) * width / seconds)
