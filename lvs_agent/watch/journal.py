# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of systemd, by its native protocol, in which entries have fields.

Source: JOURNAL_NATIVE_PROTOCOL and sd_journal_print(3) of systemd.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from pathlib import Path
from typing import Dict

from lvs_agent.errors import printable
from lvs_agent.watch.events import Event

SOCKET = Path("/run/systemd/journal/socket")
SECONDS = 1.0  # to wait for a journal whose queue is full


class Journal:
    """Writes events to the journal, and to stderr unless that is the journal, too."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def tell(self, event: Event) -> None:
        """Write an event. It is in the journal, or on stderr, when this returns."""
        if not self._send(fields(event)) or not _stderr_is_journal():
            print(f"lvs-agent: {printable(event.text)}", file=sys.stderr, flush=True)

    def _send(self, entry: Dict[str, str]) -> bool:
        """Send an entry, and return whether the journal took it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(SECONDS)
            try:
                sender.sendto(b"".join(map(_field, *zip(*entry.items()))), os.fspath(self._path))
            except OSError:
                return False
        return True


def fields(event: Event) -> Dict[str, str]:
    """Return the journal's fields of an event."""
    change = event.change
    counts = {"LVS_SERVERS": event.servers, "LVS_SERVERS_UP": event.up}
    names = {
        "LVS_SERVICE": change.service,
        "LVS_SERVER": change.server,
        "LVS_ALIAS": event.alias,
        **{name: str(count) for name, count in counts.items() if count is not None},
    }
    return {
        "SYSLOG_IDENTIFIER": "lvs-agent",
        "PRIORITY": str(event.priority),
        "MESSAGE": event.text,
        "LVS_EVENT": change.kind.value,
        **{name: value for name, value in names.items() if value},
    }


def _field(name: str, value: str) -> bytes:
    """Return a field as NAME=VALUE, or with the value's length if it has several lines."""
    data = value.encode("utf-8", "replace")
    if b"\n" in data:
        return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
    return name.encode() + b"=" + data + b"\n"


def _stderr_is_journal() -> bool:
    # $JOURNAL_STREAM of systemd.exec(5)
    found = os.fstat(2)
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
