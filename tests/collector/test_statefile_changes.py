# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that are appended to the state file, and the file that replaces it when it is long."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import pytest

from lvs_agent.collector.history import History
from lvs_agent.collector.remembered import ServiceState
from lvs_agent.collector.statefile import StateError, StateFile
from tests.support.builders import server, service, snapshot, traffic
from tests.support.statefiles import (
    CHANGES,
    NAMES,
    changed,
    file_size_limit,
    kill_while,
    lines,
    numbering,
    write,
)


def test_changes_are_appended(file: StateFile, tmp_path: Path) -> None:
    before = lines(tmp_path)
    file.save(changed(), CHANGES)
    assert lines(tmp_path)[: len(before)] == before
    assert StateFile(tmp_path).load() == changed()
    file.save(numbering(), CHANGES)
    file.save(changed(), CHANGES)
    assert (file.load(), file.damaged) == (changed(), 0)


def test_a_row_that_was_forgotten_meanwhile_is_left_out(file: StateFile) -> None:
    file.save(numbering(), {"TCP 192.0.2.1:80": {"10.0.0.1:80"}, NAMES[0]: {"10.0.0.2:80"}})
    assert (file.load(), file.damaged) == (numbering(), 0)


@pytest.mark.parametrize(("name", "number"), [(NAMES[1], 3), (NAMES[2], 5)])
def test_the_number_of_a_forgotten_row_is_the_next_rows(
    file: StateFile, name: str, number: int
) -> None:
    """Also if the file does not have it yet that the row is missing, as NAMES[2] is not."""
    services = numbering()
    services.remove(name)
    services.add("TCP 192.0.2.99:80", ServiceState(number, 77.5))
    file.save(services, {"TCP 192.0.2.99:80": set()})
    assert (file.load(), file.damaged) == (services, 0)


def test_a_row_that_comes_back_with_a_new_number_has_new_servers(file: StateFile) -> None:
    services = numbering()
    services.remove(NAMES[0])
    services.add(NAMES[0], ServiceState(8, 77.5))
    services.next_number = 9
    file.save(services, {NAMES[0]: set()})
    assert (file.load(), file.damaged) == (services, 0)


def test_cut_off_at_any_byte_every_whole_change_is_kept(file: StateFile, tmp_path: Path) -> None:
    before = b"".join(lines(tmp_path))
    file.save(changed(), CHANGES)
    data = b"".join(lines(tmp_path))
    for length in range(len(before), len(data)):
        write(tmp_path, data[:length])
        loaded = file.load()
        assert not file.damaged, length
        whole = data[len(before) : data.rfind(b"\n", 0, length) + 1]
        assert ("TCP 192.0.2.99:80" in loaded.rows) == (b"192.0.2.99" in whole)
        known = loaded.rows[NAMES[0]].servers.rows
        assert ("192.168.0.9:80" in known) == (b"192.168.0.9:80" in whole)
        assert loaded.next_number == (9 if whole else 8)


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"garbage\n")


def cut(path: Path) -> None:
    os.truncate(path, 700)


def removed(path: Path) -> None:
    path.unlink()


def exchanged(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/full")


@pytest.mark.parametrize("change", [appended, cut, removed, exchanged])
def test_a_file_that_another_program_has_changed_is_replaced(
    file: StateFile, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    change(tmp_path / "history.jsonl")
    file.save(changed(), {})
    assert (StateFile(tmp_path).load(), file.damaged) == (changed(), 0)


def test_if_the_disk_fills_while_appending_the_file_can_be_loaded(
    file: StateFile, tmp_path: Path
) -> None:
    before = b"".join(lines(tmp_path))
    for more in range(0, 200, 7):
        with file_size_limit(len(before) + more), pytest.raises(StateError):
            file.save(changed(), CHANGES)
        assert b"".join(lines(tmp_path)).startswith(before)
        assert sorted(file.load().rows) == sorted(NAMES)
        assert not file.damaged
        file.replace(numbering())
    with file_size_limit(len(before) + 100), pytest.raises(StateError):
        file.save(changed(), CHANGES)
    file.save(changed(), {})
    assert (file.load(), file.damaged) == (changed(), 0)


def test_killed_while_appending_it_leaves_a_file_that_can_be_loaded(tmp_path: Path) -> None:
    for _time in range(5):
        kill_while(tmp_path, lambda file: file.save(changed(), CHANGES))
        file = StateFile(tmp_path)
        assert (file.load(), file.damaged) == (changed(), 0)


def test_a_long_file_is_replaced_by_a_short_one(tmp_path: Path) -> None:
    """A thousand servers that count at each look append 100 kB to 200 kB each time."""
    history = History(tmp_path)
    sizes = []
    for count in range(1, 41):
        servers = [server(f"10.0.{n >> 8}.{n & 255}", counters=traffic(count)) for n in range(1000)]
        history.annotate(snapshot(service("192.0.2.10", 443, *servers)))
        history.keep()
        sizes.append((tmp_path / "history.jsonl").stat().st_size)
    history.close()
    assert min(sizes[10:]) < 200_000
    assert max(sizes) < 2 * min(sizes) + (1 << 20) + 200_000
    (row,) = StateFile(tmp_path).load().rows.values()
    assert {each.counters for each in row.servers.rows.values()} == {traffic(40)}
