# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings of the running kernel, and damaged recordings."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
from pathlib import Path
from typing import Callable, List, Tuple

import pytest

from lvs_agent.kernel import netlink
from lvs_agent.kernel.netlink import NetlinkError, Request
from lvs_agent.kernel.recording import RecordingError, RecordingKernel, ReplayedKernel
from tests.support.recorded import DIRECTORS, GET_DEST, GET_SERVICE, SMALL, exchanges

# Every kernel with generic netlink has this controller, and anyone may ask for it.
CONTROLLER = netlink.family_request("nlctrl")
ALL_FAMILIES = Request(netlink.GENL_ID_CTRL, netlink.CTRL_CMD_GETFAMILY, dump=True)


def test_a_recording_answers_as_the_kernel_did(tmp_path: Path) -> None:
    kernel = RecordingKernel()
    controller, families = list(kernel.ask(CONTROLLER)), list(kernel.ask(ALL_FAMILIES))
    release = kernel.read("sys/kernel/osrelease")
    with pytest.raises(FileNotFoundError):
        kernel.read("no/such/file")
    with pytest.raises(FileNotFoundError):
        list(kernel.ask(netlink.family_request("lvs-agent")))
    kernel.save(tmp_path / "new")
    kernel.close()

    replayed = ReplayedKernel(tmp_path / "new")
    for _ in range(2):
        assert list(replayed.ask(ALL_FAMILIES)) == families
        assert list(replayed.ask(CONTROLLER)) == controller
    assert len(families) > 1
    assert replayed.read("sys/kernel/osrelease") == release
    with pytest.raises(FileNotFoundError):
        replayed.read("no/such/file")
    with pytest.raises(FileNotFoundError):
        list(replayed.ask(netlink.family_request("lvs-agent")))


def test_a_recording_says_of_what_it_is(tmp_path: Path) -> None:
    RecordingKernel().save(tmp_path / "new")
    about = json.loads((tmp_path / "new" / "recording.json").read_text())
    assert about["kernel"] == Path("/proc/sys/kernel/osrelease").read_text().strip()
    assert about["byteorder"] == sys.byteorder
    assert about["taken"].endswith("Z")


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


@pytest.mark.parametrize("mask", [0, 0o022])
def test_other_users_cannot_enter_a_recording(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        RecordingKernel().save(tmp_path / "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def folder_with_a_file(path: Path) -> None:
    path.mkdir()
    (path / "recording.json").write_text("mine")


def empty_folder_of_another_user(path: Path) -> None:
    path.mkdir()
    os.chown(path, 65534, 65534)


def folder_with_a_link(path: Path) -> None:
    path.mkdir()
    (path / "recording.json").symlink_to(path.parent / "target")


def link_to_an_empty_folder(path: Path) -> None:
    (path.parent / "folder").mkdir()
    path.symlink_to(path.parent / "folder")


def link_to_nothing(path: Path) -> None:
    path.symlink_to(path.parent / "target")


@pytest.mark.parametrize(
    "there",
    [
        folder_with_a_file,
        empty_folder_of_another_user,
        folder_with_a_link,
        link_to_an_empty_folder,
        link_to_nothing,
    ],
)
def test_a_recording_is_not_written_where_anything_exists(
    tmp_path: Path, there: Callable[[Path], None]
) -> None:
    def tree() -> List[Tuple[Path, int]]:
        return [(path, path.lstat().st_mtime_ns) for path in sorted(tmp_path.rglob("*"))]

    there(tmp_path / "new")
    before = tree()
    with pytest.raises(FileExistsError, match=str(tmp_path / "new")):
        RecordingKernel().save(tmp_path / "new")
    assert tree() == before


# Exchanges each new folder, as soon as it exists, for another file (RENAME_EXCHANGE of rename(2)).
SWAP = """
import ctypes, sys
renameat2, at = ctypes.CDLL(None).renameat2, -100
for n in range(int(sys.argv[1])):
    new, other = f"new-{n}".encode(), f"other-{n}".encode()
    while renameat2(at, new, at, other, 2):
        pass
"""


@pytest.mark.parametrize("link", [True, False], ids=["link", "folder"])
def test_what_is_put_in_its_place_meanwhile_gets_nothing(tmp_path: Path, link: bool) -> None:
    """By a user who owns the folder above."""
    tries = 300
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    for n in range(tries):
        if link:
            (tmp_path / f"other-{n}").symlink_to(target)
        else:
            empty_folder_of_another_user(tmp_path / f"other-{n}")
    with subprocess.Popen([sys.executable, "-c", SWAP, str(tries)], cwd=tmp_path) as swapping:
        for n in range(tries):
            with contextlib.suppress(OSError):
                RecordingKernel().save(tmp_path / f"new-{n}")
    assert swapping.returncode == 0
    assert not list(target.iterdir())
    assert not list(tmp_path.glob("new-*/*"))


def test_a_folder_with_files_that_a_link_above_leads_to_gets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a user who exchanges the folder above, once the new folder is made."""
    above, private = tmp_path / "above", tmp_path / "root" / "new"
    above.mkdir()
    private.mkdir(parents=True, mode=0o700)
    (private / "file").touch()
    mkdir = Path.mkdir

    def slow(path: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        mkdir(path, mode, parents, exist_ok)
        if path == above / "new":
            above.rename(tmp_path / "moved")
            above.symlink_to(private.parent)

    monkeypatch.setattr(Path, "mkdir", slow)
    with pytest.raises(FileExistsError):
        RecordingKernel().save(above / "new")
    assert [each.name for each in private.iterdir()] == ["file"]


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
        list(kernel.ask(CONTROLLER))


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
        (about(byteorder="middle"), "recording.json: recorded on a middle-endian machine"),
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
    (recorded,) = [each for each in exchanges(SMALL) if each.command == GET_SERVICE]
    entry = {"request": recorded.request.hex(), "replies": [recorded.datagrams[0].hex()]}
    (recording / "netlink.jsonl").write_text(json.dumps(entry) + "\n")
    got: List[bytes] = []
    with pytest.raises(NetlinkError, match="truncated"):
        got.extend(ReplayedKernel(recording).ask(recorded.asked()))
    assert got == recorded.replies()


def _ipvs_family() -> int:
    return int(struct.unpack_from("=H", exchanges(SMALL)[0].request, 4)[0])


def _turn_into_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()
