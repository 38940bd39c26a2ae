# SPDX-License-Identifier: GPL-3.0-or-later
"""A director whose snapshots a test provides, and the lvs-agent watch that looks at it."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List

from lvs_agent import cli
from lvs_agent.boundary import wire
from lvs_agent.codes import Source
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import LostRow, Snapshot
from lvs_agent.watch import journal
from tests.support import builders, collectors
from tests.support.paths import CHECKOUT

SECONDS = 30  # the longest wait


def snapshot(*services: VirtualService, lost: Any = (), **values: Any) -> Snapshot:
    """Return a snapshot from netlink, taken now, whose lost rows are listed and counted."""
    rows: List[LostRow] = list(lost)
    counted = {
        "lost_services": sum(not row.server for row in rows),
        "lost_servers": sum(bool(row.server) for row in rows),
    }
    taken = time.clock_gettime(time.CLOCK_BOOTTIME)
    known = {"taken": taken, "source": Source.NETLINK, "lost": rows, **counted, **values}
    return builders.snapshot(*services, **known)


def service(host: int, *weights: int, **values: Any) -> VirtualService:
    """Return TCP 192.0.2.HOST:80 with a server 10.0.0.1:80 and up for each weight."""
    servers = (builders.server(f"10.0.0.{n}", 80, weight=w) for n, w in enumerate(weights, 1))
    return builders.service(f"192.0.2.{host}", 80, *servers, **values)


def lost(host: int, server: int = 0) -> LostRow:
    """Return the lost TCP 192.0.2.HOST:80, or its server 10.0.0.SERVER:80."""
    name = f"10.0.0.{server}:80" if server else ""
    return LostRow(f"TCP 192.0.2.{host}:80", name, 1795910400.0, 1795910460.0)


def lines(snapshot: Snapshot) -> Iterator[bytes]:
    """Return a snapshot as a collector sends it."""
    return wire.encode(snapshot)


class Director:
    """A collector that sends a snapshot when the test gives it one."""

    def __init__(self) -> None:
        self._snapshots: queue.Queue[bytes] = queue.Queue()
        self._came = threading.Semaphore(0)

    def answer(self, connection: socket.socket) -> None:
        """Send the next snapshot."""
        self._came.release()
        connection.sendall(self._snapshots.get())

    def look(self, *snapshots: Snapshot) -> None:
        """Send each of these snapshots. Return when the look after them has begun."""
        for each in snapshots:
            self.next()
            self._snapshots.put(b"".join(lines(each)))
        self.next()
        self._came.release()  # this look has begun, and takes the next snapshot

    def next(self) -> None:
        """Wait until a look has begun."""
        assert self._came.acquire(timeout=SECONDS), "no look"

    def skip(self) -> None:
        """Forget the look that has begun, because its process was killed."""
        self.next()
        self._snapshots.put(b"")


@contextmanager
def director(path: Path) -> Iterator[Director]:
    """Run a director whose collector listens at path."""
    made = Director()
    with collectors.at(path, made.answer):
        yield made
        made.skip()


class Watching:
    """A running lvs-agent watch and its output, without the lines about its interval."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: List[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            said = line.rstrip("\n").removeprefix("lvs-agent: ")
            if not said.startswith("looking every "):
                self.lines.append(said)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(timeout=SECONDS)
        self._reader.join(timeout=SECONDS)
        return status


@contextmanager
def watch(folder: Path, *options: str, **environment: str) -> Iterator[Watching]:
    """Run lvs-agent watch on the director at folder / collector.sock.

    Its state and the socket of its journal, which a test may listen at, are in the folder too.
    """
    words = ["--collector", str(folder / "collector.sock"), "--state", str(folder / "state")]
    command = [sys.executable, "-m", "tests.support.looked", str(folder / "journal")]
    process = subprocess.Popen(
        [*command, "watch", "--interval", "0", *words, *options],
        cwd=CHECKOUT,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
        text=True,
    )
    watching = Watching(process)
    try:
        yield watching
    finally:
        if process.poll() is None:
            watching.end(signal.SIGKILL)


def main() -> int:
    """Run a command of lvs-agent whose journal is the first argument."""
    journal.SOCKET = Path(sys.argv[1])
    return cli.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
