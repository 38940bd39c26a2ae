# SPDX-License-Identifier: GPL-3.0-or-later
"""snmpget and snmpwalk, by the OIDs that the command oid prints."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Optional, Sequence

from lvs_agent.mib.smi import dotted
from lvs_agent.pollers.oid import oid_of
from tests.outage.plan import DIRECTOR, OUTAGES, Outage
from tests.outage.system import Numbers, System, numbers

UPTIME = ".1.3.6.1.2.1.25.1.1.0"  # hrSystemUptime
COLUMNS = ("lvsVsRealServersUp", "lvsVsRealServersLost")


def get(*oids: str) -> List[Optional[int]]:
    """Return the numbers that snmpget prints; none without an answer, None for what is not one."""
    done = subprocess.run(
        ["snmpget", "-v2c", "-cpublic", "-t2", "-Oqvt", DIRECTOR, *oids],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={"MIBS": "", "PATH": "/usr/bin"},
        check=False,
    )
    lines = done.stdout.splitlines()
    return [int(line) if line.isdigit() else None for line in lines]


def uptime() -> float:
    """Return the seconds since the director's boot, 0 if it does not answer."""
    found = get(UPTIME)
    return (found[0] or 0) / 100 if found else 0.0


def serves() -> bool:
    """Return whether the agent serves the services: the first answer may be without values."""
    return get(dotted(oid_of("lvsNumServices", []))) == [len(OUTAGES)]


@contextmanager
def running(_folder: Path) -> Iterator[Sequence[System]]:
    """Query at every look, which is more often than any system polls."""

    def read(outage: Outage) -> Numbers:
        words = outage.service.split()
        return tuple(get(*(dotted(oid_of(column, words)) for column in COLUMNS)))

    yield [System("snmpget", "lvsVsRealServersUp, -Lost", numbers(read))]
