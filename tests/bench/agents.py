# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured beside each other: snmpds with one extension each, all at one processor.

snmpd and its extension take turns, so they are faster at one processor than at two. The client,
the collector and the bench itself have the others.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Sequence

from lvs_agent import mib
from lvs_agent.snapshot import Snapshot
from tests import snmpd
from tests.snmpd import BASE, Snmpd

HERE = Path(__file__).parent
RS_TABLE = f"{BASE}.22"  # lvsRsTable: 20 columns of servers that are not tunnelled


def processors() -> List[int]:
    """Those this process may use."""
    return sorted(os.sched_getaffinity(0))


def stand_aside() -> None:
    """Leave the last processor to what is measured; what is started from now on inherits that."""
    if len(processors()) > 1:
        os.sched_setaffinity(0, processors()[:-1])


def yardstick(folder: Path) -> Path:
    """The bare responder in C, compiled."""
    program = folder / "responder"
    if not program.exists():
        source = HERE / "responder.c"
        subprocess.run(["gcc", "-O2", "-Wall", "-o", program, source], check=True)
    return program


def table(file: Path, snapshot: Snapshot) -> Path:
    """The varbinds that the agent serves of lvsRsTable, for a responder with a prepared table."""
    with file.open("w", encoding="utf-8") as lines:
        for oid, keyword, value in mib.view(snapshot, 0.0).walk():
            if f"{BASE}.{oid}".startswith(f"{RS_TABLE}."):
                lines.write(f"{BASE}.{oid}\t{keyword}\t{value}\n")
    return file


@contextmanager
def serving(folder: Path, pinned: bool = True, **commands: object) -> Iterator[Dict[str, Snmpd]]:
    """An snmpd for each command, all with their children at the last processor, if pinned."""
    if not commands:
        yield {}
        return
    name, command = commands.popitem()
    everywhere = os.sched_getaffinity(1)
    with (
        serving(folder, pinned, **commands) as rest,
        snmpd.running(folder / f"snmpd-{name}", str(command)) as one,
    ):
        os.sched_setaffinity(one.pid, {max(everywhere)} if pinned else everywhere)
        yield {**rest, name: one}


def walk(agent: Snmpd, expected: int) -> float:
    """Seconds of one snmpbulkwalk -Cr50 of lvsRsTable. AssertionError if varbinds are missing."""
    options = ["-v2c", "-c", "public", "-On", "-Cr50", "-t", "60"]
    with walked(agent).open("w+") as file:
        began = time.monotonic()
        subprocess.run(
            ["snmpbulkwalk", *options, agent.address, RS_TABLE],
            stdout=file,
            env=agent.environment,
            check=True,
        )
        seconds = time.monotonic() - began
        file.seek(0)
        lines = sum(1 for _ in file)
    assert lines == expected, f"{lines} varbinds, not {expected}"
    return seconds


def walked(agent: Snmpd) -> Path:
    """What the last walk printed."""
    return agent.config.parent / "walk"


def cpu_seconds(pids: Sequence[int]) -> float:
    """What processes have used of processors, proc(5): utime and stime of /proc/PID/stat."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> List[int]:
    """The processes that a process has started."""
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
