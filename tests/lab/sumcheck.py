# SPDX-License-Identifier: GPL-3.0-or-later
"""A check of the sums over addresses in walks of a director that is edited meanwhile."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from tests.lab.walkcheck import Fault, Path, read
from tests.support.lvsmib import COUNTERS, split

BACK = "sum gone back"
_COUNTERS = {f"{prefix}{name}" for prefix in ("lvsVip", "lvsRip") for name in COUNTERS}


class SumChecker:
    """Compares counters with those of walks that had ended before: none is lower."""

    def __init__(self) -> None:
        self._highest: Dict[Path, int] = {}
        # the walks that had not ended when the last one began, each with its end and its counters
        self._late: List[Tuple[float, Dict[Path, int]]] = []
        self.compared = 0

    def check(self, lines: Sequence[str], began: float, ended: float) -> List[Fault]:
        """Return the faults of a walk that was made between two times."""
        try:
            walk = read(lines)
        except ValueError:
            return []  # walkcheck reports it
        late = []
        for end, counted in self._late:
            if end < began:
                for path, count in counted.items():
                    self._highest[path] = max(count, self._highest.get(path, 0))
            else:
                late.append((end, counted))
        sums = {path: value for path, value in walk if split(path)[0] in _COUNTERS}
        counted = {path: int(value.partition(": ")[2]) for path, value in sums.items()}
        self._late = [*late, (ended, counted)]
        self.compared += len(counted)
        return [
            Fault(BACK, f"{path}: {count}, before {self._highest[path]}")
            for path, count in counted.items()
            if count < self._highest.get(path, 0)
        ]
