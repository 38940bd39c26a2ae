# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a collector that is offered 2.4 million rows: its memory, its file, one new row.

python -m tests.bench.remembering FOLDER LOOKS shows it LOOKS times 200 services, each time with a
hundred other servers in each of them, and prints the figures as JSON.
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

from lvs_agent.collector.history import History
from lvs_agent.snapshot import Snapshot
from tests.bench.report import Figure
from tests.bench.rounds import say
from tests.support.builders import server, service, snapshot, traffic

SERVICES = 200
SERVERS = 100
LOOKS = 120
NEW_ROWS = 50


def figures(folder: Path) -> List[Figure]:
    """Measure the state with the rows of one look, and of all looks."""
    found: Dict[int, Dict[str, Any]] = {}
    for looks in (1, LOOKS):
        say(f"  remembered: {looks * SERVICES * SERVERS} rows")
        command = [sys.executable, "-m", __name__, str(folder / str(looks)), str(looks)]
        found[looks] = json.loads(subprocess.run(command, check=True, stdout=-1).stdout)
    few, many = found[1], found[LOOKS]
    rows = f"{LOOKS * SERVICES * SERVERS / 1e6:g} million rows"
    return [
        Figure(
            "remembered",
            f"how far the memory of a collector's state grows while {rows} are offered, of which"
            f" {SERVICES * SERVERS} are present at a time",
            [many["memory"] - few["memory"]],
            "MiB",
        ),
        Figure(
            "state-file",
            "the longest state file meanwhile; while it is replaced, the new one is beside it",
            [many["file"]],
            "MiB",
        ),
        Figure(
            "new-row",
            f"the time until one new row's number is on disk, after {rows} / after the first"
            f" {SERVICES * SERVERS}: {1000 * _median(many):.1f} and {1000 * _median(few):.1f} ms,"
            " of which most is the look at the rows that are present",
            [new / _median(few) for new in many["new rows"]],
        ),
    ]


def _median(found: Dict[str, Any]) -> float:
    return float(sorted(found["new rows"])[NEW_ROWS // 2])


def _look(number: int) -> Snapshot:
    return snapshot(
        *(
            service(
                f"192.0.2.{n}",
                443,
                *(
                    server(f"10.{number}.{n}.{k}", counters=traffic(10**9 + number))
                    for k in range(SERVERS)
                ),
                counters=traffic(10**12 + number),
            )
            for n in range(SERVICES)
        )
    )


def main(folder: str, looks: str) -> None:
    """Offer the rows, then add rows one by one to the last look."""
    gc.disable()
    history, state = History(Path(folder)), Path(folder) / "history.jsonl"
    longest = 0
    for number in range(int(looks)):
        last = _look(number)
        history.annotate(last)
        history.keep()
        longest = max(longest, state.stat().st_size)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = []
    for number in range(NEW_ROWS):
        last.services[0].real_servers.append(server(f"172.16.0.{number}"))
        begun = time.perf_counter()
        history.annotate(last)
        took.append(time.perf_counter() - begun)
        history.keep()
    history.close()
    print(json.dumps({"memory": memory, "file": longest / (1 << 20), "new rows": took}))


if __name__ == "__main__":
    main(*sys.argv[1:])
