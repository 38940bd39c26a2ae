# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent graph run as a process: its commands in turn, and errors for wrong arguments."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import time
from pathlib import Path
from typing import Iterator, List

import pytest

from tests.support import directors, rounds
from tests.support.directors import SimulatedDirector
from tests.support.snmpd import AGENT

HTTP = "TCP 192.0.2.10:80"
TO = ["--into", "files"]
FROM = ["--from", "files"]
OUT = ["-o", "out.png"]


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path_factory.mktemp("director")) as running:
        running.serve(*directors.farm())
        yield running


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with files of one service, filled up to now."""
    rounds.folder(tmp_path / "files", {"lb1": {HTTP: 1}}, int(time.time()))
    return tmp_path


def graph(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [AGENT, "graph", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SNMPCONFPATH": str(folder)},
    )


def test_a_director_is_asked_kept_and_drawn(director: SimulatedDirector, tmp_path: Path) -> None:
    done = graph(tmp_path, "update", director.address, *TO, "--step", "60")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    name = director.address.replace(":", "_")
    assert len(list((tmp_path / "files" / name).glob("*.rrd"))) == 28
    done = graph(
        tmp_path, "draw", "active", *FROM, *OUT, "--vip", "192.0.2.10", "--stack", "service"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = graph(tmp_path, "draw", "bits", *FROM, *OUT, "--service", "VIP 192.0.2.10")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = graph(tmp_path, "page", *FROM, "--into", "page")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "page" / "index.html").exists()


WRONG_ARGUMENTS = {
    "are required: DIRECTOR": ["update", *TO],
    "are required: --into": ["update", "lb1"],
    "not 10 to 1800 seconds that divide 1800: 7": ["update", "lb1", *TO, "--step", "7"],
    "seconds that divide 1800: 400": ["update", "lb1", *TO, "--step", "400"],
    "not a director: 'lb1:x'; write HOST": ["update", "lb1:x", *TO],
    "lb1: this folder would be that of 2 directors": ["update", "lb1", "lb1", *TO],
    "invalid choice: 'bytes'": ["draw", "bytes", *FROM, *OUT],
    "not a number from 50 to 10000: 5": ["draw", "bits", *FROM, *OUT, "--width", "5"],
    "not a number from 0 to 86400: 1.5": ["page", *FROM, "--into", "p", "--time-limit", "1.5"],
    "x.invalid: neither an address nor a known host": [
        "draw",
        "bits",
        *FROM,
        *OUT,
        "--vip",
        "x.invalid",
    ],
    "a name in /etc/services: 'nonsense'": ["page", *FROM, "--into", "p", "--port", "nonsense"],
    "write TCP": ["page", *FROM, "--into", "p", "--service", "192.0.2.10:80"],
}

FAILURES = {
    "no file matches the selection": ["draw", "bits", *FROM, *OUT, "--port", "81"],
    "absent": ["draw", "bits", "--from", "absent", *OUT],
    "out.png: cannot draw: start time": ["draw", "bits", *FROM, *OUT, "--start", "nonsense"],
    "lvs-agent: absent/out.png: No such": ["draw", "bits", *FROM, "-o", "absent/out.png"],
    "no answer from UDP port 9": ["update", "127.0.0.1:9", *TO],
}


@pytest.mark.parametrize("said", WRONG_ARGUMENTS)
def test_wrong_arguments_are_said_in_a_line(here: Path, said: str) -> None:
    done = graph(here, *WRONG_ARGUMENTS[said])
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
    assert done.stdout == ""


@pytest.mark.parametrize("said", FAILURES)
def test_a_failure_is_said_in_a_line(here: Path, said: str) -> None:
    (here / "snmp.conf").write_text("timeout 1\nretries 0\n")
    done = graph(here, *FAILURES[said])
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert said in line
    assert done.stdout == ""


def test_a_damaged_file_is_told_of_and_the_rest_is_drawn(here: Path) -> None:
    (here / "files" / "lb1" / "FWM_5.rrd").write_bytes(b"RRD")
    for words in (["draw", "bits", *FROM, *OUT], ["page", *FROM, "--into", "page"]):
        done = graph(here, *words)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert "FWM_5.rrd: not a file of lvs-agent graph, or damaged" in line
    assert (here / "out.png").exists()
    assert (here / "page" / "TCP_192.0.2.10_80.html").exists()


def test_a_picture_says_its_period(here: Path) -> None:
    sizes: List[int] = []
    for words in ([], ["--period", "year"], ["--start", "end-1h", "--end", "now"]):
        assert graph(here, "draw", "active", *FROM, *OUT, *words).stderr == ""
        sizes.append((here / "out.png").stat().st_size)
    assert len(set(sizes)) == 3


def test_progress_is_shown_on_a_terminal(here: Path) -> None:
    rows = {f"FWM {mark}": 1 for mark in range(1, 30)}
    rounds.folder(here / "files", {"lb2": rows}, int(time.time()), polls=1)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [AGENT, "graph", "page", *FROM, "--into", "page"], cwd=here, stderr=theirs
    )
    os.close(theirs)
    said = b""
    # reading a terminal whose other end is closed fails with EIO
    try:
        while part := os.read(ours, 1000):
            said += part
    except OSError:
        pass
    os.close(ours)
    assert process.wait() == 0
    shown = [int(number) for number in re.findall(rb"pictures drawn: (\d+) of 992", said)]
    assert shown
    assert shown == sorted(shown)
    assert said.endswith(b"\r\x1b[K")
