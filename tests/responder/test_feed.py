# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshot that answers: new, awaited, old or expired; and limits on the wait for it."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable, List

import pytest

from lvs_agent.boundary import wire
from lvs_agent.boundary.connections import connect_to
from lvs_agent.codes import Status
from lvs_agent.responder import feed as feeds
from lvs_agent.responder.feed import Feed, Patience
from lvs_agent.snapshot import Snapshot
from tests.support import collectors
from tests.support.lvsmib import BASE
from tests.support.recorded import SMALL
from tests.support.snmpd import AGENT

DEADLINE = 0.3


def feed_from(path: Path, **patience: float) -> Feed:
    return Feed(lambda: connect_to(path), Patience(**{"deadline": DEADLINE, **patience}))


def sends(data: Callable[[], bytes]) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(data())


def names(snapshot: Snapshot) -> List[str]:
    return [service.name for service in snapshot.services]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "collector.sock"


def next_snapshot(feed: Feed, old: Snapshot) -> Snapshot:
    """Request and receive snapshots, as a responder does, until another one answers."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        snapshot = feed.current()
        if snapshot is not old:
            return snapshot
        select.select(feed.waiting(), [], [], 0.05)
        feed.advance()
    raise AssertionError("no other snapshot answered")


def test_the_first_answer_waits_for_a_snapshot(path: Path) -> None:
    with collectors.at(path, sends(lambda: collectors.encoded(collectors.service(1)))):
        snapshot = feed_from(path).current()
    assert (snapshot.status, names(snapshot)) == (Status.OK, ["TCP 192.0.2.1:80"])


def test_a_young_snapshot_answers_without_asking_again(path: Path) -> None:
    with collectors.at(path, sends(collectors.encoded)) as came:
        feed = feed_from(path)
        first = feed.current()
        assert all(feed.current() is first for _ in range(100))
    assert len(came) == 1


def test_in_a_walk_an_old_snapshot_answers_while_the_next_arrives(path: Path) -> None:
    let_go = threading.Event()
    turn = [0]

    def answer(connection: socket.socket) -> None:
        turn[0] += 1
        if turn[0] > 1:
            let_go.wait(10)
        connection.sendall(collectors.encoded(collectors.service(turn[0])))

    with collectors.at(path, answer):
        feed = feed_from(path, max_age=0)
        first = feed.current()
        began = time.monotonic()
        assert all(feed.current() is first for _ in range(100))
        assert time.monotonic() - began < DEADLINE
        let_go.set()
        assert names(next_snapshot(feed, first)) == ["TCP 192.0.2.2:80"]


def test_after_a_quiet_time_a_request_waits_for_new_values(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "QUIET_SECONDS", 0.0)
    turn = [0]

    def encoded() -> bytes:
        turn[0] += 1
        return collectors.encoded(collectors.service(turn[0]))

    with collectors.at(path, sends(encoded)):
        feed = feed_from(path, max_age=0)
        assert names(feed.current()) == ["TCP 192.0.2.1:80"]
        assert names(feed.current()) == ["TCP 192.0.2.2:80"]


def test_a_silent_collector_costs_one_deadline_and_no_more(path: Path) -> None:
    def silent(connection: socket.socket) -> None:
        connection.recv(1)

    with collectors.at(path, silent):
        feed = feed_from(path)
        began = time.monotonic()
        snapshot = feed.current()
        assert DEADLINE <= time.monotonic() - began < 2 * DEADLINE
        began = time.monotonic()
        for _ in range(100):
            snapshot = feed.current()
        assert time.monotonic() - began < DEADLINE
        assert snapshot.status == Status.NO_COLLECTOR
        feed.close()


def test_a_collector_slower_than_patience_is_asked_once_and_its_snapshot_taken(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "FETCH_SECONDS", 0.1)
    let_go = threading.Event()

    def slow(connection: socket.socket) -> None:
        let_go.wait(10)
        connection.sendall(collectors.encoded(collectors.service(1)))

    with collectors.at(path, slow) as came:
        feed = feed_from(path, deadline=0.0)
        silent = next_snapshot(feed, feed.current())
        assert (silent.status, "sent no snapshot within" in silent.text) == (
            Status.NO_COLLECTOR,
            True,
        )
        let_go.set()
        assert names(next_snapshot(feed, silent)) == ["TCP 192.0.2.1:80"]
    assert len(came) == 1


def test_a_collector_slow_by_bytes_is_taken_in_when_it_ends(path: Path) -> None:
    data = collectors.encoded(collectors.service(1))

    def slowly(connection: socket.socket) -> None:
        for place in range(0, len(data), 20):
            connection.sendall(data[place : place + 20])

    with collectors.at(path, slowly):
        feed = feed_from(path, deadline=0.0)
        assert names(next_snapshot(feed, feed.current())) == ["TCP 192.0.2.1:80"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "truncated"),
        (b"garbage\n", "line 1"),
        (b"{}\n", "not an lvs-agent snapshot"),
        (b"\0" * (3 << 20), "longer than"),
        (collectors.encoded(collectors.service(1))[:-20], "truncated"),
        (collectors.encoded().replace(b'"taken"', b'"token"'), "another version"),
    ],
    ids=["nothing", "garbage", "JSON", "zeros", "cut off", "another version"],
)
def test_what_is_no_snapshot_is_said_and_answers_go_on(
    path: Path, answer: bytes, says: str
) -> None:
    with collectors.at(path, sends(lambda: answer)):
        snapshot = feed_from(path).current()
    assert snapshot.status == Status.NO_COLLECTOR
    assert says in snapshot.text


def test_a_bad_row_costs_that_row_and_is_counted(path: Path) -> None:
    data = collectors.encoded(collectors.service(1), collectors.service(2))
    bad = data.replace(b'"192.0.2.1"', b'"192.0.2.300"')
    with collectors.at(path, sends(lambda: bad)):
        snapshot = feed_from(path).current()
    assert names(snapshot) == ["TCP 192.0.2.2:80"]
    assert (snapshot.status, snapshot.errors) == (Status.DEGRADED, 1)


def test_errors_go_on_rising_when_a_collector_begins_anew(path: Path) -> None:
    """The collector reports 3, 5 and, restarted, 1 errors; each snapshot adds one bad row."""
    counts = iter([3, 5, 1, 1])

    def encoded() -> bytes:
        look = collectors.snapshot(collectors.service(1), collectors.service(2))
        look.errors = next(counts, 1)
        return b"".join(wire.encode(look)).replace(b'"192.0.2.1"', b'"192.0.2.300"')

    with collectors.at(path, sends(encoded)):
        feed = feed_from(path, max_age=0)
        look = feed.current()
        seen = [look.errors]
        for _ in range(3):
            look = next_snapshot(feed, look)
            seen.append(look.errors)
    assert seen == [4, 7, 9, 10]


def test_without_a_collector_the_last_snapshot_answers_then_only_its_configuration(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "RETRY_SECONDS", 0.0)
    with collectors.at(path, sends(lambda: collectors.encoded(collectors.service(1, 7)))):
        feed = feed_from(path, max_age=0, expire=1)
        first = feed.current()
    gone = next_snapshot(feed, first)
    assert gone.status == Status.NO_COLLECTOR
    assert str(os.strerror(2)) in gone.text
    assert gone.services[0].counters == collectors.traffic(7)
    assert feed.current() is gone
    expired = next_snapshot(feed, gone)
    assert time.clock_gettime(time.CLOCK_BOOTTIME) - first.taken > 1
    assert expired.status == Status.EXPIRED
    service = expired.services[0]
    assert (service.name, service.counters, service.sums.weight) == ("TCP 192.0.2.1:80", None, None)
    assert (service.scheduler, service.number, len(service.real_servers)) == ("rr", 1, 1)
    with collectors.at(path, sends(lambda: collectors.encoded(collectors.service(1, 8)))):
        again = next_snapshot(feed, expired)
    assert (again.status, again.services[0].counters) == (Status.OK, collectors.traffic(8))


def test_a_collector_that_is_gone_is_not_asked_at_each_request(path: Path) -> None:
    tries: List[float] = []

    def connect() -> socket.socket:
        tries.append(time.monotonic())
        return connect_to(path)

    feed = Feed(connect, Patience())
    for _ in range(1000):
        feed.current()
    assert len(tries) == 1


def test_descriptors_from_1024_on(tmp_path: Path) -> None:
    """select(2) has no room for them."""
    code = (
        "import os, resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (2048, 2048))\n"
        "for fd in range(3, 1024):\n"
        "    os.dup2(0, fd)\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    # the next snapshot is still on its way when the second request is answered
    agent = [AGENT, "pass-persist", "--replay", SMALL, "--max-age", "0", "--log", tmp_path / "log"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, agent)],
        input=f"PING\ngetnext\n{BASE}\n" * 2,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"PONG\n{BASE}.1.0\nstring\n1.2.1\n" * 2
    assert (tmp_path / "log").read_text() == ""


def test_a_snapshot_from_the_future_grows_old_all_the_same(path: Path) -> None:
    """As from a collector in another time namespace."""
    taken = time.clock_gettime(time.CLOCK_BOOTTIME) + 3600

    def ahead() -> bytes:
        return b"".join(wire.encode(Snapshot(taken, services=[collectors.service(1)])))

    with collectors.at(path, sends(ahead)):
        feed = feed_from(path, max_age=0.0)
        first = feed.current()
        assert first.taken <= time.clock_gettime(time.CLOCK_BOOTTIME)
        next_snapshot(feed, first)
    feed.close()


class Clock:
    """CLOCK_BOOTTIME for a feed, set by a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1e6
        monkeypatch.setattr(feeds, "_boottime", lambda: self.now)

    def encoded(self) -> bytes:
        one = collectors.snapshot(collectors.service(1))
        one.taken = self.now
        return b"".join(wire.encode(one))


def settle(feed: Feed) -> None:
    """Receive what is being fetched, as a responder does."""
    until = time.monotonic() + 10
    while feed.waiting():
        assert time.monotonic() < until
        select.select(feed.waiting(), [], [], 0.05)
        feed.advance()


def poll(feed: Feed, clock: Clock, at: float) -> Status:
    """Poll at a time with one request, and return the status that it sees."""
    while (due := feed.due()) is not None and clock.now + due <= at:
        clock.now += due
        feed.advance()
        settle(feed)
    clock.now = at
    status = feed.current().status
    settle(feed)
    return Status(status)


def test_a_slow_collector_is_asked_ahead_of_the_third_regular_poll(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with collectors.at(path, sends(clock.encoded)) as came:
        feed = feed_from(path, deadline=0.0)  # each fetch takes longer
        start = clock.now
        for distance in (61, 300):
            assert feed.due() is None
            found = [poll(feed, clock, start + each * distance) for each in range(6)]
            assert found[1:] == [Status.EXPIRED, *[Status.OK] * 4]
            fetches = len(came)
            # polls stop: there is one more fetch
            due = feed.due()
            assert due is not None
            clock.now += due
            feed.advance()
            settle(feed)
            assert len(came) == fetches + 1
            assert feed.due() is None
            start = clock.now + 10_000
        assert len(came) == 2 * (6 + 1)


def test_a_collector_within_the_deadline_is_never_asked_ahead(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with collectors.at(path, sends(clock.encoded)) as came:
        feed = feed_from(path, deadline=20.0)
        found = [poll(feed, clock, clock.now + 60) for _ in range(4)]
        assert found == [Status.OK] * 4
        assert feed.due() is None
    assert len(came) == 4


def test_a_collector_that_fails_is_asked_ahead_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    failing = False

    def answer(connection: socket.socket) -> None:
        if not failing:
            connection.sendall(clock.encoded())

    with collectors.at(path, answer) as came:
        feed = feed_from(path, deadline=0.0)
        poll(feed, clock, clock.now)
        poll(feed, clock, clock.now + 60)
        failing = True
        due = feed.due()
        assert due is not None
        clock.now += due
        feed.advance()
        settle(feed)
        assert feed.due() is None
    assert len(came) == 3
