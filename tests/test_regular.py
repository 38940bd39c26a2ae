# SPDX-License-Identifier: GPL-3.0-or-later
"""Only regular files are read; others are opened with O_PATH at most."""

from __future__ import annotations

import errno
import os
import re
import socket
from pathlib import Path

import pytest

from lvs_agent import regular

pytestmark = pytest.mark.timeout(20)


def refusal(path: Path) -> OSError:
    with pytest.raises(OSError, match=re.escape(str(path))) as raised:
        regular.read(path, 100)
    return raised.value


def test_a_file_and_a_link_to_it(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(bytes(range(256)))
    link.symlink_to(file)
    assert regular.read(file) == regular.read(link) == bytes(range(256))
    assert regular.read(Path("/proc/self/comm")) == Path("/proc/self/comm").read_bytes()


def test_a_file_of_more_than_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(100))
    assert regular.read(file, 100) == bytes(100)
    os.truncate(file, 1 << 40)
    assert refusal(file).errno == errno.EFBIG


def test_a_fifo_a_socket_a_folder_and_devices(tmp_path: Path) -> None:
    fifo, sock = tmp_path / "fifo", tmp_path / "sock"
    os.mkfifo(fifo)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(sock))
        for path in (fifo, sock, tmp_path, Path("/dev/zero"), Path("/dev/tty")):
            assert refusal(path).strerror == "not a regular file"


def test_appending_to_a_file_a_new_one_and_where_a_link_leads(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to(file)
    for path in (link, link, file):
        with open(regular.append(path), "w") as opened:
            opened.write("line\n")
    assert file.read_text() == "line\n" * 3


def test_appending_to_a_fifo_a_folder_and_devices(tmp_path: Path) -> None:
    fifo, link = tmp_path / "fifo", tmp_path / "link"
    os.mkfifo(fifo)
    link.symlink_to("/dev/full")
    for path in (fifo, link, tmp_path, Path("/dev/null"), Path("/dev/tty")):
        with pytest.raises(OSError, match=f"not a regular file: '{re.escape(str(path))}'"):
            regular.append(path)


def test_what_is_not_there_or_closed(tmp_path: Path) -> None:
    assert isinstance(refusal(tmp_path / "none"), FileNotFoundError)


def test_a_link_of_another_user(tmp_path: Path) -> None:
    file, link, first = tmp_path / "file", tmp_path / "link", tmp_path / "first"
    file.write_text("secret")
    link.symlink_to("file")
    first.symlink_to("link")
    assert regular.read(first) == b"secret"
    os.chown(link, 65534, 65534, follow_symlinks=False)
    with pytest.raises(OSError, match="a link of another user") as raised:
        regular.read(first)
    assert not isinstance(raised.value, PermissionError)
    link.unlink()
    link.symlink_to("first")
    with pytest.raises(OSError, match="not a regular file"):
        regular.read(first)


def test_a_link_that_is_put_in_place_of_a_new_file_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a user who may write the folder, once the file was seen to be missing."""
    log, target = tmp_path / "log", tmp_path / "target"
    place = regular._place

    def slow(path: Path, links: int) -> int:
        try:
            return place(path, links)
        except FileNotFoundError:
            log.symlink_to(target)
            raise

    monkeypatch.setattr(regular, "_place", slow)
    with pytest.raises(FileExistsError):
        os.close(regular.append(log))
    assert not target.exists()
