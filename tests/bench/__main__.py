# SPDX-License-Identifier: GPL-3.0-or-later
"""make bench: measure what the agent costs, compared with other programs.

    python -m tests.bench [--json FILE] [NAME...]

The two sides of a comparison are measured alternately in one run. Each round gives one ratio; the
table has the median, the lowest and the highest of all rounds. --json writes every value to FILE.
Progress goes to standard error.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Callable, Dict, List

from tests.bench import agents, answers, decoders, lab, remembering, report, upkeep, walks
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
    "remembered": remembering.figures,
}


def main() -> int:
    """Run the named benchmarks, or all of them, and print the table, as far as it goes.

    Return 0, or 130 if interrupted. A missed goal is marked in the table and changes nothing else.
    """
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Measure what the agent costs, compared with other programs.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all values as JSON")
    args = parser.parse_args()
    unknown = ", ".join(sorted(set(args.names) - set(FIGURES)))
    if unknown:
        parser.error(f"unknown: {unknown}; choose from {', '.join(FIGURES)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if "LAB_KERNEL" not in os.environ:  # such a guest needs all processors
        agents.stand_aside()
    figures: List[Figure] = []
    try:
        for name in args.names or FIGURES:
            say(f"{name}:")
            figures += _measured(name)
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finally:
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
