# SPDX-License-Identifier: GPL-3.0-or-later
"""make bench: what the agent costs beside others, as a table and as JSON.

    python -m tests.bench [--json FILE] [NAME...]

Two things are compared in one run and in turn; a ratio is made of each round, and the table has
the median of all rounds with the lowest and the highest. Progress goes to standard error.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Callable, Dict, List

from tests.bench import agents, answers, decoders, lab, report, upkeep, walks
from tests.bench.report import Figure
from tests.bench.rounds import say

FIGURES: Dict[str, Callable[[Path], List[Figure]]] = {
    "walk-1000": walks.thousand,
    "walk-10000": walks.ten_thousand,
    "flat": walks.flat,
    "keepalived": lab.keepalived,
    "collection": lab.collection,
    "stock": walks.stock,
    "pyroute2": decoders.pyroute2,
    "first-answer": answers.first,
    "longest-answer": answers.longest,
    "polls": upkeep.polls,
    "memory": upkeep.memory,
}


def main() -> int:
    """Measure what is named, or everything; 130 if interrupted. The table says what is missed."""
    parser = argparse.ArgumentParser(
        prog="bench", description="What the agent costs beside others."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    args = parser.parse_args()
    unknown = ", ".join(sorted(set(args.names) - set(FIGURES)))
    if unknown:
        parser.error(f"no figure {unknown}; there are {', '.join(FIGURES)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    agents.stand_aside()
    figures: List[Figure] = []
    try:
        for name in args.names or FIGURES:
            say(f"{name}:")
            figures += _measured(name)
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    print("\n".join([report.heading(), *(each.row() for each in figures)]))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(report.as_json(figures), encoding="utf-8")
    return 0


def _measured(name: str) -> List[Figure]:
    folder = Path(tempfile.mkdtemp(prefix="lvs-bench-"))
    try:
        return FIGURES[name](folder)
    finally:
        shutil.rmtree(folder)


sys.exit(main())
