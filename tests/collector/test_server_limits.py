# SPDX-License-Identifier: GPL-3.0-or-later
"""A collector that runs out of file descriptors, and clients that hold many snapshots."""

from __future__ import annotations

import os
import resource
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import Iterator

import pytest

from lvs_agent.boundary.child import ChildCollector
from lvs_agent.boundary.connections import Listener, connect_to
from lvs_agent.collector import server as collectors
from lvs_agent.collector.history import History
from lvs_agent.collector.server import Collector, serve
from tests.support.commands import collector, received
from tests.support.made_kernel import MadeKernel
from tests.support.watch import idle

ROWS = 2000  # of a snapshot that is larger than a socket's buffer


def serve_made(listener: Listener) -> None:
    serve(Collector(MadeKernel(ROWS // 2, servers=1), History(None)), listener)


@pytest.fixture
def child() -> Iterator[ChildCollector]:
    with closing(ChildCollector(serve_made)) as one:
        yield one


def test_a_lack_of_descriptors_is_logged_once_and_passes(tmp_path: Path) -> None:
    path, log = tmp_path / "collector.sock", tmp_path / "log"
    with collector(path, "--log", str(log)) as process:
        limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        waiting = [connect_to(path) for _ in range(3)]
        until = time.monotonic() + 20
        while "cannot serve clients: Too many open files" not in log.read_text():
            assert time.monotonic() < until
        assert idle(process.pid)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
        for client in waiting:
            assert received(client).services
        assert log.read_text().count("\n") == 1


def test_clients_take_no_descriptor_that_something_else_needs() -> None:
    def run(listener: Listener) -> None:
        # a collector does not inherit what other tests have left open
        os.closerange(3, listener.fileno())
        os.closerange(listener.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))
        serve_made(listener)

    with closing(ChildCollector(run)) as child:
        for client in [child.connect() for _ in range(60)]:
            assert len(received(client).services) == ROWS // 2


def test_clients_that_do_not_read_hold_few_snapshots(
    child: ChildCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collectors, "SHARE_SECONDS", 0)
    clients = []
    for _ in range(collectors.MAX_SNAPSHOTS * 2):
        client = child.connect()
        client.setblocking(True)
        assert client.recv(1, socket.MSG_PEEK)
        clients.append(client)
    taken = [received(client).taken for client in clients]
    assert taken == sorted(taken)
    assert len(set(taken)) == collectors.MAX_SNAPSHOTS
    assert received(child.connect()).taken > taken[-1], "the last snapshot is served for good"
