# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent forget, with a collector that remembers lost rows of the small recording."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from lvs_agent.boundary.connections import connect_to
from lvs_agent.collector.remembered import Numbering, RealServerState, ServiceState
from lvs_agent.collector.statefile import StateFile
from lvs_agent.snapshot import Snapshot
from tests.support.commands import collector, received, run

WEB = "TCP 10.2.0.1:80"  # has two servers in the recording
LOST = [f"{WEB} -> 10.1.1.98:80", f"{WEB} -> 10.1.1.99:80", "FWM 7", "TCP 192.0.2.99:80"]


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "run" / "collector.sock"


def remember(folder: Path) -> None:
    """Save a state in which LOST was there until a minute ago."""
    now = time.time()
    gone: Dict[str, Any] = {
        "missing_since": now - 60,
        "gone_since": now - 60,
        "last_seen": now - 120,
    }
    services: Numbering[ServiceState] = Numbering(looked=now - 60)
    web = ServiceState(1, lasting=True, up=True, baseline=[(4, now - 120)])
    services.add(WEB, web)
    for number in (98, 99):
        web.servers.add(f"10.1.1.{number}:80", RealServerState(number, lasting=True, **gone))
    for number, name in enumerate(LOST[2:], 2):
        services.add(name, ServiceState(number, lasting=True, **gone))
    file = StateFile(folder)
    file.hold()
    file.replace(services)
    file.close()


@pytest.fixture
def _collector(tmp_path: Path, socket: Path) -> Iterator[None]:
    socket.parent.mkdir()
    remember(tmp_path / "state")
    with collector(socket, "--state", str(tmp_path / "state")):
        yield


def lost(snapshot: Snapshot) -> List[str]:
    return sorted(row.name for row in snapshot.lost)


def awaited(socket: Path, there: Callable[[List[str]], bool]) -> List[str]:
    """Return what is lost as soon as it is as expected, or after 20 s."""
    until = time.monotonic() + 20
    while True:
        found = lost(received(connect_to(socket)))
        if there(found) or time.monotonic() > until:
            return found


@pytest.mark.usefixtures("_collector")
@pytest.mark.parametrize(
    ("rows", "left"),
    [
        ([LOST[1]], [LOST[0], *LOST[2:]]),
        (LOST[1].split(), [LOST[0], *LOST[2:]]),
        (["-t", "10.2.0.1:80", "-r", "10.1.1.99"], [LOST[0], *LOST[2:]]),
        ([LOST[3], LOST[0]], LOST[1:3]),
        ([WEB], LOST[2:]),
        (["FWM", "7"], [*LOST[:2], LOST[3]]),
        (["--all"], []),
    ],
)
def test_rows_are_forgotten_at_the_next_snapshot(
    socket: Path, rows: List[str], left: List[str]
) -> None:
    assert awaited(socket, lambda found: found == sorted(LOST)) == sorted(LOST)
    done = run("forget", "--collector", socket, *rows)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert awaited(socket, lambda found: len(found) == len(left)) == sorted(left)


@pytest.mark.usefixtures("_collector")
def test_rows_that_are_not_lost_are_named_and_the_others_forgotten(socket: Path) -> None:
    done = run("forget", "--collector", socket, "UDP 10.2.0.1:53", LOST[3], f"{WEB} -> 10.1.1.21")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "lvs-agent: not lost: UDP 10.2.0.1:53, TCP 10.2.0.1:80 -> 10.1.1.21:80\n"
    )
    assert awaited(socket, lambda found: len(found) == 3) == sorted(LOST[:3])


def test_without_a_collector_the_order_waits_for_one(tmp_path: Path, socket: Path) -> None:
    done = run("forget", "--collector", socket, *LOST[2:])
    assert (done.returncode, done.stderr) == (0, "")
    remember(tmp_path / "state")
    with collector(socket, "--state", str(tmp_path / "state")):
        assert lost(received(connect_to(socket))) == sorted(LOST[:2])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "name the rows to forget, or use --all"),
        (["--all", "FWM 7"], "name the rows to forget, or use --all"),
        (["TCP 10.2.0.1"], "TCP 10.2.0.1: port missing"),
        (["FWM 7", "nonsense"], "nonsense: unexpected 'nonsense'; write TCP 192.0.2.10:443, "),
        (["-f", "7", "-x"], "unrecognized arguments: -x"),
    ],
)
def test_wrong_arguments_order_nothing(socket: Path, arguments: List[str], error: str) -> None:
    done = run("forget", "--collector", socket, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert error in done.stderr
    assert not socket.parent.exists()


def test_a_file_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("forget", "--collector", tmp_path / "file" / "collector.sock", "FWM 7")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"lvs-agent: {tmp_path}/file: File exists\n"


def test_a_collector_with_a_lost_time_of_0_loses_nothing(tmp_path: Path, socket: Path) -> None:
    socket.parent.mkdir()
    remember(tmp_path / "state")
    with collector(socket, "--state", str(tmp_path / "state"), "--lost-time", "0"):
        found = received(connect_to(socket))
        assert (found.lost_services, found.lost_servers, found.lost) == (None, None, [])


def test_a_child_collector_takes_the_lost_time(tmp_path: Path) -> None:
    for days, count in (("0", None), ("0.0001", 0), ("1", 2)):
        remember(tmp_path / "state")
        done = run(
            *("walk", "--replay", "tests/data/directors/small", "--no-legacy"),
            *("--state", tmp_path / "state", "--lost-time", days),
        )
        (services,) = [line for line in done.stdout.splitlines() if ".26.10.0 = " in line] or [""]
        assert services.partition("Gauge32: ")[2] == ("" if count is None else str(count))
