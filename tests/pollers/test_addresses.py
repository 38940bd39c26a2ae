# SPDX-License-Identifier: GPL-3.0-or-later
"""A host name with two addresses where a real snmpd listens at only one: real commands.

The commands see their own /etc/hosts, in a mount namespace.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List

import pytest

from tests.support import directors, files
from tests.support.directors import SimulatedDirector
from tests.support.snmpd import AGENT

SERVICE = "TCP 192.0.2.10:80"
NAMES = "127.0.0.1 localhost\n::1 both.test\n127.0.0.1 both.test\n"
# root needs no user namespace, and in a chroot(2) cannot create one
USER = ["--map-root-user"] if os.geteuid() else []
NAMESPACE = ("unshare", *USER, "--mount", "sh", "-ec")
SCRIPT = 'mount --bind "$0" /etc/hosts; exec "$@"'


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path_factory.mktemp("director")) as running:
        running.serve(*directors.farm())
        yield running


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "hosts").write_text(NAMES)
    return files.run(*NAMESPACE, SCRIPT, str(folder / "hosts"), *words)


def agent(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "snmp.conf").write_text("timeout 1\nretries 0\n")
    return run(folder, str(AGENT), *words, "--snmp-conf", str(folder / "snmp.conf"))


def commands(folder: Path, name: str) -> List[List[str]]:
    return [
        ["check", name, SERVICE],
        ["mrtg", name, SERVICE, "bytes"],
        ["graph", "update", name, "--into", str(folder / "files")],
    ]


def test_the_name_has_both_addresses_and_net_snmp_is_answered(
    director: SimulatedDirector, tmp_path: Path
) -> None:
    done = run(tmp_path, "getent", "ahosts", "both.test")
    addresses = [line.split()[0] for line in done.stdout.splitlines() if "DGRAM" in line]
    assert addresses == ["::1", "127.0.0.1"]
    words = ["-v2c", "-cpublic", "-t1", "-r0", f"both.test:{director.port}", "1.3.6.1.2.1.1.3.0"]
    assert run(tmp_path, "snmpget", *words).returncode == 0


@pytest.mark.parametrize("command", range(3))
def test_the_next_address_is_asked_where_one_refuses(
    director: SimulatedDirector, tmp_path: Path, command: int
) -> None:
    done = agent(tmp_path, *commands(tmp_path, f"both.test:{director.port}")[command])
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", range(3))
def test_the_next_address_is_asked_where_one_says_nothing(
    director: SimulatedDirector, tmp_path: Path, command: int
) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as silent:
        silent.bind(("::1", director.port))
        done = agent(tmp_path, *commands(tmp_path, f"both.test:{director.port}")[command])
    assert (done.returncode, done.stderr) == (0, "")


@contextmanager
def garbage_from_ipv6(port: int, datagram: bytes) -> Iterator[None]:
    """Answer each request to the first address with this datagram."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1", port))

        def serve() -> None:
            while True:
                request, peer = sock.recvfrom(65535)
                if not request:  # sent below to end this thread
                    return
                sock.sendto(datagram, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            sock.sendto(b"", ("::1", port))
            thread.join()


GARBAGE = {
    "it is not valid SNMP": b"\x30\x82",
    "OverflowError": b"\x30\x0d\x02\x01\x01\x04\x88" + b"\xff" * 8,
}


@pytest.mark.parametrize("datagram", GARBAGE.values(), ids=GARBAGE)
def test_the_next_address_is_asked_where_one_answers_garbage(
    director: SimulatedDirector, tmp_path: Path, datagram: bytes
) -> None:
    with garbage_from_ipv6(director.port, datagram):
        for words in commands(tmp_path, f"both.test:{director.port}"):
            done = agent(tmp_path, *words)
            assert (done.returncode, done.stderr) == (0, ""), words


@pytest.mark.parametrize("said", GARBAGE)
def test_garbage_is_told_with_its_address(tmp_path: Path, said: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with garbage_from_ipv6(port, GARBAGE[said]):
            done = agent(tmp_path, "check", f"both.test:{port}")
    unreadable = f"at ::1 (cannot read snmpd's answer: {said}), at 127.0.0.1 (within 1 s)"
    assert f"both.test:{port}: no answer from UDP port {port} {unreadable}: " in done.stdout
    assert done.returncode == 3


def test_what_was_tried_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as silent:
        silent.bind(("::1", 0))
        port = silent.getsockname()[1]
        done = agent(tmp_path, "check", f"both.test:{port}")
        tried = "at ::1 (within 1 s), at 127.0.0.1 (within 1 s)"
        said = f"no answer from UDP port {port} {tried}: the host"
        assert f"both.test:{port}: {said} is down" in done.stdout
        assert b"public" in silent.recv(1500)
    done = agent(tmp_path, "check", f"both.test:{port}")
    assert "at ::1 (Connection refused), at 127.0.0.1 (within 1 s): the host" in done.stdout
