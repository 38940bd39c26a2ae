# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries that the journal receives, at a socket in its place."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Dict, Iterator

import pytest

from lvs_agent.watch.events import Change, Event, Kind
from lvs_agent.watch.journal import Journal

EVENT = Event(
    Change(Kind.SERVER_DOWN, "TCP 192.0.2.1:80", "10.0.0.2:80"),
    "TCP 192.0.2.1:80 -> 10.0.0.2:80 (web 2) is down, 1 of 2 real servers up",
    4,
    "web 2",
    2,
    1,
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "journal"))
        listening.setblocking(False)
        yield listening


def parsed(data: bytes) -> Dict[str, str]:
    """Return the fields of an entry, as systemd's JOURNAL_NATIVE_PROTOCOL describes them."""
    found = {}
    while data:
        head, _, data = data.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if not equals:
            length = int.from_bytes(data[:8], "little")
            value, end, data = (
                data[8 : 8 + length],
                data[8 + length : 9 + length],
                data[9 + length :],
            )
            assert end == b"\n"
        found[name.decode()] = value.decode()
    return found


def test_an_event_has_fields(journal: socket.socket, tmp_path: Path) -> None:
    Journal(tmp_path / "journal").tell(EVENT)
    assert parsed(journal.recv(65536)) == {
        "SYSLOG_IDENTIFIER": "lvs-agent",
        "PRIORITY": "4",
        "MESSAGE": EVENT.text,
        "LVS_EVENT": "server-down",
        "LVS_SERVICE": "TCP 192.0.2.1:80",
        "LVS_SERVER": "10.0.0.2:80",
        "LVS_ALIAS": "web 2",
        "LVS_SERVERS": "2",
        "LVS_SERVERS_UP": "1",
    }


def test_fields_without_a_value_are_left_out(journal: socket.socket, tmp_path: Path) -> None:
    Journal(tmp_path / "journal").tell(Event(Change(Kind.SUMMARY), "2 services lost", 3))
    assert list(parsed(journal.recv(65536))) == [
        *("SYSLOG_IDENTIFIER", "PRIORITY", "MESSAGE", "LVS_EVENT")
    ]


def test_a_newline_adds_no_field(journal: socket.socket, tmp_path: Path) -> None:
    alias = "web\nPRIORITY=0\n\ud800"
    Journal(tmp_path / "journal").tell(Event(EVENT.change, EVENT.text, 4, alias))
    found = parsed(journal.recv(65536))
    assert (found["PRIORITY"], found["LVS_ALIAS"]) == ("4", alias.replace("\ud800", "?"))


def test_without_a_journal_it_is_a_line_on_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Journal(tmp_path / "journal").tell(Event(EVENT.change, "a\nb", 4))
    assert capfd.readouterr() == ("", "lvs-agent: a\\nb\n")


def test_a_journal_that_reads_nothing_is_not_waited_for(
    journal: socket.socket, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                sender.sendto(b"", str(tmp_path / "journal"))
    Journal(tmp_path / "journal").tell(EVENT)
    assert capfd.readouterr().err == f"lvs-agent: {EVENT.text}\n"


@pytest.mark.parametrize("there", [True, False])
def test_stderr_that_is_the_journal_does_not_get_it_twice(
    there: bool,
    journal: socket.socket,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
    Journal(tmp_path / ("journal" if there else "none")).tell(EVENT)
    assert bool(capfd.readouterr().err) is not there
