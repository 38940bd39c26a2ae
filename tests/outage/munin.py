# SPDX-License-Identifier: GPL-3.0-or-later
"""Munin's node and master, with the files in contrib/munin."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence

from tests.outage.plan import DIRECTOR, Outage
from tests.outage.system import Numbers, System, alerts, every, file_numbers, missing, numbers
from tests.support import munin

# the last line about a graph has the lines of the graph that are not as they should be
CONTACT = """
contact.test.command cat >> alerts
contact.test.text ${var:graph_title}${loop:cfields  ${var:label}}${loop:wfields  ${var:label}}
"""
GRAPH = "LVS real servers"


@contextmanager
def running(folder: Path) -> Iterator[Sequence[System]]:
    """Run the node, and the master's programs at each interval."""
    with munin.node(folder, 161, DIRECTOR) as port, munin.master(port, lines=CONTACT) as master:
        values = master.folder / "LVS"
        written = master.folder / "alerts"

        def read(outage: Outage) -> Numbers:
            field = re.sub("[^A-Za-z0-9]", "_", outage.service)
            return tuple(
                value
                for kind in ("up", "lost")
                for value in file_numbers(
                    values / f"director1-lvs_servers-{field}_{kind}-g.rrd", ["42"]
                )
            )

        def alert(outage: Outage) -> bool:
            lines = written.read_text().splitlines() if written.exists() else []
            return (
                outage.service in [GRAPH, *(line for line in lines if line.startswith(GRAPH))][-1]
            )

        def poll() -> None:
            for name in ("munin-update", "munin-limits"):
                master.run(name)

        with every(poll):
            yield [
                System("Munin", "round-robin files", numbers(read)),
                System("Munin", "alert", alerts(alert), missing),
            ]
