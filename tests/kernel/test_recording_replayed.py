# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings in place of a kernel, and damaged recordings."""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
from pathlib import Path
from typing import Callable, List

import pytest

from lvs_agent.kernel import netlink
from lvs_agent.kernel.netlink import NetlinkError, Request
from lvs_agent.kernel.recording import RecordingError, ReplayedKernel
from tests.support.recorded import DIRECTORS, GET_DEST, GET_SERVICE, SMALL, exchanges


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["recording.json", "netlink.jsonl", "proc/self/net/ip_vs"])
def test_a_recording_of_others_is_read_from_regular_files_only(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "recording"
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        shutil.copytree(SMALL, folder)
        (folder / name).unlink()
        make(folder / name)
        with pytest.raises((RecordingError, OSError), match="not a regular file"):
            ReplayedKernel(folder).read("self/net/ip_vs")
        shutil.rmtree(folder)


@pytest.mark.parametrize("folder", DIRECTORS, ids=lambda folder: folder.name)
def test_every_recorded_answer_is_found_by_its_request(folder: Path) -> None:
    kernel = ReplayedKernel(folder)
    for each in exchanges(folder):
        assert list(kernel.ask(each.asked())) == each.replies()


def test_a_request_that_is_not_recorded_is_an_error_naming_file_and_request() -> None:
    request = Request(_ipvs_family(), GET_DEST, b"\xab\xcd", dump=True)
    with pytest.raises(NetlinkError, match=rf"small/netlink\.jsonl: .* {GET_DEST} .* abcd"):
        list(ReplayedKernel(SMALL).ask(request))


def test_a_recording_without_netlink_still_has_its_files(recording: Path) -> None:
    (recording / "netlink.jsonl").unlink()
    kernel = ReplayedKernel(recording)
    assert "Total Incoming" in kernel.read("self/net/ip_vs_stats")
    with pytest.raises(NetlinkError, match="no answer to command 3"):
        list(kernel.ask(netlink.family_request("nlctrl")))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SMALL, tmp_path / "recording"))


def about(**values: object) -> str:
    return json.dumps(
        {"lvs-agent recording": 1, "byteorder": sys.byteorder, "kernel": "6.1", **values}
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "recording.json: .*line 1"),
        ('{\n "lvs-agent recording": 1,\n "byteorder": "lit', "recording.json: .*line 3"),
        ("[]", "recording.json: .*format None"),
        ("{}", "recording.json: .*format None"),
        (about(**{"lvs-agent recording": 2}), "recording.json: .*format 2, expected 1"),
        (about(byteorder="middle"), "recording.json: unknown byte order 'middle'"),
    ],
)
def test_damage_to_a_recordings_description_is_named(
    recording: Path, text: str, words: str
) -> None:
    (recording / "recording.json").write_text(text)
    with pytest.raises(RecordingError, match=words) as caught:
        ReplayedKernel(recording)
    assert str(recording) in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: shutil.rmtree(folder),
        lambda folder: (folder / "recording.json").unlink(),
        lambda folder: (folder / "recording.json").write_bytes(b"\xff\xfe{}"),
        lambda folder: (folder / "netlink.jsonl").write_bytes(b"\xff\xfe{}"),
        lambda folder: _turn_into_folder(folder / "netlink.jsonl"),
    ],
    ids=["no folder", "no description", "description no text", "no text", "a folder"],
)
def test_what_is_no_recording_is_one_error_naming_it(
    recording: Path, damage: Callable[[Path], object]
) -> None:
    damage(recording)
    with pytest.raises(RecordingError, match=str(recording)):
        ReplayedKernel(recording)


REQUEST = exchanges(SMALL)[0].request.hex()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "not json",
        "null",
        "17",
        "[]",
        "{}",
        f'{{"request": "{REQUEST}"}}',
        '{"replies": []}',
        '{"request": 5, "replies": []}',
        '{"request": "", "replies": []}',
        f'{{"request": "{REQUEST[:22]}", "replies": []}}',
        f'{{"request": "{REQUEST[:-1]}", "replies": []}}',
        f'{{"request": "{REQUEST}", "replies": null}}',
        f'{{"request": "{REQUEST}", "replies": 5}}',
        f'{{"request": "{REQUEST}", "replies": "1400"}}',
        f'{{"request": "{REQUEST}", "replies": ["140"]}}',
        f'{{"request": "{REQUEST}", "replies": ["14xx"]}}',
        f'{{"request": "{REQUEST}", "replies": [5]}}',
        f'{{"request": "{REQUEST}", "replies": ["14',
    ],
)
def test_a_damaged_line_is_one_error_naming_file_and_line(recording: Path, line: str) -> None:
    file = recording / "netlink.jsonl"
    lines = file.read_text().splitlines()
    lines[1] = line
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(RecordingError, match=r"netlink\.jsonl:2: \S") as caught:
        ReplayedKernel(recording)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_every_cut_of_a_recording_is_readable_or_an_error_with_the_line_it_is_in(
    recording: Path,
) -> None:
    file = recording / "netlink.jsonl"
    text = file.read_text()
    for cut in range(0, len(text), 7):
        file.write_text(text[:cut])
        number = text[:cut].count("\n") + 1
        if text[:cut].endswith("\n") or text[cut] == "\n" or cut == 0:
            ReplayedKernel(recording)
            continue
        with pytest.raises(RecordingError, match=rf"netlink\.jsonl:{number}: "):
            ReplayedKernel(recording)


def test_an_answer_without_its_end_is_an_error_after_what_there_is(recording: Path) -> None:
    file = recording / "netlink.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps({**e, "replies": e["replies"][:1]}) + "\n" for e in lines))
    (dump,) = [each for each in exchanges(SMALL) if each.command == GET_SERVICE]
    got: List[bytes] = []
    with pytest.raises(NetlinkError, match="truncated"):
        got.extend(ReplayedKernel(recording).ask(dump.asked()))
    assert got == dump.replies()


def _ipvs_family() -> int:
    return int(struct.unpack_from("=H", exchanges(SMALL)[0].request, 4)[0])


def _turn_into_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()
