# SPDX-License-Identifier: GPL-3.0-or-later
"""The collector as a process, and well- and ill-behaved clients."""

from __future__ import annotations

import os
import select
import signal
import socket
import stat
import subprocess
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Iterator, Protocol, Tuple

import pytest

from lvs_agent.boundary.child import ChildCollector, HandoffListener
from lvs_agent.boundary.connections import (
    COLLECTOR_SOCKET,
    _SocketListener,
    activated,
    connect_to,
    listen_at,
)
from lvs_agent.codes import Status
from lvs_agent.collector import server as collectors
from lvs_agent.collector.history import History
from lvs_agent.collector.server import Collector, serve
from lvs_agent.kernel.recording import ReplayedKernel
from lvs_agent.responder.connector import Connector
from tests.support.commands import collector, received
from tests.support.recorded import SMALL
from tests.support.snmpd import AGENT
from tests.support.watch import gone


class HasFileno(Protocol):
    """An open file or socket."""

    def fileno(self) -> int:
        """Return its file descriptor."""


def flood_with(connection: socket.socket) -> None:
    """Send until the other side closes or its buffer is full."""
    while True:
        connection.send(b"x" * 65536)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "collector.sock"


def test_each_connection_gets_one_snapshot_and_its_end(path: Path) -> None:
    with collector(path):
        for _ in range(3):
            snapshot = received(connect_to(path))
            assert [service.number for service in snapshot.services] == [1, 2, 3, 4]


def test_the_socket_is_for_owner_and_group_and_gone_afterwards(path: Path) -> None:
    with collector(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert not path.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_the_state_saved(
    path: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with collector(path, "--state", str(tmp_path)) as process:
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
    assert '["service","TCP 10.2.0.1:80",[2,' in (tmp_path / "history.jsonl").read_text()


def test_two_hundred_clients_at_once_are_served(path: Path) -> None:
    with collector(path):
        connections = [connect_to(path) for _ in range(60)]
        for _ in range(140):
            connections.append(connect_to(path))
            received(connections.pop(0))
        for connection in connections:
            received(connection)


def test_clients_that_never_read_flood_or_leave_hold_up_nobody(path: Path) -> None:
    with collector(path) as process:
        idle = [connect_to(path) for _ in range(20)]
        for _ in range(20):
            connect_to(path).close()
        # the collector does not read: its buffer fills up, or it closes after sending the snapshot
        full = (BlockingIOError, BrokenPipeError, ConnectionResetError)
        with connect_to(path) as flood, pytest.raises(full):
            flood_with(flood)
        received(connect_to(path))
        assert process.poll() is None
        for connection in idle:
            connection.close()


LARGE = 8 << 20


class Large(Collector):
    """A collector whose snapshot is larger than a socket's buffer."""

    def snapshot(self, again: bool = False) -> bytes:
        return bytes(LARGE)


def large(listener: object) -> None:
    serve(Large(ReplayedKernel(SMALL), History(None)), listener)  # type: ignore[arg-type]


@contextmanager
def slow_client() -> Iterator[Tuple[socket.socket, select.poll]]:
    """Yield a connection to a child collector, and a poll object that tells when it hangs up."""
    own = ChildCollector(large)
    with own.connect() as slow:
        slow.settimeout(20)
        hung_up = select.poll()
        hung_up.register(slow, 0)  # POLLHUP is always reported, and needs no reading
        yield slow, hung_up
    own.close()


def portions(connection: socket.socket) -> Iterator[bytes]:
    while data := connection.recv(65536):
        yield data


@pytest.mark.parametrize("limit", ["IDLE_SECONDS", "CLIENT_SECONDS"])
def test_a_client_that_takes_too_long_is_dropped(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(collectors, limit, 0.2)
    with slow_client() as (slow, hung_up):
        assert hung_up.poll(20_000)
        assert 0 < sum(map(len, portions(slow))) < LARGE


def test_a_client_that_goes_on_taking_is_not_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collectors, "IDLE_SECONDS", 0.5)
    took = 0
    with slow_client() as (slow, hung_up):
        began = time.monotonic()
        while time.monotonic() - began < 1.5:
            assert not hung_up.poll(50)
            took += len(slow.recv(65536))
        assert took + sum(map(len, portions(slow))) == LARGE


def test_what_was_served_is_kept_when_nobody_waits_for_it() -> None:
    """Keeping may take longer than a client waits."""

    class Keeping(Large):
        def served(self) -> None:
            time.sleep(60)

    def run(listener: object) -> None:
        serve(Keeping(ReplayedKernel(SMALL), History(None)), listener)  # type: ignore[arg-type]

    own = ChildCollector(run)
    with own.connect() as client:
        client.settimeout(20)
        assert sum(map(len, portions(client))) == LARGE
    os.kill(own._child, signal.SIGKILL)
    own.close()


def test_a_socket_left_by_a_killed_collector_is_replaced(path: Path) -> None:
    with collector(path) as process:
        process.kill()
        process.wait(timeout=20)
        assert path.exists()
    with collector(path):
        received(connect_to(path))


def test_a_second_collector_at_the_same_path_is_refused(path: Path) -> None:
    with collector(path):
        second = subprocess.run(
            [AGENT, "collector", "--listen", path, "--replay", SMALL],
            stderr=subprocess.PIPE,
            text=True,
            timeout=20,
            check=False,
        )
        assert second.returncode == 1
        assert str(path) in second.stderr
        received(connect_to(path))


def activated_by(*passed: HasFileno, count: str) -> subprocess.Popen[str]:
    """Start a collector as systemd does: what is passed becomes fd 3 and up, LISTEN_PID the pid."""
    copies = "".join(f"exec {fd}<&{each.fileno()};" for fd, each in enumerate(passed, 3))
    shell = f'{copies} LISTEN_PID=$$ LISTEN_FDS={count} exec "$@"'
    return subprocess.Popen(
        ["bash", "-c", shell, "bash", AGENT, "collector", "--replay", SMALL],
        pass_fds=[each.fileno() for each in passed],
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_listens_wherever_systemd_does(tmp_path: Path) -> None:
    paths = [tmp_path / "one", tmp_path / "two"]
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as two:
        for listening, path in zip((one, two), paths):
            listening.bind(str(path))
            listening.listen(8)
        process = activated_by(one, two, count="2")
        for path in (*paths, *paths):
            assert received(connect_to(path)).services
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode == 0
    assert all(path.exists() for path in paths)


def test_a_socket_passed_to_another_process_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getppid()))
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert activated() == []


def test_a_listener_has_the_path_beside_which_orders_are_looked_for(path: Path) -> None:
    with closing(listen_at(path)) as listener:
        assert listener.path() == path
    ours, theirs = socket.socketpair()
    with theirs, closing(HandoffListener(ours)) as handoff:
        assert handoff.path() == COLLECTOR_SOCKET
    with socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0lvs-agent-test-{os.getpid()}")
        assert _SocketListener(abstract).path() == Path(f"@lvs-agent-test-{os.getpid()}")


@pytest.mark.parametrize("count", ["two", "-1", "1.0", "9" * 5000])
def test_a_number_of_sockets_that_is_none_is_refused(count: str) -> None:
    process = activated_by(count=count)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors == f"lvs-agent: LISTEN_FDS: not a number of sockets: {count!r}\n"


def test_what_is_no_listening_unix_stream_socket_is_refused(tmp_path: Path) -> None:
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams,
        socket.socket(socket.AF_UNIX) as silent,
        socket.create_server(("127.0.0.1", 0)) as internet,
        open(tmp_path / "file", "w") as file,
        socket.socket(socket.AF_UNIX) as listening,
    ):
        listening.bind(str(tmp_path / "socket"))
        listening.listen(8)
        for wrong in (datagrams, silent, internet, file):
            process = activated_by(listening, wrong, count="2")
            _, errors = process.communicate(timeout=20)
            assert process.returncode == 1
            assert errors.startswith("lvs-agent: descriptor 4 from systemd")
            assert errors.count("\n") == 1
        process = activated_by(listening, count="2")
        assert process.communicate(timeout=20)[1].endswith(": Bad file descriptor\n")


@pytest.mark.parametrize("count", [0, 2])
def test_a_hand_over_of_other_than_one_socket_leaves_none_open(count: int) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener = HandoffListener(theirs)
    with ours, socket.socket(socket.AF_UNIX) as passed:
        before = os.listdir("/proc/self/fd")
        socket.send_fds(ours, [b"c"], [passed.fileno()] * count)
        if count:
            listener.accept().close()
        else:
            with pytest.raises(OSError, match="files"):
                listener.accept()
        assert os.listdir("/proc/self/fd") == before
    listener.close()


def test_without_a_socket_it_says_how_to_name_one() -> None:
    done = subprocess.run(
        [AGENT, "collector"], stderr=subprocess.PIPE, text=True, timeout=20, check=False
    )
    assert done.returncode == 1
    assert "--listen PATH" in done.stderr


def test_an_own_collector_serves_and_is_started_again_when_it_dies() -> None:
    def run(listener: object) -> None:
        serve(Collector(ReplayedKernel(SMALL), History(None)), listener)  # type: ignore[arg-type]

    own = ChildCollector(run)
    assert received(own.connect()).services
    os.kill(own._child, signal.SIGKILL)
    assert gone([own._child])
    assert received(own.connect()).services
    own.close()


def test_an_own_collector_ends_with_its_responder(tmp_path: Path) -> None:
    log = tmp_path / "log"
    responder = subprocess.Popen(
        [AGENT, "pass-persist", "--replay", SMALL, "--log", log],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert responder.stdin is not None
    assert responder.stdout is not None
    responder.stdin.write("PING\ngetnext\n.1.3.6.1.4.1.8225.4711\n")
    responder.stdin.flush()
    assert [responder.stdout.readline() for _ in range(2)] == [
        "PONG\n",
        ".1.3.6.1.4.1.8225.4711.1.0\n",
    ]
    children = Path(f"/proc/{responder.pid}/task/{responder.pid}/children").read_text().split()
    assert len(children) == 1
    pidfd = os.pidfd_open(int(children[0]))
    responder.kill()
    # end of file: no process has the pipe open, so neither has the collector
    assert responder.stdout.read() == "string\n1.2.1\n"
    responder.communicate(timeout=20)
    assert select.select([pidfd], [], [], 20)[0], "the child collector is still running"
    os.close(pidfd)


def test_an_own_collector_lets_go_of_the_state_when_there_is_another(
    path: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"

    def run(listener: object) -> None:
        serve(Collector(ReplayedKernel(SMALL), History(state)), listener)  # type: ignore[arg-type]

    child = ChildCollector(run)
    connector = Connector(path, child)
    assert received(connector.connect()).status == Status.OK
    with collector(path, "--state", str(state)):
        assert received(connector.connect()).services
        until = time.monotonic() + 20
        while received(connect_to(path)).status != Status.OK:
            assert time.monotonic() < until, "the state directory is still locked"
            time.sleep(0.1)
        connector.connect().close()
        assert child._pids == []
    assert received(connector.connect()).status == Status.OK, "the new child collector is not OK"
    connector.close()


def test_listen_at_replaces_nothing_but_a_dead_socket(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("precious")
    with pytest.raises(FileExistsError, match=": not a socket"):
        listen_at(file)
    assert file.read_text() == "precious"
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(FileExistsError, match=": not a socket"):
        listen_at(tmp_path / "fifo")


def test_listen_at_names_the_path_in_each_error(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(str(path))
        busy.listen(0)  # one client fills the queue
        with connect_to(path), pytest.raises(FileExistsError, match=f"{path}: another collector"):
            listen_at(path)
    path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(str(path))
        with pytest.raises(OSError, match=f"wrong type for socket: '{path}'"):
            listen_at(path)
    with pytest.raises(OSError, match="path too long: '/"):
        listen_at(tmp_path / ("x" * 200))
