# SPDX-License-Identifier: GPL-3.0-or-later
"""A history that cannot be saved: rows are numbered all the same, and the status says so."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Callable

import pytest

from lvs_agent.codes import Status
from lvs_agent.collector.history import History
from lvs_agent.collector.statefile import StateFile
from tests.support.builders import farm, service, snapshot, traffic
from tests.support.statefiles import file_size_limit


def spoilt_by_a_file(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file" / "state"


def spoilt_by_a_folder(folder: Path) -> Path:
    (folder / "history.new").mkdir()
    return folder


def spoilt_by_a_newer_version(folder: Path) -> Path:
    (folder / "history.jsonl").write_text(json.dumps({"lvs-agent history": 3}) + "\n")
    return folder


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (spoilt_by_a_file, "name a writable folder with --state"),
        (spoilt_by_a_folder, "Is a directory"),
        (spoilt_by_a_newer_version, "upgrade lvs-agent, or move the file away"),
    ],
)
def test_what_cannot_be_saved_is_numbered_and_said(
    tmp_path: Path,
    spoilt: Callable[[Path], Path],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = spoilt(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.jsonl")}
    history = History(folder)
    for _look in range(5):
        look = snapshot(*farm())
        history.annotate(look)
        history.keep()
        assert [vs.number for vs in look.services] == [1, 2, 3]
        assert look.status == Status.DEGRADED
        assert look.text.startswith("row numbers are not saved: ")
    assert reason in look.text
    history.close()
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) <= 2
    assert before == {path: path.read_bytes() for path in tmp_path.glob("*.jsonl")}


def test_a_disk_that_fills_up_is_said_until_it_can_be_written_again(tmp_path: Path) -> None:
    history = History(tmp_path)

    def status_with(count: int) -> Status:
        look = snapshot(service(counters=traffic(count)))
        history.annotate(look)
        history.keep()
        return look.status

    assert status_with(1) == Status.OK
    with file_size_limit(100):
        status_with(2)
        assert status_with(2) == Status.DEGRADED
        assert status_with(3) == Status.DEGRADED
    status_with(4)
    assert status_with(4) == Status.OK
    history.close()
    assert list(StateFile(tmp_path).load().rows) == ["TCP 192.0.2.10:443"]


def test_a_second_collector_numbers_the_same_and_says_that_it_saves_nothing(
    tmp_path: Path,
) -> None:
    first, second = History(tmp_path), History(tmp_path)
    first.annotate(snapshot(*farm()))
    look = snapshot(*farm()[::-1])
    second.annotate(look)
    assert [vs.number for vs in look.services] == [3, 2, 1]
    assert (look.status, "in use by another" in look.text) == (Status.DEGRADED, True)
    first.close()
    look = snapshot(*farm()[::-1])
    second.annotate(look)
    assert ([vs.number for vs in look.services], look.status) == ([3, 2, 1], Status.OK)
    second.close()


def test_when_a_newer_versions_file_is_moved_away_numbers_are_saved(tmp_path: Path) -> None:
    history = History(spoilt_by_a_newer_version(tmp_path))
    for _look in range(3):
        history.annotate(snapshot(*farm()))
    (tmp_path / "history.jsonl").unlink()
    look = snapshot(*farm())
    history.annotate(look)
    assert (look.status, look.text) == (Status.OK, "")
    history.close()


def test_a_status_that_says_more_is_left_as_it_is(tmp_path: Path) -> None:
    look = snapshot(*farm(), status=Status.NO_STATISTICS, text="no statistics")
    History(spoilt_by_a_file(tmp_path)).annotate(look)
    assert (look.status, look.text) == (Status.NO_STATISTICS, "no statistics")


def test_numbers_given_while_nothing_could_be_saved_stay_when_it_can(tmp_path: Path) -> None:
    state = spoilt_by_a_file(tmp_path)
    history = History(state)
    history.annotate(snapshot(*farm()))
    (tmp_path / "file").unlink()
    look = snapshot(*farm()[::-1])
    history.annotate(look)
    assert ([vs.number for vs in look.services], look.status) == ([3, 2, 1], Status.OK)
    history.close()
    history = History(state)
    look = snapshot(*farm()[::-1])
    history.annotate(look)
    assert [vs.number for vs in look.services] == [3, 2, 1]
    history.close()
