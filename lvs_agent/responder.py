# SPDX-License-Identifier: GPL-3.0-or-later
"""What answers snmpd: the snapshot of the moment, seen through LVS-MIB."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Optional

from lvs_agent import mib
from lvs_agent.feed import Feed
from lvs_agent.snapshot import Snapshot
from lvs_agent.view import View

_STARTTIME = 22  # of /proc/PID/stat, proc(5): clock ticks after boot


class Responder:
    """A feed's snapshots as views; see mib.objects for started and original."""

    def __init__(self, feed: Feed, started: float, original: bool) -> None:
        self._feed = feed
        self._started = started
        self._original = original
        self._of: Optional[Snapshot] = None
        self._view: Optional[View] = None
        self.waiting = feed.waiting
        self.advance = feed.advance

    def view(self) -> View:
        """The objects to answer from now."""
        snapshot = self._feed.current()
        if self._view is None or snapshot is not self._of:
            self._view = None  # frees the old rows before the new ones are sorted
            self._of = snapshot
            self._view = mib.view(snapshot, self._started, self._original)
        return self._view


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
