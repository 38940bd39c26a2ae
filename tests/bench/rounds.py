# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring side by side: each round takes every side once, so what slows the machine slows all."""

from __future__ import annotations

import sys
from typing import Callable, Dict, List

Side = Callable[[], float]


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


def alternate(name: str, rounds: int, **sides: Side) -> Dict[str, List[float]]:
    """What each side gave in each round; a round before the first is not counted."""
    found: Dict[str, List[float]] = {side: [] for side in sides}
    for number in range(rounds + 1):
        for side, measure in sides.items():
            found[side].append(measure())
        last = ", ".join(f"{side} {values[-1]:.3g}" for side, values in found.items())
        say(f"  {name} {number}/{rounds}: {last}")
    return {side: values[1:] for side, values in found.items()}


def ratios(upper: List[float], lower: List[float]) -> List[float]:
    """upper / lower of each round."""
    return [one / other for one, other in zip(upper, lower)]
