# SPDX-License-Identifier: GPL-3.0-or-later
"""The traps of lvs-agent watch and of snmpd's monitor lines, in a snmptrapd on the manager."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence, Set

from tests.lab.controllers import reported
from tests.outage import measure
from tests.outage.plan import Outage, State
from tests.outage.system import System, missing, program
from tests.support.paths import CHECKOUT

# what is wrong, and the trap at its end
PAIRS = {"real servers lost": "complete again", "no real server": "real servers again"}
ENDED = {"Found": "Lost", "Up": "Down"}
MONITOR = re.compile(r'88\.2\.1\.1\.0 = STRING: "(.*?)".*"(.*?)"')


@contextmanager
def running(folder: Path) -> Iterator[Sequence[System]]:
    """Run snmptrapd."""
    log = folder / "traps"
    config = folder / "snmptrapd.conf"
    config.write_text("authCommunity log public\nformat2 %v\\n\n")
    modules = f"{CHECKOUT}/mibs:/usr/share/snmp/mibs"
    command = ["snmptrapd", "-f", "-Lf", log, "-C", "-c", config, "-m", "LVS-MIB", "-M", modules]
    with program(folder / "log", *command, SNMP_PERSISTENT_DIR=str(folder)):
        measure.until("snmptrapd", log.exists)

        def monitor(outage: Outage, state: State) -> bool:
            found = re.findall(MONITOR, log.read_text())
            mine = [name for name, service in found if service == outage.service]
            wrong = {bad for bad, good in PAIRS.items() if _last(mine, bad, good) == bad}
            return wrong == {
                *(["real servers lost"] if state.lost else []),
                *(["no real server"] if not state.up else []),
            }

        def watch(outage: Outage, state: State) -> bool:
            wrong: Set[reported.Event] = set()
            for kind, row in reported.received(log):
                if row.startswith(outage.service):
                    end = kind[2:]
                    begun = reported.Event(kind[:2] + ENDED.get(end, end), row)
                    (wrong.discard if end in ENDED else wrong.add)(begun)
            return wrong == (set() if state.healthy else _events(outage))

        yield [
            System("snmpd's monitor", "trap", monitor, missing),
            System("lvs-agent watch", "trap", watch),
        ]


def _events(outage: Outage) -> Set[reported.Event]:
    """Return what the watch reports at the beginning of an outage."""
    kind = "RsDown" if outage.inhibit else "RsLost"
    found = {reported.Event(kind, f"{outage.service} -> {server}") for server in outage.killed}
    return found if outage.state.up else {*found, reported.Event("VsDown", outage.service)}


def _last(names: Sequence[str], bad: str, good: str) -> str:
    return ([good] + [name for name in names if name in (bad, good)])[-1]
