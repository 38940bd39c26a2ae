# SPDX-License-Identifier: GPL-3.0-or-later
"""A damaged history: every intact row is kept, and no number is given twice."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from lvs_agent.collector.remembered import MAX_NUMBER, Numbering, State, resume
from lvs_agent.collector.statefile import MAX_DAMAGED, StateError, StateFile
from lvs_agent.collector.statereader import MAX_ROWS
from tests.support.statefiles import CHANGES, NAMES, changed, edit_header, lines, numbering, write


def test_cut_off_at_any_byte_every_whole_row_is_kept(file: StateFile, tmp_path: Path) -> None:
    whole = lines(tmp_path)
    data = b"".join(whole)
    starts = [sum(map(len, whole[:count])) for count in range(len(whole) + 1)]
    expected = numbering()
    for length in range(len(data) - 1):
        write(tmp_path, data[:length])
        loaded = file.load()
        kept = sum(start <= length for start in starts[2:])
        names = [
            name for service, row in loaded.rows.items() for name in (service, *row.servers.rows)
        ]
        assert names == [json.loads(row)[1] for row in whole[1 : kept + 1]], length
        assert all(loaded.rows[name].number == expected.rows[name].number for name in loaded.rows)
        assert file.damaged, length
        if length >= starts[1] - 1:
            assert loaded.next_number == 8, length


@pytest.mark.parametrize("place", range(1, 7))
def test_a_number_that_was_lost_is_not_given_again(
    file: StateFile, tmp_path: Path, place: int
) -> None:
    kept = lines(tmp_path)
    write(tmp_path, b"".join([*kept[:place], b"garbage\n", *kept[place + 1 :]]))
    loaded = file.load()
    assert loaded.next_number == 8
    assert [row.servers.next_number for row in loaded.rows.values()] == [
        next_number for next_number, service in zip((4, 3, 1), NAMES) if service in loaded.rows
    ]


def test_a_lost_header_leaves_the_numbers_of_the_rows(file: StateFile, tmp_path: Path) -> None:
    write(tmp_path, b"".join([b"garbage\n", *lines(tmp_path)[1:]]))
    loaded = file.load()
    assert [row.number for row in loaded.rows.values()] == [2, 3, 5]
    assert loaded.next_number == 6


@pytest.mark.parametrize("bad", [b"garbage\n", b'["service","TCP', b'["service","a",[]]\n'])
def test_servers_of_an_unreadable_service_are_not_given_to_the_one_before(
    file: StateFile, tmp_path: Path, bad: bytes
) -> None:
    kept = lines(tmp_path)
    write(tmp_path, b"".join([*kept[:4], bad.rstrip() + b"\n", *kept[5:]]))
    loaded = file.load()
    assert list(loaded.rows) == [NAMES[0], NAMES[2]]
    assert list(loaded.rows[NAMES[0]].servers.rows) == ["192.168.0.1:80", "192.168.0.3:80"]
    assert file.problem.startswith(f"{tmp_path}/history.jsonl:5: ")


def test_a_bad_server_leaves_those_after_it_to_their_service(
    file: StateFile, tmp_path: Path
) -> None:
    kept = lines(tmp_path)
    write(tmp_path, b"".join([*kept[:2], b'["server","a",[]]\n', *kept[3:]]))
    assert list(file.load().rows[NAMES[0]].servers.rows) == ["192.168.0.3:80"]


def test_a_row_that_stands_twice_keeps_its_first(file: StateFile, tmp_path: Path) -> None:
    kept = lines(tmp_path)
    other = kept[6].replace(b"[5,", b"[6,")
    same_number = kept[6].replace(b"FWM 5 IPv6", b"FWM 6 IPv6")
    assert len({kept[6], other, same_number}) == 3
    write(tmp_path, b"".join([*kept, other, same_number]))
    assert file.load() == numbering()
    assert file.damaged == 2
    assert file.problem.startswith(f"{tmp_path}/history.jsonl:8: ")


BAD_LINES = [
    b"\n",
    b"null\n",
    b"5\n",
    b"[]\n",
    b'"abc"\n',
    b"{}\n",
    b'["service","a"]\n',
    b'["service","a",{}]\n',
    b'["service","a",[1]]\n',
    b'["service","a",[0,0.0,null,null,null,1]]\n',
    b'["service","a",[-1,0.0,null,null,null,1]]\n',
    f'["service","a",[{MAX_NUMBER + 1},0.0,null,null,null,1]]\n'.encode(),
    b'["service","a",[6,0.0,null,[1,2,3],null,1]]\n',
    b'["service","a",[6,0.0,null,[1,2,3,4,-1],null,1]]\n',
    b'["service","a",[6,0.0,null,null,[1,2,3,4,18446744073709551616],1]]\n',
    b'["service","a",[6,"soon",null,null,null,1]]\n',
    b'["service","a",[6,0.0,NaN,null,null,1]]\n',
    b'["service","a",[6,1e999,null,null,null,1]]\n',
    b'["service","a",[6,0.0,null,null,null,"1"]]\n',
    b'["colour","a",[6,0.0,null,null,null,1]]\n',
    b'[{},"a",[6,0.0,null,null,null,1]]\n',
    b'["service","a",[' + b"9" * 4000 + b",0.0,null,null,null,1]]\n",
    b'["service","a",[6,0.0,null,[' + b"9" * 4400 + b",0,0,0,0],null,1]]\n",
    b"\xff\x00\xfe\n",
    b"[" * 100000 + b"\n",
    b"9" * 10000,
]


@pytest.mark.parametrize("bad", BAD_LINES)
def test_a_bad_row_costs_itself_and_is_named_by_its_line(
    file: StateFile, tmp_path: Path, bad: bytes
) -> None:
    write(tmp_path, b"".join([*lines(tmp_path), bad]))
    assert file.load() == numbering()
    assert (file.damaged, file.problem.split(": ")[0]) == (1, f"{tmp_path}/history.jsonl:8")


@pytest.mark.parametrize("bad", [b"", *BAD_LINES])
def test_a_bad_header_costs_no_row(file: StateFile, tmp_path: Path, bad: bytes) -> None:
    write(tmp_path, bad + b"".join(lines(tmp_path)[1:]))
    loaded = file.load()
    assert NAMES[1] in loaded.rows
    assert file.damaged


@pytest.mark.parametrize("next_number", [None, "8", -1, 0, 65536, [], True])
def test_a_header_that_has_lost_the_next_number_gives_none_that_a_row_has(
    file: StateFile, tmp_path: Path, next_number: object
) -> None:
    edit_header(tmp_path, next=next_number)
    assert file.load().next_number == 6


def test_rows_missing_from_the_middle_are_noticed(file: StateFile, tmp_path: Path) -> None:
    kept = lines(tmp_path)
    write(tmp_path, b"".join([*kept[:2], *kept[3:]]))
    file.load()
    assert file.damaged == 1
    assert "5 rows, expected 6" in file.problem


def test_a_damaged_file_is_kept_beside_the_new_one(file: StateFile, tmp_path: Path) -> None:
    damaged = b"".join([*lines(tmp_path)[:3], b"garbage\n"])
    write(tmp_path, damaged)
    file.replace(file.load())
    assert (tmp_path / "history.damaged").read_bytes() == damaged
    file.load()
    assert not file.damaged


def test_whatever_byte_is_wrong_no_two_rows_have_one_number(
    file: StateFile, tmp_path: Path
) -> None:
    whole = b"".join(lines(tmp_path))
    chance = random.Random(4711)
    for _time in range(2000):
        place, byte = chance.randrange(len(whole)), chance.randrange(256)
        write(tmp_path, whole[:place] + bytes([byte]) + whole[place + 1 :])
        try:
            services = file.load()
        except StateError:
            assert place < len(lines(tmp_path)[0])
            continue
        check(services)
        for row in services.rows.values():
            check(row.servers)


def check(numbers: Numbering[State]) -> None:
    given = [row.number for row in numbers.rows.values()]
    assert len(set(given)) == len(given)
    assert all(1 <= number <= MAX_NUMBER for number in (*given, numbers.next_number))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'history":2', b'history":0'),
        (b'{"service":', b'{"cervice":'),
        (b'"server":["number"', b'"server":["nunber"'),
    ],
)
def test_a_damaged_name_in_the_header_costs_no_row(
    file: StateFile, tmp_path: Path, old: bytes, new: bytes
) -> None:
    header, *rows = lines(tmp_path)
    assert old in header
    write(tmp_path, b"".join([header.replace(old, new), *rows]))
    loaded = file.load()
    assert {name: row.number for name, row in loaded.rows.items()} == dict(zip(NAMES, (2, 3, 5)))
    assert list(loaded.rows[NAMES[0]].servers.rows) == ["192.168.0.1:80", "192.168.0.3:80"]
    assert file.damaged


def test_a_bad_line_before_changes_costs_no_row(file: StateFile, tmp_path: Path) -> None:
    before = len(lines(tmp_path))
    file.save(changed(), CHANGES)
    kept = lines(tmp_path)
    write(tmp_path, b"".join([*kept[:before], b'{"boot":"\n', *kept[before + 1 :]]))
    loaded, expected = file.load(), changed()
    # the next number and the time of the last complete snapshot stood in the bad line
    loaded.next_number = expected.next_number
    resume(expected, None)
    assert (loaded, file.damaged) == (expected, 1)


def test_a_lost_header_does_not_reset_counters(file: StateFile, tmp_path: Path) -> None:
    write(tmp_path, b"".join([b"garbage\n", *lines(tmp_path)[1:]]))
    assert file.load().rows[NAMES[0]].counters == numbering().rows[NAMES[0]].counters


SERVER = b'["server","%d",[%d,0.0,null,null,null,null,false,null,null,null,null]]\n'


@pytest.mark.timeout(60)
@pytest.mark.parametrize("line", [b"\n", SERVER])
def test_a_file_of_any_length_is_read_in_limited_time_and_memory(
    file: StateFile, tmp_path: Path, line: bytes
) -> None:
    """Half a million lines: of nothing, or rows that are all present."""
    service = b'["service","FWM %d",[%d,0.0,null,null,null,null,false,null,null,null,null,1,[]]]\n'
    rows = [
        service % (n, n)
        + b"".join(line % (k, k) if b"%" in line else line for k in range(1, 50001))
        for n in range(1, 11)
    ]
    write(tmp_path, b"".join([lines(tmp_path)[0], *rows]))
    loaded = file.load()
    count = sum(len(row.servers.rows) for row in loaded.rows.values())
    assert count <= MAX_ROWS + 20000
    assert file.damaged in (MAX_DAMAGED, MAX_DAMAGED + 1)
