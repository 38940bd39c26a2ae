# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that started the responder: its name and its start time (proc(5))."""

from __future__ import annotations

import os
import time
from pathlib import Path

_STARTTIME = 22  # a field of /proc/PID/stat, in clock ticks after boot (proc(5))


def process_name(pid: int) -> str:
    """Return the kernel's name for a process, at most 15 bytes; "" if it can't be seen."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it is in another PID namespace, or /proc is mounted with hidepid
        return ""
    return name.rstrip("\n")


def process_started(pid: int) -> float:
    """Return a process's start time in seconds of CLOCK_BOOTTIME; now, if it can't be seen."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:  # it is in another PID namespace
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    after_name = stat.rpartition(")")[2].split()  # the name may contain spaces; field 3 is next
    return int(after_name[_STARTTIME - 3]) / os.sysconf("SC_CLK_TCK")
