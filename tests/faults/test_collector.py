# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults between the responder and its collector, as a user of snmpd sees them."""

from __future__ import annotations

import resource
import signal
import socket
import time
from pathlib import Path
from typing import Callable

import pytest

from lvs_agent.codes import Status
from lvs_agent.collector.history import History
from lvs_agent.collector.server import Collector
from tests.support import collectors
from tests.support import site as sites
from tests.support.collectors import Connection
from tests.support.made_kernel import MadeKernel
from tests.support.site import collector, expected, expired, resident, site
from tests.support.watch import children, idle

ALL = expected()
MEMORY_KIB = 512 << 10


def test_killed_again_and_again(tmp_path: Path) -> None:
    state = ("--state", tmp_path / "state")
    with site(tmp_path) as director:
        for _ in range(3):
            with collector(director.path, *state) as process:
                director.until(Status.OK, ALL)
                process.kill()
                director.until(Status.NO_COLLECTOR, ALL, "Connection refused")
            director.until(Status.NO_COLLECTOR, ALL)


def test_a_collector_that_is_stopped_by_a_signal_and_goes_on(tmp_path: Path) -> None:
    with site(tmp_path, "--expire", "2") as director, collector(director.path) as process:
        director.until(Status.OK, ALL)
        process.send_signal(signal.SIGSTOP)
        director.until(Status.EXPIRED, expired(ALL), "no new snapshot received")
        director.until(Status.EXPIRED, expired(ALL), "sent no snapshot within 10 s")
        process.send_signal(signal.SIGCONT)
        director.until(Status.OK, ALL)


def test_a_socket_that_is_missing_and_made_later(tmp_path: Path) -> None:
    with site(tmp_path) as director:
        nothing = sites.empty(Status.NO_COLLECTOR)
        director.until(Status.NO_COLLECTOR, nothing, "No such file or directory")
        with collector(director.path):
            director.until(Status.OK, ALL)


def test_a_socket_at_which_nobody_listens(tmp_path: Path) -> None:
    with site(tmp_path) as director:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(director.path))
        nothing = sites.empty(Status.NO_COLLECTOR)
        director.until(Status.NO_COLLECTOR, nothing, "Connection refused")
        with collector(director.path):
            director.until(Status.OK, ALL)


@pytest.mark.parametrize("who", ["collector", "responder"])
def test_descriptors_that_run_out(tmp_path: Path, who: str) -> None:
    with site(tmp_path) as director, collector(director.path) as process:
        director.until(Status.OK, ALL)
        pid = process.pid if who == "collector" else children(director.agent.pid)[0]
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        director.until(Status.NO_COLLECTOR, ALL)
        assert idle(pid)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        director.until(Status.OK, ALL)


def half(connection: Connection, data: bytes) -> None:
    connection.sendall(data[: len(data) // 2])


def nothing(_connection: Connection, _data: bytes) -> None:
    """Send nothing; the connection is closed at once."""


def garbage(connection: Connection, _data: bytes) -> None:
    connection.sendall(b"\0\xff{[\n" * 100_000)


def another_version(connection: Connection, data: bytes) -> None:
    connection.sendall(data.replace(b'"forwarding"', b'"method"'))


def endless_line(connection: Connection, _data: bytes) -> None:
    for _ in range(1 << 10):
        connection.sendall(b"x" * (1 << 20))


def endless_rows(connection: Connection, data: bytes) -> None:
    header, *rows = data.splitlines(keepends=True)
    connection.sendall(header)
    service = b"".join(rows[:3])
    for _ in range(1 << 10):
        connection.sendall(service * ((1 << 20) // len(service)))


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (half, "truncated"),
        (nothing, "truncated"),
        (garbage, "line 1"),
        (another_version, "another version"),
        (endless_line, "longer than 1048576 bytes"),
        (endless_rows, "longer than 67108864 bytes"),
    ],
    ids=[
        "killed in mid-write",
        "closed early",
        "garbage",
        "wrong version",
        "1 GB in a line",
        "1 GB of rows",
    ],
)
def test_what_comes_is_no_snapshot(
    tmp_path: Path, fault: Callable[[Connection, bytes], None], says: str
) -> None:
    bad = [False]
    one = Collector(MadeKernel(3), History(None))

    def answer(connection: Connection) -> None:
        if bad[0]:
            fault(connection, one.snapshot())
        else:
            connection.sendall(one.snapshot())

    with site(tmp_path) as director, collectors.at(director.path, answer):
        director.until(Status.OK, ALL)
        bad[0] = True
        director.until(Status.NO_COLLECTOR, ALL, says)
        (responder,) = children(director.agent.pid)
        assert resident(responder, "VmHWM") < MEMORY_KIB
        bad[0] = False
        director.until(Status.OK, ALL)


def test_a_collector_that_is_slow_by_bytes(tmp_path: Path) -> None:
    one = Collector(MadeKernel(3), History(None))
    pace = [0.0]

    def answer(connection: Connection) -> None:
        for byte in one.snapshot():
            connection.send(bytes([byte]))
            time.sleep(pace[0])

    with site(tmp_path, "--expire", "1") as director, collectors.at(director.path, answer):
        director.until(Status.OK, ALL)
        pace[0] = 0.002  # a snapshot of 2000 bytes takes 4 s
        director.until(Status.EXPIRED, expired(ALL), "no new snapshot received")
        pace[0] = 0.0
        director.until(Status.OK, ALL)
