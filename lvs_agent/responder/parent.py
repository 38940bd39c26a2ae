# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that started the responder: its name, and when it began (proc(5))."""

from __future__ import annotations

import os
import time
from pathlib import Path

_STARTTIME = 22  # of /proc/PID/stat, proc(5): clock ticks after boot


def process_name(pid: int) -> str:
    """What a process is called by the kernel, in 15 bytes at most; "" if it can't be seen."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace")
    except OSError:  # its PID namespace is another, or /proc is mounted with hidepid
        return ""
    return name.rstrip("\n")


def process_started(pid: int) -> float:
    """When a process began, in seconds of CLOCK_BOOTTIME; now, if it can't be seen from here."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:  # its PID namespace is another
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    after_name = stat.rpartition(")")[2].split()  # its name may hold spaces; field 3 comes next
    return int(after_name[_STARTTIME - 3]) / os.sysconf("SC_CLK_TCK")
