# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on a state directory that a history has written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Dict

import pytest

from lvs_agent.collector.history import History
from lvs_agent.doctor import statedir
from lvs_agent.doctor.finding import State
from lvs_agent.doctor.statedir import FOLDER
from tests.support import collectors, doctors


@pytest.fixture
def machine(tmp_path: Path) -> doctors.Picture:
    drawn = doctors.Picture(tmp_path)
    history = History(drawn.path(FOLDER))
    history.annotate(
        collectors.snapshot(collectors.service(1, 5), collectors.service(2, servers=2))
    )
    history.keep()
    history.close()
    return drawn


def files(machine: doctors.Picture) -> Dict[str, bytes]:
    return {each.name: each.read_bytes() for each in machine.path(FOLDER).iterdir()}


def test_a_healthy_history_is_left_alone(machine: doctors.Picture) -> None:
    before = files(machine)
    (finding,) = statedir.look(machine)
    assert finding.state == State.OK
    assert finding.text == f"{FOLDER} (root): remembers 2 virtual services, 3 real servers"
    assert files(machine) == before


def test_no_directory_and_no_history_are_no_fault(tmp_path: Path) -> None:
    machine = doctors.Picture(tmp_path)
    assert doctors.states(statedir.look(machine)) == [State.NOTE]
    machine.path(FOLDER).mkdir(parents=True)
    assert doctors.states(statedir.look(machine)) == [State.NOTE]


def cut(text: str) -> str:
    return text[: len(text) // 2]


def newer(text: str) -> str:
    return '{"lvs-agent history": 99}\n'


@pytest.mark.parametrize("damage", [cut, newer])
def test_a_history_that_can_not_be_read(
    machine: doctors.Picture, damage: Callable[[str], str]
) -> None:
    path = machine.path(FOLDER) / "history.jsonl"
    path.write_text(damage(path.read_text()))
    before = files(machine)
    (finding,) = statedir.look(machine)
    assert finding.state == State.WRONG
    assert files(machine) == before


def test_a_folder_that_is_closed(machine: doctors.Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "listdir", refuse)
    (finding,) = statedir.look(machine)
    assert (finding.state, finding.remedy) == (State.UNSEEN, "sudo lvs-agent doctor")


@pytest.mark.timeout(20)
def test_a_history_that_is_no_file_is_not_waited_for(machine: doctors.Picture) -> None:
    path = machine.path(FOLDER) / "history.jsonl"
    for target in ("fifo", "/dev/zero"):
        path.unlink()
        path.symlink_to(target) if target.startswith("/") else os.mkfifo(path)
        (finding,) = statedir.look(machine)
        assert finding.state == State.WRONG
        assert "not a regular file" in finding.text


def test_a_link_that_the_collectors_user_placed_is_not_followed(
    machine: doctors.Picture, tmp_path: Path
) -> None:
    (tmp_path / "shadow").write_text("root:secret\n")
    path = machine.path(FOLDER) / "history.jsonl"
    path.unlink()
    path.symlink_to(tmp_path / "shadow")
    os.chown(path, 65534, 65534, follow_symlinks=False)
    (finding,) = statedir.look(machine)
    assert finding.state == State.WRONG
    assert "not a regular file" in finding.text
    assert "secret" not in finding.text
