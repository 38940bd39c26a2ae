# SPDX-License-Identifier: GPL-3.0-or-later
"""The history on disk: replaced as a whole or not at all, by one process at a time."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Callable

import pytest

from lvs_agent.collector import statefile
from lvs_agent.collector.remembered import Numbering
from lvs_agent.collector.statefile import MAX_FILE_BYTES, StateError, StateFile, boot_id
from lvs_agent.services import Traffic
from tests.support.builders import traffic
from tests.support.statefiles import (
    NAMES,
    edit_header,
    file_size_limit,
    kill_while,
    lines,
    numbering,
    other_boot,
    write,
)


def test_what_was_saved_is_loaded(file: StateFile, tmp_path: Path) -> None:
    assert StateFile(tmp_path).load() == numbering()
    assert not file.damaged


def test_without_a_file_there_is_nothing_to_remember(tmp_path: Path) -> None:
    assert StateFile(tmp_path / "state").load() == Numbering()
    assert not (tmp_path / "state").exists()


def test_the_folder_is_made_and_its_file_is_lines_of_json(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "lib"
    file = StateFile(folder)
    file.hold()
    file.replace(numbering())
    file.close()
    header, *rows = map(json.loads, lines(folder))
    values = ["number", "continuous_since", "missing_since", "counters", "counter_offset"]
    values += ["first_seen", "lasting", "last_seen", "gone_since", "up", "changed"]
    assert header == {
        "lvs-agent history": 2,
        "columns": {
            "service": [*values, "next_server_number", "baseline"],
            "server": values,
            "vip": ["counters", "continuous_since"],
            "rip": ["counters", "continuous_since"],
            "forgotten": ["server", "counters", "continuous_since"],
        },
        "rows": 6,
        "boot": boot_id(),
        "next": 8,
        "looked": None,
        "sums": 4.5,
    }
    assert [row[:2] for row in rows] == [
        ["service", NAMES[0]],
        ["server", "192.168.0.1:80"],
        ["server", "192.168.0.3:80"],
        ["service", NAMES[1]],
        ["server", "[2001:db8:1::1]:443"],
        ["service", NAMES[2]],
    ]


def test_the_next_number_of_a_services_servers_is_kept(file: StateFile, tmp_path: Path) -> None:
    services = numbering()
    services.rows[NAMES[2]].servers.next_number = 9
    file.replace(services)
    assert StateFile(tmp_path).load().rows[NAMES[2]].servers.next_number == 9


def test_another_boot_begins_counters_and_time_anew(file: StateFile, tmp_path: Path) -> None:
    other_boot(tmp_path)
    row = file.load().rows[NAMES[0]]
    assert (row.continuous_since, row.servers.rows["192.168.0.1:80"].continuous_since) == (0.0, 0.0)
    assert (row.counters, row.counter_offset) == (None, Traffic(5, 7, 9, 11, 13))
    assert row.servers.rows["192.168.0.1:80"].counter_offset == traffic(1)


def test_a_newer_versions_file_is_refused_and_left_alone(file: StateFile, tmp_path: Path) -> None:
    edit_header(tmp_path, **{"lvs-agent history": 3})
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
    file.replace(numbering())
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


def a_folder(path: Path) -> None:
    path.mkdir()


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


def a_link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_link_to_a_file(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def a_huge_file(path: Path) -> None:
    path.touch()
    os.truncate(path, MAX_FILE_BYTES + 1)


def a_file_of_another_user(path: Path) -> None:
    if os.geteuid() == 0:
        path.touch()
        os.chown(path, 12345, -1)
    else:
        path.symlink_to("/etc/passwd")


@pytest.mark.parametrize(
    "made",
    [
        a_folder,
        a_fifo,
        a_link_to_a_device,
        a_link_to_a_file,
        a_huge_file,
        a_file_of_another_user,
    ],
)
def test_what_is_not_a_file_of_ours_is_refused(
    tmp_path: Path, made: Callable[[Path], None]
) -> None:
    made(tmp_path / "history.jsonl")
    file = StateFile(tmp_path)
    file.hold()
    with pytest.raises(StateError, match=r"history\.jsonl: "):
        file.load()
    file.close()


@pytest.mark.parametrize("name", ["history.new", "history.damaged"])
def test_links_in_the_folder_are_replaced_and_not_followed(
    file: StateFile, tmp_path: Path, name: str
) -> None:
    (tmp_path / "other").write_text("other")
    (tmp_path / name).symlink_to("other")
    with (tmp_path / "history.jsonl").open("a") as history:
        history.write("garbage\n")
    file.replace(file.load())
    assert (file.load(), file.damaged) == (numbering(), 0)
    assert (tmp_path / "other").read_text() == "other"
    assert not (tmp_path / name).is_symlink()


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to("other")
    with pytest.raises(StateError, match="name a writable folder"):
        StateFile(tmp_path).hold()
    assert not (tmp_path / "other").exists()


def test_if_writing_fails_the_old_file_is_whole(file: StateFile, tmp_path: Path) -> None:
    before = lines(tmp_path)
    (tmp_path / "history.new").mkdir()
    with pytest.raises(StateError):
        file.replace(Numbering())
    assert lines(tmp_path) == before


def test_if_the_disk_fills_while_writing_the_old_file_is_whole(
    file: StateFile, tmp_path: Path
) -> None:
    before = lines(tmp_path)
    with file_size_limit(100), pytest.raises(StateError):
        file.replace(numbering())
    assert lines(tmp_path) == before
    assert not (tmp_path / "history.new").exists()  # it takes the room that is left
    file.replace(Numbering(next_number=9))
    assert file.load() == Numbering(next_number=9)


def test_killed_while_replacing_it_leaves_one_file_or_the_other(tmp_path: Path) -> None:
    for _time in range(5):
        kill_while(tmp_path, lambda file: file.replace(numbering()))
        file = StateFile(tmp_path)
        assert (list(file.load().rows), file.damaged) == (NAMES, 0)


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
        file.replace(services)
    assert not file.damaged
