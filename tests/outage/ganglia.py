# SPDX-License-Identifier: GPL-3.0-or-later
"""Ganglia's gmond with the script in contrib/ganglia, which does not send lost servers."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence

from tests.outage.plan import POLLER, Outage, State
from tests.outage.system import System, every, run
from tests.support import ganglia
from tests.support.paths import CONTRIB


@contextmanager
def running(folder: Path) -> Iterator[Sequence[System]]:
    """Run gmond, and the script at each interval."""
    conf = folder / ".snmp" / "snmp.conf"
    conf.parent.mkdir()
    conf.write_text("defVersion 2c\ndefCommunity public\n")
    script = CONTRIB / "ganglia" / "lvs-gmetric"
    environment = {**ganglia.ENVIRONMENT, "HOME": str(folder), "MIBS": ""}
    with ganglia.running(folder) as gmond:
        words = [script, "director1", "-S", f"{POLLER}:director1", "-c", gmond.config]

        def shows(outage: Outage, state: State) -> bool:
            name = re.sub("[^a-z0-9.]", "_", outage.service.lower())
            metric = gmond.hosts().get("director1", {}).get(f"lvs_{name}_servers_up")
            return metric is not None and metric.attrib["VAL"] == str(state.up)

        with every(lambda: run(folder / "log", *words, **environment)):
            yield [System("Ganglia", "metrics", shows)]
