# SPDX-License-Identifier: GPL-3.0-or-later
"""Harmful clients of the collector: snmpd answers meanwhile, and no files or memory are leaked."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, List

import pytest

from lvs_agent.boundary.connections import connect_to
from lvs_agent.codes import Status
from tests.support.lvsmib import place
from tests.support.site import AGENT_GROUP, Site, collector, expected, open_files, resident, site

pytestmark = pytest.mark.xdist_group("clients")

SERVICES, SERVERS = 200, 10  # a snapshot larger than a socket's buffer
# fds 0 to 2, the listening socket, epoll, and both ends of the socketpair for signals
WITHOUT_CLIENTS = 7
ALL = expected(range(1, SERVICES + 1), SERVERS)
VS_TABLE = place("lvsVsName")[:1]


def never_reads(path: Path, end: threading.Event) -> None:
    with connect_to(path):
        end.wait(60)


def closes_in_mid_read(path: Path, end: threading.Event) -> None:
    while not end.is_set():
        with connect_to(path) as connection:
            connection.setblocking(True)
            connection.recv(1000)


def floods(path: Path, end: threading.Event) -> None:
    while not end.is_set():
        with connect_to(path) as connection:
            connection.settimeout(1)
            try:
                while not end.is_set():
                    connection.send(b"x" * 65536)
            except OSError:
                continue  # dropped, or its buffer is full: connect again


@contextmanager
def clients(count: int, act: Callable[[Path, threading.Event], None], path: Path) -> Iterator[None]:
    """Run this many clients at once."""
    end = threading.Event()
    refused: List[OSError] = []

    def run() -> None:
        while not end.is_set():
            try:
                act(path, end)
            except BlockingIOError:
                time.sleep(0.01)  # the queue is full, and the connection does not block
            except OSError as error:
                refused.append(error)
                return

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join(timeout=20)
    assert not refused


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site"), "--max-age 1") as one:
        yield one


@pytest.fixture(scope="module")
def pid(director: Site) -> Iterator[int]:
    """Return the pid of a collector, which must survive the tests."""
    options = ("--services", SERVICES, "--servers", SERVERS)
    with collector(director.path, *options) as process:
        while director.walk_below(AGENT_GROUP).status != Status.OK:
            assert process.poll() is None
        yield process.pid
        assert process.poll() is None


@pytest.mark.parametrize(
    ("count", "act"),
    [(20, never_reads), (4, closes_in_mid_read), (4, floods), (200, never_reads)],
    ids=["connect and never read", "close in mid-read", "send a flood", "200 at once"],
)
def test_beside_bad_clients_every_walk_is_whole(
    director: Site, pid: int, count: int, act: Callable[[Path, threading.Event], None]
) -> None:
    def walks() -> None:
        for _ in range(5):
            assert director.walk_below(AGENT_GROUP).status == Status.OK
            assert director.walk_below(VS_TABLE).oids == {oid for oid in ALL if oid[:1] == VS_TABLE}

    with clients(count, act, director.path):
        walks()
    memory = resident(pid)
    with clients(count, act, director.path):
        walks()
    assert director.walk_below(AGENT_GROUP).status == Status.OK
    assert resident(pid) < 1.2 * memory
    end = time.monotonic() + 20
    while (files := open_files(pid)) > WITHOUT_CLIENTS:
        assert time.monotonic() < end, f"{files} files are open"
