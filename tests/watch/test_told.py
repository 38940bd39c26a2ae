# SPDX-License-Identifier: GPL-3.0-or-later
"""reported.json over restarts, and with any other content or file in its place."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any, Callable, Dict

import pytest

from lvs_agent import regular
from lvs_agent.codes import Status
from lvs_agent.errors import CommandError
from lvs_agent.watch.events import Change, Kind
from lvs_agent.watch.told import MAX_WAITING, Told, ToldFile, decode, encode

OID = ".1.3.6.1.4.1.8225.4711.0.9"
TRAP = [OID, ".1.3.6.1.4.1.8225.4711.26.3.0", "s", 'with "quotes", \u00e9 and \n']


def some() -> Told:
    return Told(
        Status.NO_IPVS,
        {Change(Kind.SERVICE_DOWN, "FWM 5"), Change(Kind.SERVER_LOST, "FWM 5", "[2001:db8::1]:0")},
        [[OID], TRAP],
        3,
    )


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    with ToldFile(tmp_path / "state") as file:
        assert file.load() == Told()
        file.save(some())
        assert file.load() == some()
    assert (tmp_path / "state" / "reported.json").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in (tmp_path / "state").iterdir()] == ["reported.json"]


def test_the_same_is_not_saved_twice(tmp_path: Path) -> None:
    with ToldFile(tmp_path) as file:
        file.save(some())
        before = (tmp_path / "reported.json").stat()
        file.save(some())
        assert (tmp_path / "reported.json").stat() == before
        file.save(Told())
        assert (tmp_path / "reported.json").stat().st_ino != before.st_ino


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with ToldFile(tmp_path), pytest.raises(CommandError, match="in use by another"):
        ToldFile(tmp_path)
    with ToldFile(tmp_path):
        pass


def test_no_other_user_can_lock_the_folder(tmp_path: Path) -> None:
    with ToldFile(tmp_path / "state"):
        assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_folder_of_another_user(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(CommandError, match="belongs to another user"):
        ToldFile(tmp_path)


def changed(**values: Any) -> bytes:
    content: Dict[str, Any] = json.loads(encode(some()))
    return json.dumps({**content, **{k.replace("_", " "): v for k, v in values.items()}}).encode()


DAMAGED = [
    b"",
    b"[]",
    b"\xff\xfe",
    b"[" * 100000,
    encode(some())[:-20],
    json.dumps({**json.loads(encode(some())), "lvs-agent reported": 2}).encode(),
    changed(status="1"),
    changed(status=99),
    changed(status=None),
    changed(conditions={}),
    changed(conditions=[["service-down", "FWM 5"]]),
    changed(conditions=[["service-up", "FWM 5", ""]]),
    changed(conditions=[["service-down", 5, ""]]),
    changed(conditions=[[[], "FWM 5", ""]]),
    changed(waiting=None),
    changed(waiting=[[OID]] * (MAX_WAITING + 1)),
    changed(waiting=[[]]),
    changed(waiting=[["-h"]]),
    changed(waiting=[[OID, OID, "s"]]),
    changed(waiting=[[OID, OID, "o", OID]]),
    changed(waiting=[[OID, OID, "s", "\0"]]),
    changed(waiting=[[OID, OID, "s", "x" * 1001]]),
    changed(waiting=[[OID, OID, "s", 5]]),
    changed(left_out="3"),
]


@pytest.mark.parametrize("data", DAMAGED)
def test_a_damaged_file_is_moved_away_and_all_is_told_again(
    data: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "reported.json").write_bytes(data)
    for said in (1, 1):
        with ToldFile(tmp_path) as file, caplog.at_level(logging.ERROR, "lvs_agent"):
            assert file.load() == Told()
        assert len(caplog.records) == said
    assert (tmp_path / "reported.damaged").read_bytes() == data


def test_only_a_damaged_file_is_damaged() -> None:
    """The cases above fail only for the reason in their names."""
    assert decode(changed()) == some()


def fifo(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def link_of_another(path: Path) -> None:
    path.with_name("target").write_bytes(encode(some()))
    path.symlink_to("target")
    os.chown(path, 65534, 65534, follow_symlinks=False)


def huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("put", [fifo, device, link_of_another, huge])
def test_anything_else_in_its_place_is_moved_away(
    put: Callable[[Path], None], tmp_path: Path
) -> None:
    put(tmp_path / "reported.json")
    with ToldFile(tmp_path) as file:
        assert file.load() == Told()
        file.save(some())
        assert file.load() == some()
    assert (tmp_path / "reported.damaged").exists() or (tmp_path / "reported.damaged").is_symlink()


def test_a_file_that_can_not_be_saved_is_reported_once_and_saved_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ToldFile(tmp_path / "state") as file:
        (tmp_path / "state" / "reported.new").mkdir()  # in the place of the new file
        for _ in range(3):
            file.save(some())
        (record,) = caplog.records
        assert "cannot save" in record.message
        (tmp_path / "state" / "reported.new").rmdir()
        file.save(some())
        assert file.load() == some()


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert regular.replace(path, [b"old"]) == 3

    def fails() -> Any:
        yield b"new"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        regular.replace(path, fails())
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("file", b"old")]
