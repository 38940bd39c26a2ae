# SPDX-License-Identifier: GPL-3.0-or-later
"""make test-outage: python -m tests.outage FOLDER kills real servers and times what is shown.

A guest is a director whose keepalived removes failed servers. All systems poll it at the same time,
each by its file in contrib. The table and FOLDER/outage.json have the seconds from the change of
IPVS's table to the moment in which each system shows it.
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Callable, ContextManager, Dict, List, NoReturn, Sequence

from lvs_agent.collector.lost import SETTLE_SECONDS
from tests.cacti.installation import CactiError
from tests.outage import (
    agent,
    cacti,
    collectd,
    ganglia,
    graph,
    guest,
    measure,
    mrtg,
    munin,
    nagios,
    namespace,
    prometheus,
    results,
    traps,
    zabbix,
)
from tests.outage.measure import MeasureError
from tests.outage.namespace import NamespaceError
from tests.outage.results import Row
from tests.outage.system import System
from tests.support.guests import GuestError
from tests.zabbix.api import ZabbixError

SYSTEMS: Dict[str, Callable[[Path], ContextManager[Sequence[System]]]] = {
    "agent": agent.running,
    "cacti": cacti.running,
    "zabbix": zabbix.running,
    "traps": traps.running,
    "nagios": nagios.running,
    "prometheus": prometheus.running,
    "munin": munin.running,
    "collectd": collectd.running,
    "mrtg": mrtg.running,
    "ganglia": ganglia.running,
    "graph": graph.running,
}
ERRORS = (CactiError, GuestError, MeasureError, NamespaceError, ZabbixError)

_STARTED = time.monotonic()


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"[{time.monotonic() - _STARTED:4.0f} s] {text}", flush=True)


def main() -> int:
    """Return 0 if each system showed each change in time, else 1."""
    signal.signal(signal.SIGTERM, _ended)
    folder, names = Path(sys.argv[1]).resolve(), sys.argv[2:] or [*SYSTEMS]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        namespace.fill(folder)
        found = _run(folder, names)
    except ERRORS as error:
        say(f"FAILED: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    results.save(found, folder / "outage.json")
    print("", *results.table(found), "", sep="\n")
    late = results.late(found)
    say(f"FAILED: shown too late: {'; '.join(late)}" if late else "all was shown in time")
    return 1 if late else 0


def _run(folder: Path, names: Sequence[str]) -> List[Row]:
    with ExitStack() as stack:
        director = stack.enter_context(guest.running(folder / "guest"))
        measure.until("keepalived's table", lambda: director.complete)
        measure.until("lvs-agent", agent.serves)
        say("the director answers")
        systems: List[System] = []
        for name in names:
            (folder / name).mkdir()
            systems += stack.enter_context(SYSTEMS[name](folder / name))
            say(f"{name} runs")
        measure.until_shown(systems)
        say("all show the director; nothing is lost in the 5 minutes after its boot")
        measure.until("uptime", lambda: agent.uptime() > SETTLE_SECONDS, SETTLE_SECONDS)
        say("servers are killed")
        down = measure.measure(director, systems, killed=True)
        measure.until("the watch looks regularly", lambda: director.watch_is_regular)
        say("servers are started again")
        up = measure.measure(director, systems, killed=False)
        say("done")
        return [*results.rows(systems, down, up)]


def _ended(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
