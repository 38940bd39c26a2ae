# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of round-robin files with steady traffic, to draw pictures and pages of."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterable, Sequence

from lvs_agent.pollers.graph import files
from lvs_agent.pollers.graph.files import File
from lvs_agent.pollers.graph.rrdtool import Rrdtool
from lvs_agent.pollers.parsing import parse_named

STEP = 300
HOUR = 12  # polls


def folder(path: Path, rows: Dict[str, Dict[str, int]], end: int, polls: int = HOUR) -> Path:
    """Write files of directors, with a row's amount of traffic at each poll until end."""
    for director, its in rows.items():
        (path / director).mkdir(parents=True, exist_ok=True)
        with Rrdtool(path) as rrdtool:
            for name, amount in its.items():
                file = File(director, parse_named([name]))
                files.create(rrdtool, file, end - polls * STEP - 1, STEP)
                fill(rrdtool, file, amount, range(end - polls * STEP, end + 1, STEP))
    return path


def fill(
    rrdtool: Rrdtool,
    file: File,
    amount: int,
    times: Iterable[int],
    parts: Sequence[int] = (7, 8, 9),
) -> None:
    """Update a file at each time with steady traffic.

    An amount of 1 is 1 active and 2 inactive connections, 3 conns/s, 4 and 5 packets/s, 6 and 7
    bytes/s. parts are the numbers of parts that are up, at weight 0 and lost.
    """
    for when in times:
        values = [amount, 2 * amount, *(factor * amount * when for factor in range(3, 8)), *parts]
        files.update(rrdtool, file, when, values[: len(files.sources(file.row))])
