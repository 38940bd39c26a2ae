# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings of the running kernel."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Callable, List, Tuple

import pytest

from lvs_agent.kernel import netlink
from lvs_agent.kernel.netlink import Request
from lvs_agent.kernel.recording import RecordingKernel, ReplayedKernel

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
