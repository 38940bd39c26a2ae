# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of snmpd itself: the answers afterwards, and the processes and files left behind."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List

import pytest

from lvs_agent.codes import Status
from tests.support import collectors, snmpd
from tests.support.lvsmib import BASE, oid, split
from tests.support.made_kernel import MadeKernel
from tests.support.recorded import SMALL
from tests.support.site import (
    Site,
    Walk,
    collector,
    collector_of,
    command,
    descendants,
    expected,
    open_files,
    resident,
    site,
)
from tests.support.snmpd import AGENT
from tests.support.watch import children, gone, watched

ALL = expected()
STARTS = 100


def test_a_hundred_restarts_of_snmpd(tmp_path: Path) -> None:
    path = tmp_path / "collector.sock"
    with collector(path, "--state", tmp_path / "state") as process:
        with snmpd.running(tmp_path / "snmpd", command(path)) as agent:
            director = Site(agent, path)
            director.until(Status.OK, ALL)
        left = sorted(tmp_path.rglob("*"))
        files, memory = open_files(process.pid), resident(process.pid)
        for _ in range(STARTS):
            with snmpd.running(tmp_path / "snmpd", command(path)) as agent, watched(agent):
                director.agent = agent  # the site has the highest counters of all before
                walk = director.walk()
                assert (walk.status, walk.oids) == (Status.OK, ALL)
                begun = descendants(agent.pid)
                assert begun
            assert gone(begun)
        assert sorted(tmp_path.rglob("*")) == left
        assert open_files(process.pid) == files
        assert resident(process.pid) < 1.05 * memory


def test_restarts_of_a_snmpd_whose_responder_has_a_collector_of_its_own(tmp_path: Path) -> None:
    words = f"{AGENT} pass-persist --replay {SMALL} --state {tmp_path}/state"
    walks: List[List[str]] = []
    for _ in range(5):
        with snmpd.running(tmp_path / "snmpd", words) as agent, watched(agent):
            walks.append(snmpd.steady(agent.walk()))
            begun = descendants(agent.pid)
            assert len(begun) == 2
        assert gone(begun)
    assert walks == [walks[0]] * 5
    assert "26.2.0 = INTEGER: 1" in "\n".join(walks[0])
    assert sorted(os.listdir(tmp_path / "state")) == ["history.jsonl", "lock"]


def test_reloads_during_walks(tmp_path: Path) -> None:
    """On SIGHUP snmpd ends the responder, and starts another one for its next request."""
    with site(tmp_path) as director, collector(director.path):
        director.until(Status.OK, ALL)
        end = threading.Event()
        walked: queue.Queue[Walk] = queue.Queue()
        walks: List[Walk] = []

        def walker() -> None:
            while not end.is_set():
                walked.put(director.walk())

        walking = threading.Thread(target=walker)
        walking.start()
        try:
            for _ in range(10):
                (responder,) = children(director.agent.pid)
                os.kill(director.agent.pid, signal.SIGHUP)
                assert gone([responder])
                walks += [walked.get(timeout=20) for _ in range(3)]
        finally:
            end.set()
            walking.join()
        # the first answer of a new responder waits for a snapshot until its deadline
        assert [walk for walk in walks if walk.oids != ALL and walk.status == Status.OK] == []
        assert len([walk for walk in walks if walk.oids == ALL]) > 20
        director.until(Status.OK, ALL)


def test_two_snmpds_with_one_collector(tmp_path: Path) -> None:
    with (
        site(tmp_path) as one,
        snmpd.running(tmp_path / "second", command(one.path)) as agent,
        watched(agent),
        collector(one.path),
    ):
        two = Site(agent, one.path)
        for _ in range(3):
            one.until(Status.OK, ALL)
            two.until(Status.OK, ALL)


def test_two_snmpds_each_with_a_collector_of_its_own(tmp_path: Path) -> None:
    """The second has the same numbers, reports that it cannot save, and saves once it can."""
    words = f"{AGENT} pass-persist --max-age 0 --replay {SMALL} --state {tmp_path}/state"
    with snmpd.running(tmp_path / "two", words) as second, watched(second):
        with snmpd.running(tmp_path / "one", words) as first, watched(first):
            whole = snmpd.steady(first.walk())
            assert f"{oid('lvsAgentStatus', 0)} = INTEGER: 1" in whole
            degraded = second.walk()
            assert f"{oid('lvsAgentStatus', 0)} = INTEGER: {int(Status.DEGRADED)}" in degraded
            assert "in use by another collector" in second.value(oid("lvsAgentStatusText", 0))
            rest = [line for line in snmpd.steady(degraded) if f"{BASE}.26." not in line]
            assert rest == [line for line in whole if f"{BASE}.26." not in line]
        end = time.monotonic() + 20
        while second.value(oid("lvsAgentStatus", 0)) != "INTEGER: 1":
            assert time.monotonic() < end


def test_killed_in_mid_request(tmp_path: Path) -> None:
    """A responder that waits for its collector ends with snmpd."""

    def silent(connection: collectors.Connection) -> None:
        connection.recv(1)

    path = tmp_path / "collector.sock"
    with collectors.at(path, silent) as came, snmpd.running(tmp_path / "snmpd", command(path)) as a:
        asking = threading.Thread(target=a.ask, args=("snmpget", "-t1", oid("lvsAgentStatus", 0)))
        asking.start()
        while not came:
            time.sleep(0.001)
        begun = descendants(a.pid)
        os.kill(a.pid, signal.SIGKILL)
        assert gone(begun)
        asking.join()
    with site(tmp_path) as director, collector(director.path):
        director.until(Status.OK, ALL)


def test_requests_in_bursts(tmp_path: Path) -> None:
    """Fifty clients ask at once, ten times; each gets the answer to its own request."""
    with site(tmp_path) as director, collector_of(director.path, MadeKernel(3)):
        whole = director.until(Status.OK, ALL)
        names = ("lvsVsName", "lvsRsName", "lvsServiceSchedType")
        wanted = [place for place in whole.oids if split(place)[0] in names]
        for _ in range(10):
            clients = [
                subprocess.Popen(
                    director.agent.command("snmpget", ".".join([BASE, *map(str, place)])),
                    stdout=subprocess.PIPE,
                    text=True,
                    env=director.agent.environment,
                )
                for place in (wanted * 10)[:50]
            ]
            for client, place in zip(clients, (wanted * 10)[:50]):
                said = client.communicate(timeout=20)[0].strip()
                assert said.partition(" = ")[2] == whole.values[place]
        director.until(Status.OK, ALL)


@contextmanager
def responder(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the program that snmpd runs, at two pipes as from snmpd."""
    process = subprocess.Popen(
        command(path).split(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=20)


@pytest.mark.parametrize(
    "odd",
    [
        b"get\n.1.3.6.1.4.1.8225.4711.26.2",
        b"x" * (1 << 20),
        b"get\n.1.3" + b"\0" * 1000 + b"\n",
        b"\0" * (1 << 20) + b"\n",
    ],
    ids=["half a line", "1 MB line", "NUL bytes", "1 MB of NUL bytes"],
)
def test_what_no_snmpd_would_say(tmp_path: Path, odd: bytes) -> None:
    """The responder answers the next request, and ends with snmpd even within a request."""
    path = tmp_path / "collector.sock"
    with collector(path):
        with responder(path) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(odd + b"\n" * (not odd.endswith(b"2")))
            if odd.endswith(b"2"):
                process.stdin.write(b".0\n")
            read = b""
            process.stdin.write(b"PING\n")
            while b"PONG\n" not in read:
                read += os.read(process.stdout.fileno(), 65536)
            process.stdin.write(f"get\n{oid('lvsAgentStatus', 0)}\n".encode())
            assert [process.stdout.readline() for _ in range(3)] == [
                f"{oid('lvsAgentStatus', 0)}\n".encode(),
                b"integer\n",
                b"1\n",
            ]
        with responder(path) as process:
            assert process.stdin
            process.stdin.write(odd[:20])
            process.stdin.close()
            process.stdin = None
            assert process.wait(timeout=20) == 0
