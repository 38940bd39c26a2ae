# SPDX-License-Identifier: GPL-3.0-or-later
"""The rrdtool process: arguments with unusual characters, errors, its end."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from lvs_agent.pollers.graph.rrdtool import NoRrdtoolError, RrdError, Rrdtool

CREATE = ("DS:a:GAUGE:600:0:U", "RRA:AVERAGE:0.5:1:10")


@pytest.fixture
def rrdtool(tmp_path: Path) -> Iterator[Rrdtool]:
    with Rrdtool(tmp_path) as rrdtool:
        yield rrdtool


@pytest.mark.parametrize("name", ["a b", "it's", 'say "a"', "$HOME", "a\\b", "a*", "é"])
def test_words_arrive_as_they_are(rrdtool: Rrdtool, tmp_path: Path, name: str) -> None:
    rrdtool.run("create", name, *CREATE)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_error_is_of_its_command_alone(rrdtool: Rrdtool) -> None:
    with pytest.raises(RrdError, match="No such file"):
        rrdtool.run("last", "absent")
    with pytest.raises(RrdError, match="newline"):
        rrdtool.run("last", "absent\ncreate")
    with pytest.raises(RrdError, match="NUL"):
        rrdtool.run("last", "absent\0")
    rrdtool.run("create", "present", "--start", "1800000000", *CREATE)
    assert rrdtool.run("last", "present") == ["1800000000"]


def test_a_crash_is_an_error_of_its_command_alone(rrdtool: Rrdtool) -> None:
    rrdtool.run("create", "present", "--start", "1800000000", *CREATE)
    (child,) = subprocess.check_output(["pgrep", "-P", str(os.getpid()), "rrdtool"]).split()
    os.kill(int(child), signal.SIGKILL)
    with pytest.raises(RrdError, match="rrdtool exited with status -9"):
        rrdtool.run("last", "present")
    assert rrdtool.run("last", "present") == ["1800000000"]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_lets_rrdtool_complete(rrdtool: Rrdtool, sent: int) -> None:
    (child,) = subprocess.check_output(["pgrep", "-P", str(os.getpid()), "rrdtool"]).split()
    os.kill(int(child), sent)
    rrdtool.run("create", "present", "--start", "1800000000", *CREATE)
    assert rrdtool.run("last", "present") == ["1800000000"]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


def test_without_rrdtool_the_package_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoRrdtoolError, match="install the package rrdtool"):
        Rrdtool(tmp_path)


def test_without_the_folder_that_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        Rrdtool(tmp_path / "absent")
