# SPDX-License-Identifier: GPL-3.0-or-later
"""The history on disk: replaced as a whole or not at all, by one process at a time."""

from __future__ import annotations

import json
import os
import resource
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from lvs_agent.collector import statefile
from lvs_agent.collector.remembered import Numbering
from lvs_agent.collector.statefile import StateError, StateFile, boot_id
from tests.support.builders import traffic
from tests.support.statefiles import NAMES, edit_header, held, lines, numbering, write


@pytest.fixture
def file(tmp_path: Path) -> Iterator[StateFile]:
    with held(tmp_path) as file:
        yield file


def test_what_was_saved_is_loaded(file: StateFile, tmp_path: Path) -> None:
    assert StateFile(tmp_path).load() == numbering()
    assert file.problems == []


def test_without_a_file_there_is_nothing_to_remember(tmp_path: Path) -> None:
    assert StateFile(tmp_path / "state").load() == Numbering()
    assert not (tmp_path / "state").exists()


def test_the_folder_is_made_and_its_file_is_lines_of_json(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "lib"
    file = StateFile(folder)
    file.hold()
    file.save(numbering(), durable=False)
    file.close()
    header, *rows = map(json.loads, lines(folder))
    assert header == {
        "lvs-agent history": 1,
        "boot": boot_id(),
        "fresh": 8,
        "rows": 6,
    }
    assert [row[:2] for row in rows] == [
        ["service", NAMES[0]],
        ["server", "192.168.0.1:80"],
        ["server", "192.168.0.3:80"],
        ["service", NAMES[1]],
        ["server", "[2001:db8:1::1]:443"],
        ["service", NAMES[2]],
    ]


@pytest.mark.parametrize("durable", [True, False])
def test_what_need_not_be_durable_is_saved_as_well(
    file: StateFile, tmp_path: Path, durable: bool
) -> None:
    file.save(Numbering(next_number=9), durable)
    assert StateFile(tmp_path).load() == Numbering(next_number=9)


def test_the_next_number_of_a_services_servers_is_kept(file: StateFile, tmp_path: Path) -> None:
    services = numbering()
    services.rows[NAMES[2]].servers.next_number = 9
    file.save(services, durable=True)
    assert StateFile(tmp_path).load().rows[NAMES[2]].servers.next_number == 9


def test_another_boot_begins_counters_and_time_anew(file: StateFile, tmp_path: Path) -> None:
    edit_header(tmp_path, boot="00000000-0000-0000-0000-000000000000")
    row = file.load().rows[NAMES[0]]
    assert (row.continuous_since, row.servers.rows["192.168.0.1:80"].continuous_since) == (0.0, 0.0)
    assert (row.counters, row.counter_offset) == (None, traffic(2**64 + 5, 2))
    assert row.servers.rows["192.168.0.1:80"].counter_offset == traffic(1)


def test_a_newer_versions_file_is_refused_and_left_alone(file: StateFile, tmp_path: Path) -> None:
    edit_header(tmp_path, **{"lvs-agent history": 2})
    before = lines(tmp_path)
    with pytest.raises(StateError, match="upgrade lvs-agent, or move the file away"):
        file.load()
    assert lines(tmp_path) == before
    assert not (tmp_path / "history.damaged").exists()


def test_one_that_does_not_hold_the_folder_writes_nothing_there(
    file: StateFile, tmp_path: Path
) -> None:
    write(tmp_path, b"garbage\n")
    before = sorted(tmp_path.iterdir())
    StateFile(tmp_path).load()
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_of_another_user_is_not_written(file: StateFile, tmp_path: Path) -> None:
    """As when root runs a command beside the collector, which has a user of its own."""
    file.save(numbering(), durable=False)
    file.close()
    folder = Path("/")
    if os.geteuid() == 0:
        folder = tmp_path
        os.chown(folder, 12345, -1)
    with pytest.raises(StateError, match=r"belongs to user \d+, not to this user .* --state"):
        StateFile(folder).hold()
    assert StateFile(tmp_path).load() == numbering()


def test_a_second_holder_is_refused_until_the_first_lets_go(
    file: StateFile, tmp_path: Path
) -> None:
    second = StateFile(tmp_path)
    with pytest.raises(StateError, match="in use by another collector"):
        second.hold()
    file.close()
    second.hold()
    second.close()


def test_a_folder_that_cannot_be_made_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="--state"):
        StateFile(tmp_path / "file" / "state").hold()


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").mkdir()
    with pytest.raises(StateError, match=r"history\.jsonl"):
        StateFile(tmp_path).load()


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Limit the size of files, so that writing fails in the middle, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def to_a_folder(new: Path) -> None:
    new.mkdir()


def to_a_full_disk(new: Path) -> None:
    new.symlink_to("/dev/full")


@pytest.mark.parametrize("spoil", [to_a_folder, to_a_full_disk])
def test_if_writing_fails_the_old_file_is_whole(
    file: StateFile, tmp_path: Path, spoil: Callable[[Path], Any]
) -> None:
    before = lines(tmp_path)
    spoil(tmp_path / "history.new")
    with pytest.raises(StateError):
        file.save(Numbering(), durable=False)
    assert lines(tmp_path) == before


def test_if_the_disk_fills_while_writing_the_old_file_is_whole(
    file: StateFile, tmp_path: Path
) -> None:
    before = lines(tmp_path)
    with file_size_limit(100), pytest.raises(StateError):
        file.save(numbering(), durable=False)
    assert lines(tmp_path) == before
    file.save(Numbering(next_number=9), durable=False)
    assert file.load() == Numbering(next_number=9)


def test_killed_while_saving_it_leaves_one_file_or_the_other(tmp_path: Path) -> None:
    for _time in range(5):
        read, write = os.pipe()
        child = os.fork()
        if not child:
            file = StateFile(tmp_path)
            file.hold()
            while True:
                file.save(numbering(), durable=False)
                os.write(write, b".")
        os.read(read, 1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(read)
        os.close(write)
        file = StateFile(tmp_path)
        file.hold()
        assert list(file.load().rows) == NAMES
        assert file.problems == []
        file.close()


def test_where_the_boot_is_hidden_numbers_are_kept_and_counters_begin_anew(
    file: StateFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statefile, "BOOT_ID", tmp_path / "none")
    for _time in range(2):
        services = file.load()
        assert {name: row.number for name, row in services.rows.items()} == {
            name: row.number for name, row in numbering().rows.items()
        }
        assert {row.counters for row in services.rows.values()} == {None}
        file.save(services, durable=False)
    assert file.problems == []
