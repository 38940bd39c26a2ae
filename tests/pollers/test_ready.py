# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that ask a director which takes longer than the agent's deadline to read."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, cast

import pytest

from lvs_agent.codes import Status
from lvs_agent.pollers import ready
from lvs_agent.pollers.client import Client, Instance, Value
from tests.support import collectors, files, snmpd
from tests.support.plugin import OK, UNKNOWN, check
from tests.support.snmpd import AGENT, Snmpd

# of a snapshot; the agent gives up waiting after a tenth of it
SLOW_SECONDS = 1.0
WWW = "TCP 192.0.2.1:80"


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Snmpd]:
    """Yield the snmpd of a director that has no values when it is asked first."""

    def answer(connection: socket.socket) -> None:
        time.sleep(SLOW_SECONDS)
        connection.sendall(collectors.encoded(collectors.service(1, counted=1000)))

    path = tmp_path / "collector.sock"
    agent = f"{AGENT} pass-persist --collector {path} --deadline {SLOW_SECONDS / 10}"
    with collectors.at(path, answer), snmpd.running(tmp_path / "snmpd", agent) as director:
        yield director


def test_a_director_is_checked_once_it_has_values(slow: Snmpd, conf: Path) -> None:
    assert check(slow.address, conf).status == OK


def test_mrtg_has_values(slow: Snmpd, conf: Path) -> None:
    said = files.run(
        str(AGENT), "mrtg", slow.address, "bytes", "-t", "192.0.2.1:80", "--snmp-conf", str(conf)
    )
    assert (said.returncode, said.stdout.splitlines()[:2]) == (0, ["1000", "1000"]), said.stderr


def test_graphs_have_values(slow: Snmpd, conf: Path, tmp_path: Path) -> None:
    into = tmp_path / "files"
    said = files.run(
        *(str(AGENT), "graph", "update", slow.address),
        *("--into", str(into), "--snmp-conf", str(conf)),
    )
    assert (said.returncode, len(list(into.rglob("*.rrd")))) == (0, 4), said.stderr


def test_a_missing_collector_is_reported_without_asking_again(tmp_path: Path, conf: Path) -> None:
    agent = f"{AGENT} pass-persist --collector {tmp_path / 'none.sock'}"
    with snmpd.running(tmp_path / "snmpd", agent) as director:
        said = check(director.address, conf)
    assert (said.status, "cannot connect to the collector" in said.line) == (UNKNOWN, True)


class Asked:
    """A client whose agent has a status, and the next text after each request for it."""

    def __init__(self, status: Optional[Status], *texts: Value) -> None:
        self._status = status
        self._texts = list(texts)
        self.requests = 0

    def get(self, wanted: Sequence[Instance]) -> List[Value]:
        assert list(wanted) == [ready.STATUS]
        self.requests += 1
        return [self._status]

    def scalars(self, *names: str) -> List[Value]:
        assert names == ("lvsAgentStatusText",)
        return [self._texts.pop(0)]


@pytest.mark.parametrize(
    ("status", "texts", "requests"),
    [
        (Status.NO_COLLECTOR, ["no snapshot received yet", "no snapshot received yet", ""], 3),
        (Status.EXPIRED, ["no new snapshot received; the last one is too old", ""], 2),
        (Status.EXPIRED, ["the collector sent no snapshot within 10 s; the last one is old"], 1),
        (Status.NO_COLLECTOR, ["cannot connect to the collector at /run/x: refused"], 1),
        (Status.NO_IPVS, [], 1),
        (Status.OK, [], 1),
        (None, [], 1),  # there is no agent
    ],
)
def test_only_a_snapshot_that_is_being_read_is_asked_for_again(
    status: Optional[Status], texts: List[Value], requests: int
) -> None:
    client = Asked(status, *texts)
    assert ready.get(cast("Client", client), [ready.STATUS]) == [status]
    assert client.requests == requests


def test_an_agent_that_never_has_a_snapshot_is_asked_for_a_limited_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ready, "LIMIT_SECONDS", 0.0)
    client = Asked(Status.NO_COLLECTOR, *["no snapshot received yet"] * 9)
    assert ready.get(cast("Client", client), [ready.STATUS]) == [Status.NO_COLLECTOR]
    assert client.requests < 9
