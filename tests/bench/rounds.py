# SPDX-License-Identifier: GPL-3.0-or-later
"""Side-by-side measurement: each round measures every side once, so other load hits all alike."""

from __future__ import annotations

import sys
from typing import Callable, Dict, List

Side = Callable[[], float]


def say(text: str) -> None:
    """Print a line of progress."""
    print(text, file=sys.stderr, flush=True)


def alternate(name: str, rounds: int, **sides: Side) -> Dict[str, List[float]]:
    """Return each side's value of each round, without those of the warm-up round."""
    found: Dict[str, List[float]] = {side: [] for side in sides}
    for number in range(rounds + 1):
        for side, measure in sides.items():
            found[side].append(measure())
        last = ", ".join(f"{side} {values[-1]:.3g}" for side, values in found.items())
        say(f"  {name} {number}/{rounds}: {last}")
    return {side: values[1:] for side, values in found.items()}


def ratios(upper: List[float], lower: List[float]) -> List[float]:
    """Return upper / lower of each round."""
    return [one / other for one, other in zip(upper, lower)]
