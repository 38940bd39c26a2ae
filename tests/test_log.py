# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages to syslog, and a syslog that hangs."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest

from lvs_agent import log


@pytest.mark.timeout(20)
def test_a_syslog_that_hangs_costs_messages_and_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "SYSLOG", str(tmp_path / "syslog"))
    monkeypatch.setattr(logging, "raiseExceptions", False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.setblocking(False)
        syslog.bind(log.SYSLOG)
        handler = log._syslog()
        for number in range(10_000):
            handler.emit(logging.makeLogRecord({"msg": f"message {number}"}))
        received = 0
        while _reads(syslog) == f"message {received}":
            received += 1
        assert 0 < received < 10_000
        handler.emit(logging.makeLogRecord({"msg": "there is room again"}))
        assert _reads(syslog) == "there is room again"
        handler.close()


def _reads(syslog: socket.socket) -> str:
    """Return the text of the next message; "" if there is none."""
    try:
        return syslog.recv(1000).decode().partition(">")[2].rstrip("\0")
    except BlockingIOError:
        return ""
