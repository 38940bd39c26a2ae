# SPDX-License-Identifier: GPL-3.0-or-later
"""The command watch: looks at a director at intervals, and reports what has changed."""

from __future__ import annotations

import argparse
import logging
import resource
import socket
import time
from pathlib import Path

from lvs_agent.aliases import AliasFile
from lvs_agent.boundary.connections import connect_to
from lvs_agent.boundary.fetch import Fetch
from lvs_agent.boundary.wire import WireError
from lvs_agent.codes import Status
from lvs_agent.snapshot import Snapshot
from lvs_agent.stopping import StoppedError, stop_signals, wait
from lvs_agent.watch import journal
from lvs_agent.watch.agentx import AgentX
from lvs_agent.watch.events import events
from lvs_agent.watch.looks import Looks
from lvs_agent.watch.notifying import notifications
from lvs_agent.watch.told import ToldFile

log = logging.getLogger(__name__)

SHARE = 20  # the period is at least this many times the cost of a look: 5 % of one processor
FETCH_SECONDS = 60.0  # a collector drops a client after this time


class Watch:
    """The looks at the director of one collector, and the journal and snmpd that get its events."""

    def __init__(self, args: argparse.Namespace, file: ToldFile) -> None:
        self._collector: Path = args.collector
        self._aliases = AliasFile(args.aliases)
        self._file = file
        self._told = file.load()
        self._looks = Looks(self._told)
        self._journal = journal.Journal(journal.SOCKET)
        self._agentx = None if args.journal_only else AgentX(self._told, self._save, args.agentx)

    def look(self, stop: socket.socket) -> float:
        """Look once, report what has changed, and return the cost in seconds of processor time."""
        before = _processor_seconds()
        snapshot = fetch(self._collector, stop)
        self._aliases.fill_in(snapshot)
        found = events(self._looks.changes(snapshot), snapshot)
        for event in found:
            self._journal.tell(event)
        if self._agentx is not None:
            self._agentx.add(notifications(found, snapshot) if found else [])
        self._save()
        if self._agentx is not None:
            self._agentx.send(stop)
        # the collector's time counts while the machine is suspended
        return _processor_seconds() - before + min(snapshot.took, FETCH_SECONDS)

    def _save(self) -> None:
        self._file.save(self._told)


def run(args: argparse.Namespace, folder: Path) -> int:
    """Look until a signal; folder keeps what has been reported. Return the exit status.

    The period is the interval, or longer if that would cost too much.
    """
    interval = said = args.interval
    with ToldFile(folder) as file, stop_signals() as stop:
        watch = Watch(args, file)
        try:
            while True:
                began = time.monotonic()
                cost = watch.look(stop)
                period = max(interval, cost * SHARE)
                if period > 2 * said or period == interval < said:
                    text = "looking every %.3g s: a look costs %.2g s of processor time"
                    log.info(text, period, cost)
                    said = period
                wait(stop, began + period - time.monotonic())
        except StoppedError:
            return 0


def fetch(collector: Path, stop: socket.socket) -> Snapshot:
    """Return a snapshot; if none arrives, an empty one whose text gives the reason."""
    try:
        connection = connect_to(collector)
    except OSError as error:
        return _without(f"cannot connect to the collector at {collector}: {error.strerror}")
    with connection:
        fetch = Fetch(connection)
        try:
            while wait(stop, fetch.began + FETCH_SECONDS - time.monotonic(), connection.fileno()):
                snapshot = fetch.step()
                if snapshot is not None:
                    return snapshot
        except (OSError, WireError) as error:
            return _without(f"cannot read the collector's snapshot: {error}")
    return _without(f"the collector sent no snapshot within {FETCH_SECONDS:.0f} s")


def _without(text: str) -> Snapshot:
    taken = time.clock_gettime(time.CLOCK_BOOTTIME)
    return Snapshot(taken=taken, status=Status.NO_COLLECTOR, text=text)


def _processor_seconds() -> float:
    """Return the processor time of this process and of the programs that it has run."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
