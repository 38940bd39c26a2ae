# SPDX-License-Identifier: GPL-3.0-or-later
"""Notifications through a real agentxtrap and snmpd to a real snmptrapd."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Iterator, List

import pytest

from lvs_agent.codes import Status
from lvs_agent.stopping import StoppedError
from lvs_agent.watch import agentx
from lvs_agent.watch.agentx import AT_ONCE, AgentX
from lvs_agent.watch.notifying import summary
from lvs_agent.watch.told import MAX_WAITING, Told
from tests.support import traps
from tests.support.snmpd import Snmpd, configured
from tests.support.traps import Receiver

# as in Debian's snmpd.service: without the modules that would send other notifications
DEBIAN = ("-I", "-smux,mteTrigger,mteTriggerConf")
ENGINE = "0x8000000001020304"
USER = f"createUser -e {ENGINE} watch SHA authsecret AES privsecret"
V3 = f"trapsess -v3 -e {ENGINE} -l authPriv -u watch -a SHA -A authsecret -x AES -X privsecret"


class Sender:
    """A queue of notifications for the snmpd in a folder, and its saved states."""

    def __init__(self, folder: Path) -> None:
        self.told = Told()
        self.saved: List[Told] = []
        self.agentx = AgentX(self.told, self._save, f"unix:{folder / 'agentx'}")
        self.stop, self.stopper = socket.socketpair()

    def _save(self) -> None:
        self.saved.append(replace(self.told, waiting=[*self.told.waiting]))

    def add(self, *texts: str) -> None:
        self.agentx.add([summary(text, Status.OK) for text in texts])

    def send(self) -> None:
        self.agentx.send(self.stop)


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[Sender]:
    made = Sender(tmp_path)
    with made.stop, made.stopper:
        yield made


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with traps.receiver(tmp_path / "traps", USER) as running:
        yield running


@contextmanager
def snmpd(folder: Path, *sinks: str) -> Iterator[Snmpd]:
    """Run snmpd with these receivers and an AgentX socket in folder."""
    lines = ("rocommunity public 127.0.0.1", "master agentx", f"agentXSocket unix:{folder}/agentx")
    with configured(folder / "snmpd", *lines, *sinks, options=DEBIAN) as running:
        yield running


def test_each_version_and_informs_are_received(
    sender: Sender, receiver: Receiver, tmp_path: Path
) -> None:
    to = f"127.0.0.1:{receiver.port}"
    sinks = (f"trapsink {to} one", f"trap2sink {to} two", f"informsink {to} three", f"{V3} {to}")
    text = """29 services "down": it's $HOME; é \\ %s"""
    with snmpd(tmp_path, *sinks):
        sender.add(text)
        sender.send()
        lines = receiver.until(4)
    assert sender.told == Told()
    versions = ("TRAP, SNMP v1, community one", "TRAP2, SNMP v2c, community two")
    more = ("INFORM, SNMP v2c, community three", "TRAP2, SNMP v3, user watch")
    for version in (*versions, *more):
        (line,) = [line for line in lines if line.startswith(version)]
        assert "LVS-MIB::lvsNotifySummary" in line
        assert "LVS-MIB::lvsAgentStatus.0 = INTEGER: ok(1)" in line
        # snmptrapd prints text that is not ASCII as octets
        octets = line.partition("LVS-MIB::lvsNotifyText.0 = Hex-STRING: ")[2]
        assert bytes.fromhex(octets).decode() == text


def test_while_snmpd_is_away_they_wait_and_are_then_received_in_order_and_once(
    sender: Sender, receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lvs_agent")
    texts = [f"event {number}" for number in range(5)]
    for text in texts:
        sender.add(text)
        sender.send()
    assert len(sender.told.waiting) == 5
    with snmpd(tmp_path, f"trap2sink 127.0.0.1:{receiver.port} public"):
        sender.send()
        lines = receiver.until(5)
        sender.add("last")
        sender.send()
        lines = receiver.until(6)
    assert [line.rpartition("STRING: ")[2].strip('"') for line in lines] == [*texts, "last"]
    assert [len(each.waiting) for each in sender.saved] == [4, 3, 2, 1, 0, 0]
    waits, again = (record.message for record in caplog.records)
    assert waits.endswith("agentxtrap: Failed to connect to AgentX server")
    assert again == "snmpd accepts notifications again"


def test_a_full_queue_ends_in_a_summary(
    sender: Sender, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agentx, "MAX_WAITING", 3)
    sender.add("1", "2")
    sender.add("3", "4", "5")
    with snmpd(tmp_path, f"trap2sink 127.0.0.1:{receiver.port} public"):
        with monkeypatch.context() as now:
            now.setattr(agentx, "AT_ONCE", 1)
            sender.send()
        sender.add("6")  # there is room, but it must not overtake
        assert len(sender.told.waiting) == 2
        sender.send()
        lines = receiver.until(4)
        assert [line[-3:] for line in lines[:3]] == ['"1"', '"2"', '"3"']
        assert '"3 more events; see journalctl -t lvs-agent on the director"' in lines[3]
        sender.add("7")
        sender.send()
        assert receiver.until(5)[4].endswith('"7"')
    assert sender.told == Told()
    assert MAX_WAITING == 1000


def test_a_limited_number_is_sent_after_each_look(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with snmpd(tmp_path):
        sender.add(*map(str, range(AT_ONCE + 2)))
        sender.send()
        assert len(sender.told.waiting) == 2


def test_an_snmpd_that_hangs_is_not_waited_for(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """agentxtrap itself waits for one second. The next test has one that does not end."""
    with snmpd(tmp_path) as running:
        sender.add("1")
        os.kill(running.pid, signal.SIGSTOP)
        try:
            sender.send()
        finally:
            os.kill(running.pid, signal.SIGCONT)
        assert len(sender.told.waiting) == 1
        sender.send()
        assert sender.told.waiting == []


def program(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace agentxtrap by a shell script."""
    folder.mkdir()
    (folder / agentx.PROGRAM).write_text(f"#!/bin/sh\n{text}\n")
    (folder / agentx.PROGRAM).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo $$ > {pid}; exec sleep 1000", "did not end"),
        ("echo $$ > {pid}; exec 2>&-; exec sleep 1000", "does not end"),
        ("exit 7", "agentxtrap: exit status 7"),
        ("echo first >&2; echo last >&2; exit 1", "agentxtrap: last"),
        ("yes >&2", "did not end"),
    ],
)
def test_a_program_that_hangs_or_fails(
    text: str,
    said: str,
    sender: Sender,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(agentx, "SECONDS", 0.5)
    program(tmp_path / "bin", text.format(pid=tmp_path / "pid"), monkeypatch)
    sender.add("1")
    sender.send()
    assert len(sender.told.waiting) == 1
    assert said in caplog.text
    if (tmp_path / "pid").exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_signal_ends_a_program_that_hangs(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", f"echo $$ > {tmp_path}/pid; exec sleep 1000", monkeypatch)
    sender.add("1")
    sender.stopper.send(b"\x0f")
    began = time.monotonic()
    with pytest.raises(StoppedError):
        sender.send()
    assert time.monotonic() - began < agentx.SECONDS
    if (tmp_path / "pid").exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)


def test_without_the_program_nothing_waits_and_it_is_said_once(
    sender: Sender,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for text in ("1", "2"):
        sender.add(text)
        sender.send()
    (record,) = caplog.records
    assert "agentxtrap is not installed" in record.message
    assert sender.told == Told()
