# SPDX-License-Identifier: GPL-3.0-or-later
"""Round-robin files and their names, with the real rrdtool."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Iterator

import pytest

from lvs_agent.pollers.graph import files
from lvs_agent.pollers.graph.files import PARTS, SOURCES, File, FileError
from lvs_agent.pollers.graph.rrdtool import Rrdtool
from lvs_agent.pollers.parsing import parse_named

START, STEP = 1_800_000_000, 300

NAMES = {
    "TCP_192.0.2.10_443": "TCP 192.0.2.10:443",
    "IP33_192.0.2.10_80": "IP33 192.0.2.10:80",
    "IP33_192.0.2.10_80_to_192.168.0.1_80": "IP33 192.0.2.10:80 -> 192.168.0.1:80",
    "UDP_192.0.2.10_0": "UDP 192.0.2.10:0",
    "SCTP_2001-db8--10_5060": "SCTP [2001:db8::10]:5060",
    "TCP_--ffff-192.0.2.1_80": "TCP [::ffff:192.0.2.1]:80",
    "FWM_5": "FWM 5",
    "FWM_4294967295_IPv6": "FWM 4294967295 IPv6",
    "TCP_192.0.2.10_443_to_192.168.0.1_8080": "TCP 192.0.2.10:443 -> 192.168.0.1:8080",
    "TCP_192.0.2.10_443_to_2001-db8-1--1_8080": "TCP 192.0.2.10:443 -> [2001:db8:1::1]:8080",
    "FWM_5_to_192.168.0.9_0": "FWM 5 -> 192.168.0.9:0",
    "FWM_5_IPv6_to_--1_80": "FWM 5 IPv6 -> [::1]:80",
    "VIP_192.0.2.10": "VIP 192.0.2.10",
    "VIP_2001-db8--10": "VIP [2001:db8::10]",
    "RIP_192.168.0.1": "RIP 192.168.0.1",
    "RIP_2001-db8-1--1": "RIP [2001:db8:1::1]",
}

OTHERS = (
    *("", "lock", "TCP", "TCP_192.0.2.10", "TCP_192.0.2.10_https", "TCP_www.example.org_443"),
    *("TCP_192.0.2.10_0443", "TCP_192.0.2.010_443", "IP6_192.0.2.10_443", "FWM_0", "FWM_x"),
    *("TCP_2001-DB8--10_80", "TCP_2001-db8-0--10_80", "192.168.0.1_80", "FWM_5_to_", "_to_FWM_5"),
    *("TCP_192.0.2.10_443_to_192.168.0.1_80_to_192.168.0.2_80", "tcp_192.0.2.10_443"),
    *("VIP_192.0.2.10_80", "vip_192.0.2.10", "VIP_", "VIP_192.0.2.010", "VIP_2001-db8-0--10"),
    *("192.0.2.10", "VIP_www.example.org", "RIP_192.168.0.1_to_192.168.0.2_80", "VIP_localhost"),
)

FOLDERS = {
    "lb1": "lb1",
    "lb1.example.org:1161": "lb1.example.org_1161",
    "192.0.2.1": "192.0.2.1",
    "2001:db8::1": "2001-db8--1",
    "[2001:db8::1]:161": "2001-db8--1_161",
    "::1": "_--1",
    "../lb1": "_.._lb1",
    "-lb1": "_-lb1",
}

FILE = File("lb1", parse_named(["TCP 192.0.2.10:443"]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lb1").mkdir()
    return tmp_path


@pytest.fixture
def rrdtool(folder: Path) -> Iterator[Rrdtool]:
    with Rrdtool(folder) as rrdtool:
        yield rrdtool


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_its_rows_both_ways(name: str) -> None:
    row = parse_named([NAMES[name]])
    assert files.stem(row) == name
    assert files.row_of(name) == row
    assert re.fullmatch("[A-Za-z0-9._-]+", name)


@pytest.mark.parametrize("name", OTHERS)
def test_another_name_is_no_rows(name: str) -> None:
    assert files.row_of(name) is None


@pytest.mark.parametrize("director", FOLDERS)
def test_a_directors_folder_is_one_folder_and_no_option(director: str) -> None:
    assert files.folder_of(director) == FOLDERS[director]


def test_files_are_listed_by_director_and_address(folder: Path) -> None:
    names = ["TCP_192.0.2.10_80", "TCP_192.0.2.9_80", "TCP_192.0.2.9_80_to_192.168.0.1_80", "FWM_5"]
    (folder / "lb2").mkdir()
    for name in names:
        (folder / "lb1" / f"{name}.rrd").touch()
    (folder / "lb1" / "README").touch()
    (folder / "lb1" / "mine.rrd").touch()
    (folder / "lb1" / "VIP_192.0.2.9.rrd").touch()
    (folder / "lb1" / "RIP_192.0.2.9.rrd").touch()
    (folder / "lb2" / "FWM_7.rrd").touch()
    (folder / "TCP_192.0.2.1_80.rrd").touch()
    found = [file.path for file in files.listed(folder)]
    order = [names[3], "RIP_192.0.2.9", "VIP_192.0.2.9", names[1], names[2], names[0]]
    assert found == [*(f"lb1/{name}.rrd" for name in order), "lb2/FWM_7.rrd"]
    assert [files.stem(row) for row in files.rows_in(folder / "lb2")] == ["FWM_7"]


def test_only_regular_files_are_listed(folder: Path) -> None:
    """rrdtool would wait for the other end of a FIFO."""
    (folder / "lb1").mkdir(exist_ok=True)
    for number, target in enumerate(["FWM_5.rrd", "FWM_6.rrd", "/dev/zero", "absent"], 1):
        (folder / "lb1" / f"FWM_{number}.rrd").symlink_to(target)
    (folder / "lb1" / "FWM_5.rrd").write_bytes(b"")
    os.mkfifo(folder / "lb1" / "FWM_6.rrd")
    (folder / "lb1" / "FWM_7.rrd").mkdir()
    assert [str(file.row) for file in files.listed(folder)] == ["FWM 1", "FWM 5"]


def test_a_file_keeps_what_it_is_given(rrdtool: Rrdtool) -> None:
    files.create(rrdtool, FILE, START - 1, STEP)
    files.update(rrdtool, FILE, START, [1, 2, None, 4, 5, 6, 2**64 - 1, 3, 0, None])
    values = [1, 2, None, 4, 5, 6, float(2**64 - 1), 3, 0, None]
    assert files.last(rrdtool, FILE) == files.Last(START, dict(zip([*SOURCES, *PARTS], values)))
    assert files.last(rrdtool, FILE).known
    files.update(rrdtool, FILE, START + STEP, [None] * 7)
    unknown = dict.fromkeys([*SOURCES, *PARTS])
    assert files.last(rrdtool, FILE) == files.Last(START + STEP, unknown)
    assert not files.last(rrdtool, FILE).known


def test_the_file_of_a_real_server_has_no_parts(rrdtool: Rrdtool) -> None:
    file = File("lb1", parse_named(["FWM 5 -> 192.168.0.9:0"]))
    files.create(rrdtool, file, START - 1, STEP)
    assert list(files.last(rrdtool, file).values) == list(SOURCES)


def test_rates_are_those_of_the_last_interval_that_is_known(rrdtool: Rrdtool) -> None:
    files.create(rrdtool, FILE, START - 1, STEP)
    for poll, rate in enumerate((1, 5, 7)):
        counted = [
            None if name == "in_pkts" and poll == 2 else rate * 300 * poll for name in SOURCES
        ]
        files.update(rrdtool, FILE, START + poll * STEP, counted)
    found = files.rates(rrdtool, FILE, files.last(rrdtool, FILE))
    # 0, 1500 and 4200 in three polls
    assert found == {"conns": 9, "in_pkts": 5, "out_pkts": 9, "in_bytes": 9, "out_bytes": 9}
    two_hours_later = files.Last(START + 7200, {})
    assert files.rates(rrdtool, FILE, two_hours_later) == {}


def test_added_data_sources_leave_the_others_as_they_were(
    rrdtool: Rrdtool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PARTS", {})
    files.create(rrdtool, FILE, START - 1, 1800)
    for poll in range(3):
        files.update(rrdtool, FILE, START + poll * 1800, [poll, 2, 3, 4, 5, 6, 7])
    span = ("fetch", FILE.path, "AVERAGE", "--start", str(START), "--end", str(START + 5400))
    before = rrdtool.run(*span)
    monkeypatch.undo()
    lacking = files.lacking(FILE, files.last(rrdtool, FILE))
    assert list(lacking) == list(PARTS)
    files.extend(rrdtool, FILE, lacking)
    assert files.lacking(FILE, files.last(rrdtool, FILE)) == {}
    after = rrdtool.run(*span)
    assert [line[: -len(" -nan" * 3)] for line in after[2:]] == before[2:]
    with pytest.raises(FileError, match="cannot add up: Duplicate DS name"):
        files.extend(rrdtool, FILE, {"up": "GAUGE"})


def test_data_sources_are_added_by_the_files_owner_alone(
    rrdtool: Rrdtool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root, rrdtool would replace it by a file of root, which its owner can't update."""
    files.create(rrdtool, FILE, START, STEP)
    before = (folder / FILE.path).stat()
    monkeypatch.setattr(os, "geteuid", lambda: before.st_uid + 1)
    with pytest.raises(FileError, match="cannot add more: it belongs to another user"):
        files.extend(rrdtool, FILE, {"more": "GAUGE"})
    assert (folder / FILE.path).stat() == before


def test_a_file_holds_more_than_two_years(rrdtool: Rrdtool) -> None:
    for step in (10, 300, 1800):
        file = File("lb1", parse_named([f"FWM {step}"]))
        files.create(rrdtool, file, START, step)
        info = dict(line.split(" = ") for line in rrdtool.run("info", file.path))
        kept = {
            int(info[f"rra[{rra}].pdp_per_row"]) * step: int(info[f"rra[{rra}].rows"])
            for rra in range(4)
        }
        days = {seconds: seconds * rows / 86400 for seconds, rows in kept.items()}
        # the pictures show 1, 7, 31 and 366 days
        assert min(days) == step
        assert [days[seconds] >= reach for seconds, reach in ((1800, 7), (7200, 31))] == [True] * 2
        assert days[86400] > 2 * 365


def test_a_file_is_never_overwritten(rrdtool: Rrdtool) -> None:
    files.create(rrdtool, FILE, START, STEP)
    with pytest.raises(FileError, match="cannot create"):
        files.create(rrdtool, FILE, START, STEP)


def test_a_file_that_is_damaged_is_told_of_in_a_line_with_what_to_do(
    rrdtool: Rrdtool, folder: Path
) -> None:
    files.create(rrdtool, FILE, START, STEP)
    path = folder / FILE.path
    whole = path.read_bytes()
    damaged = [b"", whole[:5000], whole[:50000], b"x" * 50000, whole[:8] + b"\xff" * len(whole)]
    for content in damaged:
        path.write_bytes(content)
        for use in (
            lambda: files.update(rrdtool, FILE, START + 1, [1] * 7),
            lambda: files.last(rrdtool, FILE),
        ):
            with pytest.raises(FileError) as error:
                use()
            assert str(error.value).startswith(f"{FILE.path}: not a file of lvs-agent graph")
            assert str(error.value).endswith("move it away to start a new one")
            assert "\n" not in str(error.value)
    path.write_bytes(whole)
    files.update(rrdtool, FILE, START + 1, [1] * 7)
    files.update(rrdtool, FILE, START + 2, [7654321] * 7)
    path.write_bytes(path.read_bytes().replace(b"7654321", b"seven.."))
    with pytest.raises(FileError, match="could not convert"):
        files.last(rrdtool, FILE)


def test_a_file_of_another_program_is_left_alone(rrdtool: Rrdtool, folder: Path) -> None:
    rrdtool.run("create", FILE.path, "DS:active:GAUGE:600:0:U", "RRA:AVERAGE:0.5:1:10")
    before = (folder / FILE.path).read_bytes()
    for use in (
        lambda: files.update(rrdtool, FILE, 2_000_000_000, [1] * 7),
        lambda: files.last(rrdtool, FILE),
    ):
        with pytest.raises(FileError, match="not a file of lvs-agent graph"):
            use()
    assert (folder / FILE.path).read_bytes() == before


def test_an_update_of_the_past_says_clock(rrdtool: Rrdtool) -> None:
    files.create(rrdtool, FILE, START, STEP)
    with pytest.raises(FileError, match="check the clock"):
        files.update(rrdtool, FILE, START - 10, [1] * 7)
