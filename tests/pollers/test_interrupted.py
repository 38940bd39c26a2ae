# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that a signal or their time limit ends: at once, and without half-written files."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Dict, Iterator, List, Union

import pytest

from lvs_agent.codes import Source
from tests.support import builders, fakes, files, rounds
from tests.support.directors import counted
from tests.support.snmpd import AGENT

HTTPS = "TCP 192.0.2.10:443"
SIGNALS = [signal.SIGINT, signal.SIGTERM]
SOON = 20  # seconds; what is waited for takes longer, or never ends

# a FIFO without a writer as /etc/hosts stops each name lookup
USER = ["--map-root-user"] if os.geteuid() else []
NAMESPACE = ["unshare", *USER, "--mount", "sh", "-ec"]
SCRIPT = 'mount --bind "$0" /etc/hosts; exec "$@"'


@pytest.fixture
def silent() -> Iterator[List[socket.socket]]:
    """Two directors that do not answer."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        yield [one, other]


def start(*words: Union[str, Path]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str], sent: int) -> str:
    """Send a signal and return all output of the process, which must end by it."""
    process.send_signal(sent)
    try:
        out, err = process.communicate(timeout=SOON)
    finally:
        process.kill()
    assert process.returncode == -sent
    return out + err


def opens_a_fifo(pid: int) -> bool:
    """Return whether a thread waits for the other end of a FIFO (fs/pipe.c in the kernel)."""
    places = Path(f"/proc/{pid}/task").glob("*/wchan")
    return any(place.read_text() == "wait_for_partner" for place in places)


@pytest.mark.parametrize("sent", SIGNALS)
@pytest.mark.parametrize("command", ["check", "mrtg", "update"])
def test_a_signal_ends_a_command_that_waits_for_directors(
    silent: List[socket.socket], tmp_path: Path, sent: int, command: str
) -> None:
    conf = tmp_path / "snmp.conf"
    conf.write_text("timeout 60\nretries 0\n")
    one, other = (f"127.0.0.1:{each.getsockname()[1]}" for each in silent)
    words: Dict[str, List[Union[str, Path]]] = {
        "check": ["check", one],
        "mrtg": ["mrtg", f"{one},{other}", HTTPS, "bytes"],
        "update": ["graph", "update", one, other, "--into", tmp_path / "files"],
    }
    process = start(AGENT, *words[command], "--snmp-conf", conf)
    for each in silent[: 1 if command == "check" else 2]:
        each.recv(65535)
    assert ended(process, sent) == ""


@pytest.mark.parametrize("sent", SIGNALS)
def test_a_signal_ends_a_name_lookup(tmp_path: Path, sent: int) -> None:
    hosts = tmp_path / "hosts"
    os.mkfifo(hosts)
    process = start(*NAMESPACE, SCRIPT, hosts, AGENT, "check", "director.test")
    while process.poll() is None and not opens_a_fifo(process.pid):
        time.sleep(0.01)
    assert ended(process, sent) == ""


def hasty(folder: Path, module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose limit is a second, where each name lookup hangs."""
    hosts = folder / "hosts"
    os.mkfifo(hosts)
    code = (
        f"import sys; from lvs_agent import cli; import lvs_agent.pollers.{module} as limited;"
        " limited.SECONDS = 1; sys.exit(cli.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, *words]
    return files.run("timeout", str(SOON), *NAMESPACE, SCRIPT, str(hosts), *command)


@pytest.mark.parametrize("words", [["director.test"], ["127.0.0.1", "TCP www.example.org:443"]])
def test_a_check_whose_name_lookup_hangs_is_unknown_in_time(
    tmp_path: Path, words: List[str]
) -> None:
    done = hasty(tmp_path, "check", "check", *words)
    assert done.stdout == f"LVS UNKNOWN - {words[0]}: not finished within 1 s\n"
    assert (done.returncode, done.stderr) == (3, "")


@pytest.mark.parametrize("words", [["director.test", HTTPS], ["::1", "TCP www.example.org:443"]])
def test_mrtg_gets_unknown_in_time_where_a_name_lookup_hangs(
    tmp_path: Path, words: List[str]
) -> None:
    done = hasty(tmp_path, "mrtg", "mrtg", *words, "bytes")
    assert done.stdout == "UNKNOWN\nUNKNOWN\n\n\n"
    assert done.stderr == f"lvs-agent: {words[0]}: not finished within 1 s\n"
    assert done.returncode == 1


def test_a_name_lookup_that_hangs_costs_its_director(tmp_path: Path) -> None:
    service = builders.service("192.0.2.10", 443, counters=counted(1000))
    snapshot = builders.snapshot(service, source=Source.NETLINK)
    into = tmp_path / "files"
    with fakes.running(snapshot, fakes.honest) as director:
        words = ["update", "director.test", director.address, "--into", str(into)]
        done = hasty(tmp_path, "graph.update", "graph", *words)
    said = "director.test: cannot resolve this name: no reply within 1 s"
    assert (done.returncode, done.stderr) == (1, f"lvs-agent: {said}\n")
    (folder,) = into.iterdir()
    assert (folder / "TCP_192.0.2.10_443.rrd").exists()


def draws(pid: int) -> bool:
    """Return whether a process has a file in memory, to which rrdtool draws."""
    with suppress(FileNotFoundError):  # a file may be closed meanwhile
        return any("memfd:" in os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir())
    return False


@pytest.mark.parametrize("sent", SIGNALS)
@pytest.mark.parametrize("command", ["draw", "page"])
def test_a_picture_is_whole_or_the_old_one(tmp_path: Path, sent: int, command: str) -> None:
    rounds.folder(tmp_path / "files", {"lb1": {HTTPS: 1}}, int(time.time()))
    name = {"draw": "out.png", "page": "all-active-day.png"}[command]
    into = tmp_path / "page"
    into.mkdir()
    (into / name).write_bytes(b"old")
    os.utime(into / name, (0, 0))
    words: Dict[str, List[Union[str, Path]]] = {
        "draw": ["draw", "active", "-o", into / name],
        "page": ["page", "--into", into],
    }
    process = start(AGENT, "graph", *words[command], "--from", tmp_path / "files")
    while process.poll() is None and not draws(process.pid):
        pass
    assert ended(process, sent) == ""
    assert all(path.read_bytes().startswith((b"old", b"\x89PNG")) for path in into.iterdir())
    assert not list(into.glob(".*"))


@pytest.mark.parametrize("sent", SIGNALS)
def test_a_signal_leaves_no_new_file_beside_the_one_that_it_replaces(
    tmp_path: Path, sent: int
) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path;"
        " from lvs_agent.pollers.graph.texts import replace_text; sent = int(sys.argv[2]);"
        " signal.signal(sent, signal.SIG_DFL); then = os.replace;"
        " os.replace = lambda *names: (os.kill(os.getpid(), sent), then(*names));"
        " replace_text(Path(sys.argv[1]), 'new')"
    )
    done = files.run(sys.executable, "-c", code, str(tmp_path / "page"), str(sent))
    assert (done.returncode, done.stderr) == (-sent, "")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"page": "new"}
