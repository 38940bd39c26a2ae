# SPDX-License-Identifier: GPL-3.0-or-later
"""The processor time of processes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import List, Sequence


def named(*programs: str) -> List[int]:
    """Return the PIDs of all processes of some programs."""
    found = Path("/proc").glob("[0-9]*/comm")
    return [int(comm.parent.name) for comm in found if comm.read_text().rstrip() in programs]


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the processor time of processes: utime and stime of /proc/PID/stat, see proc(5)."""
    ticks = 0
    for pid in pids:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(after_name[11]) + int(after_name[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def until_at_rest(pids: Sequence[int]) -> None:
    """Wait until processes use no processor time, such as after their replies."""
    before = -1.0
    while before != (now := cpu_seconds(pids)):
        before = now
        time.sleep(1)
