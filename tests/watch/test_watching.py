# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent watch as a process: its events over restarts, its costs, and what it leaves."""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Callable, Iterator, List

import pytest

from lvs_agent.codes import Status
from lvs_agent.snapshot import Snapshot
from lvs_agent.stopping import StoppedError
from lvs_agent.watch import watching
from lvs_agent.watch.agentx import AgentX
from lvs_agent.watch.journal import Journal
from lvs_agent.watch.told import ToldFile
from tests.support import collectors, looked, traps
from tests.support.looked import Director, service, snapshot, watch
from tests.support.snmpd import configured

DOWN = "TCP 192.0.2.1:80 -> 10.0.0.2:80 is down, 1 of 2 real servers up"
AGAIN = DOWN.replace("down, 1", "up, 2")


@pytest.fixture
def director(tmp_path: Path) -> Iterator[Director]:
    with looked.director(tmp_path / "collector.sock") as running:
        yield running


def up() -> Snapshot:
    return snapshot(service(1, 1, 1))


def down() -> Snapshot:
    return snapshot(service(1, 1, 0))


def arguments(collector: Path, **others: object) -> argparse.Namespace:
    given = {"journal_only": False, "agentx": None, "aliases": Path("/none"), **others}
    return argparse.Namespace(collector=collector, **given)


def test_it_tells_of_what_lasts_for_two_looks(director: Director, tmp_path: Path) -> None:
    with watch(tmp_path, "--journal-only") as running:
        director.look(up(), down(), up(), down())
        assert running.lines == []
        director.look(down(), down())
        assert running.lines == [DOWN]
        director.look(up(), up())
        assert running.lines == [DOWN, AGAIN]


def test_it_names_aliases(director: Director, tmp_path: Path) -> None:
    aliases = tmp_path / "aliases"
    aliases.write_text("10.0.0.2 web2\n")
    with watch(tmp_path, "--journal-only", f"--aliases={aliases}") as running:
        director.look(up(), down(), down())
        assert running.lines == [DOWN.replace(" is", " (web2) is")]


def test_a_restart_neither_repeats_nor_misses(director: Director, tmp_path: Path) -> None:
    with watch(tmp_path, "--journal-only") as running:
        director.look(up(), down(), down())
        assert running.lines == [DOWN]
        running.end(signal.SIGKILL)
    director.skip()
    with watch(tmp_path, "--journal-only") as running:
        director.look(down(), down(), down())
        assert running.lines == []
        running.end(signal.SIGKILL)
    director.skip()
    with watch(tmp_path, "--journal-only") as running:
        director.look(up(), up())
        assert running.lines == [AGAIN]


def test_notifications_wait_over_a_restart(director: Director, tmp_path: Path) -> None:
    at = f"unix:{tmp_path}/agentx"
    with traps.receiver(tmp_path / "traps") as receiver:
        with watch(tmp_path, "--agentx", at) as running:
            director.look(up(), down(), down(), up(), up())
            assert [running.lines[0], running.lines[-1]] == [DOWN, AGAIN]
            running.end(signal.SIGKILL)
        director.skip()
        lines = ("rocommunity public 127.0.0.1", "master agentx", f"agentXSocket {at}")
        sink = f"trap2sink 127.0.0.1:{receiver.port} public"
        with configured(tmp_path / "snmpd", *lines, sink), watch(tmp_path, "--agentx", at):
            director.look(up())
            names = [line.partition("lvsNotify")[2].split()[0] for line in receiver.until(2)]
            director.look(up(), up())
        assert names == ["RsDown", "RsUp"]
        assert len(receiver.lines()) == 2


def test_the_journal_gets_events(director: Director, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "journal"))
        listening.settimeout(looked.SECONDS)
        with watch(tmp_path, "--journal-only"):
            director.look(down(), down())
            assert b"\nLVS_EVENT=server-down\n" in listening.recv(65536)


def test_a_file_that_is_damaged_is_reported_and_all_is_told_again(
    director: Director, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "reported.json").write_text("{")
    with watch(tmp_path, "--journal-only") as running:
        director.look(down(), down())
        assert running.lines[1:] == [DOWN]
        assert running.lines[0].endswith("; current problems are reported again")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_nothing_is_left(
    number: int, director: Director, tmp_path: Path
) -> None:
    with watch(tmp_path, "--journal-only") as running:
        director.look(up())  # it waits for the collector now
        began = time.monotonic()
        assert running.end(number) == 0
        assert time.monotonic() - began < watching.FETCH_SECONDS / 2
        assert running.lines == []
    assert [each.name for each in (tmp_path / "state").iterdir()] == ["reported.json"]


@pytest.mark.parametrize("interval", ["3600", "3e6", "1e300"])
def test_a_signal_while_it_waits_for_the_next_look(interval: str, tmp_path: Path) -> None:
    data = collectors.encoded()
    with (
        collectors.at(tmp_path / "collector.sock", lambda to: to.sendall(data)),
        watch(tmp_path, "--journal-only", "--interval", interval) as running,
    ):
        while not (tmp_path / "state" / "reported.json").exists():
            assert running.process.poll() is None
        assert running.end() == 0


def test_a_second_one_is_refused(director: Director, tmp_path: Path) -> None:
    with watch(tmp_path, "--journal-only"):
        director.look(up())
        with watch(tmp_path, "--journal-only") as second:
            assert second.process.wait(timeout=looked.SECONDS) == 1
    assert "in use by another lvs-agent watch" in "".join(second.lines)


def status_of(file: Path) -> int:
    return int(json.loads(file.read_text())["status"])


def test_a_collector_that_goes_and_comes_is_told_as_the_status(tmp_path: Path) -> None:
    path, state = tmp_path / "collector.sock", tmp_path / "state" / "reported.json"
    with watch(tmp_path, "--journal-only") as running:
        while not (state.exists() and status_of(state) == Status.NO_COLLECTOR):
            assert running.process.poll() is None
        with collectors.at(path, lambda to: to.sendall(collectors.encoded())):
            while status_of(state) != Status.OK:
                assert running.process.poll() is None
            # while there still is one
            running.end()
    away = f"cannot connect to the collector at {path}: No such file or directory"
    assert running.lines == [f"agent status is noCollector(5): {away}", "agent status is ok(1)"]


def answered(folder: Path, data: bytes) -> Snapshot:
    """Return what is fetched from a collector that sends data."""
    stop, stopper = socket.socketpair()
    with stop, stopper, collectors.at(folder / "s", lambda to: to.sendall(data)):
        return watching.fetch(folder / "s", stop)


@pytest.mark.parametrize("damage", [lambda _: b"", lambda _: b"nonsense\n", lambda data: data[:-5]])
def test_a_snapshot_that_is_none_is_no_collector(
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    found = answered(tmp_path, damage(collectors.encoded()))
    assert found.status == Status.NO_COLLECTOR
    assert found.text.startswith("cannot read the collector's snapshot: ")
    assert answered(tmp_path, collectors.encoded()).status == Status.OK


def test_a_collector_that_sends_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "FETCH_SECONDS", 0.1)
    stop, stopper = socket.socketpair()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening, stop, stopper:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        found = watching.fetch(tmp_path / "s", stop)
    assert found.text == "the collector sent no snapshot within 0 s"


def test_a_look_that_costs_more_stretches_the_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "lvs_agent")
    costs = iter([0.1, 0.4, 3.0, 3.0, 0.1])
    periods: List[float] = []

    def wait(stop: socket.socket, seconds: float, file: int = -1) -> bool:
        periods.append(seconds)
        if len(periods) == 5:
            raise StoppedError
        return False

    monkeypatch.setattr(watching, "wait", wait)
    monkeypatch.setattr(watching.Watch, "look", lambda self, stop: next(costs))
    args = arguments(tmp_path / "none", interval=10.0, journal_only=True)
    assert watching.run(args, tmp_path / "state") == 0
    assert periods == pytest.approx([10, 10, 60, 60, 10], abs=0.5)
    assert [record.message for record in caplog.records] == [
        "looking every 60 s: a look costs 3 s of processor time",
        "looking every 10 s: a look costs 0.1 s of processor time",
    ]


def test_a_look_counts_its_own_time_and_the_collectors(tmp_path: Path) -> None:
    args = arguments(tmp_path / "s", journal_only=True)
    stop, stopper = socket.socketpair()
    data = b"".join(looked.lines(snapshot(*(service(n, 1, 1) for n in range(200)), took=7.0)))
    with stop, stopper, ToldFile(tmp_path / "state") as file:
        one = watching.Watch(args, file)
        with collectors.at(tmp_path / "s", lambda to: to.sendall(data)):
            before = sum(os.times()[:4])
            cost = one.look(stop)
    assert 7.0 < cost < 7.0 + sum(os.times()[:4]) - before + 0.03


def test_a_suspended_machine_is_looked_at_again_soon(tmp_path: Path) -> None:
    """It was suspended for a day while the collector read the kernel."""
    args = arguments(tmp_path / "s", journal_only=True)
    stop, stopper = socket.socketpair()
    data = b"".join(looked.lines(snapshot(service(1, 1), took=86400.0)))
    with stop, stopper, ToldFile(tmp_path / "state") as file:
        one = watching.Watch(args, file)
        with collectors.at(tmp_path / "s", lambda to: to.sendall(data)):
            assert one.look(stop) < 2 * watching.FETCH_SECONDS


class KilledError(BaseException):
    """The end of a process that is killed."""


@pytest.mark.parametrize(
    ("place", "step", "journal", "sent"),
    [
        (Journal, "tell", 1, 1),
        (ToldFile, "save", 2, 1),  # reported and not saved: it is reported again
        (AgentX, "_run", 1, 1),
        (watching.Watch, "_save", 2, 1),
    ],
)
def test_killed_at_any_step_it_misses_nothing(
    place: type,
    step: str,
    journal: int,
    sent: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: List[str] = []
    ran: List[str] = []
    monkeypatch.setattr(Journal, "tell", lambda self, event: told.append(event.text))
    monkeypatch.setattr(AgentX, "_run", lambda self, words, stop: ran.append(words[0]))
    args = arguments(tmp_path / "s")
    stop, stopper = socket.socketpair()

    def killed(*_: object) -> None:
        raise KilledError

    answer = lambda to: to.sendall(b"".join(looked.lines(down())))  # noqa: E731
    with stop, stopper, collectors.at(tmp_path / "s", answer):
        with ToldFile(tmp_path / "state") as file:
            one = watching.Watch(args, file)
            one.look(stop)
            with monkeypatch.context() as now:
                now.setattr(place, step, killed)
                with pytest.raises(KilledError):
                    one.look(stop)
        for _ in range(2):
            with ToldFile(tmp_path / "state") as file:
                again = watching.Watch(args, file)
                for _ in range(3):
                    again.look(stop)
    assert (told, len(ran)) == ([DOWN] * journal, sent)


def test_looks_leave_no_cycles(tmp_path: Path) -> None:
    """The cycle collector is disabled in the command, so cycles would stay."""
    args = arguments(tmp_path / "s", agentx="unix:/none")
    stop, stopper = socket.socketpair()
    weights = [1]
    with stop, stopper, ToldFile(tmp_path / "state") as file:
        one = watching.Watch(args, file)

        def answer(to: socket.socket) -> None:
            weights[0] = weights[0] ^ (len(came) % 2)
            to.sendall(b"".join(looked.lines(snapshot(service(1, weights[0])))))

        with collectors.at(tmp_path / "s", answer) as came:
            for _ in range(8):
                one.look(stop)
            gc.collect()
            gc.disable()
            try:
                for _ in range(8):
                    one.look(stop)
                assert gc.collect() == 0
            finally:
                gc.enable()
    assert (tmp_path / "state" / "reported.json").stat().st_size > 100
