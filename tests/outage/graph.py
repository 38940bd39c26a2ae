# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent graph."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence

from tests.outage.plan import Outage
from tests.outage.system import INTERVAL, Numbers, System, every, file_numbers, numbers, run


@contextmanager
def running(folder: Path) -> Iterator[Sequence[System]]:
    """Update the files at each interval."""
    conf = folder / "snmp.conf"
    conf.write_text("defCommunity public\n")
    into = folder / "files"
    command = ["/opt/lvs-agent/bin/lvs-agent", "graph", "update", "director1"]
    options = ["--into", into, "--step", INTERVAL, "--snmp-conf", conf]

    def read(outage: Outage) -> Numbers:
        name = re.sub("[: ]", "_", outage.service)
        return file_numbers(into / "director1" / f"{name}.rrd", ["up", "lost"])

    with every(lambda: run(folder / "log", *command, *options)):
        yield [System("lvs-agent graph", "round-robin files", numbers(read))]
