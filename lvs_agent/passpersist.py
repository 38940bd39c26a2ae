# SPDX-License-Identifier: GPL-3.0-or-later
"""snmpd's pass_persist protocol (snmpd.conf(5)), on the class of the snmp-passpersist package.

Its class brings the dialogue and its words; what is overridden here is what version 2.1.0 does
wrong (each has a test): OIDs compared as text, getnext of a row that has gone ending the walk,
a search that grows with the table, the largest Counter64 as 0, the stream out of step after a
SET. Its updating thread is not used: what it serves is a refresh old.
"""

from __future__ import annotations

import os
import re
import select
import socket
from typing import List, Optional, Protocol, Sequence, Tuple, Union

import snmp_passpersist

from lvs_agent.smi import Oid, Varbind, View, dotted

NONE = "NONE"
NOT_WRITABLE = snmp_passpersist.Error.NotWritable

# The longest that snmpd writes is the value of a SET, some thousand bytes.
MAX_LINE_BYTES = 1 << 16

_OID = re.compile(r"\.?\d{1,10}(\.\d{1,10})*")


class Backend(Protocol):
    """What the responder answers from."""

    def view(self) -> View:
        """The objects as they are for this request."""

    def waiting(self) -> Sequence[socket.socket]:
        """What to watch between requests."""

    def advance(self) -> None:
        """Called when something watched is ready, and after each answer; must not wait."""


class PassPersist(snmp_passpersist.PassPersist):  # type: ignore[misc]
    """Answers snmpd at two file descriptors until the first ends."""

    def __init__(self, base: Oid, backend: Backend, read_fd: int = 0, write_fd: int = 1) -> None:
        super().__init__("." + dotted(base))
        self._base = base
        self._backend = backend
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._buffer = b""
        self._command = ""
        self._skipping = False

    def run(self) -> None:
        """Answer until snmpd closes the pipe. Raises OSError if a reply can't be written."""
        try:
            while True:
                self.main_passpersist()
        except (EOFError, BrokenPipeError):
            return

    def main_passpersist(self) -> None:
        """Wait for something to do, and do it. Raises EOFError when snmpd is gone."""
        watched: List[Union[int, socket.socket]] = [self._read_fd, *self._backend.waiting()]
        ready = select.select(watched, [], [])[0]
        if self._read_fd in ready:
            data = os.read(self._read_fd, 65536)
            if not data:
                raise EOFError
            self._buffer += data
            self._take_requests()
        self._backend.advance()

    def get(self, oid: Oid) -> str:
        """The reply to a get of an OID below the base."""
        return self._reply(self._backend.view().get(oid))

    def get_next(self, oid: Oid) -> str:
        """The reply to a getnext of an OID below the base, whether or not it exists."""
        return self._reply(self._backend.view().get_next(oid))

    def cut_oid(self, full_oid: str) -> Optional[Oid]:
        """An OID without the base, compared as numbers; None if it is not at or below it."""
        oid = _parsed(full_oid)
        length = len(self._base)
        return oid[length:] if oid is not None and oid[:length] == self._base else None

    def _reply(self, varbind: Optional[Varbind]) -> str:
        if varbind is None:
            return NONE
        oid, keyword, value = varbind
        return f"{self.base_oid}{dotted(oid)}\n{keyword}\n{value}"

    def _take_requests(self) -> None:
        while b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            self._take(line.decode("ascii", "replace").strip())
        if len(self._buffer) > MAX_LINE_BYTES:
            self._buffer, self._command, self._skipping = b"", "", True

    def _take(self, line: str) -> None:
        if self._skipping and not line.endswith("PING"):
            return
        line = "PING" if self._skipping else line
        self._skipping = False
        if self._command:
            command, self._command = self._command, ""
            self._answer(command, line)
        elif line == "PING":
            self._say("PONG")
        elif line in ("get", "getnext", "set"):
            self._command = line
        elif line:
            self._say(NONE)

    def _answer(self, command: str, line: str) -> None:
        if command == "set":
            # Up to 5.9.3 snmpd ends the value with an empty line, later with none at all, so
            # nothing may wait for it: what has come is dropped, and what comes until a PING.
            self._drain()
            self._buffer, self._skipping = b"", True
            self._say(NOT_WRITABLE)
            return
        oid = self.cut_oid(line)
        if command == "get":
            self._say(NONE if oid is None else self.get(oid))
        elif oid is None and self._before_base(line):
            self._say(self.get_next(()))
        else:
            self._say(NONE if oid is None else self.get_next(oid))

    def _before_base(self, line: str) -> bool:
        oid = _parsed(line)
        return oid is not None and oid < self._base

    def _drain(self) -> None:
        while select.select([self._read_fd], [], [], 0)[0] and os.read(self._read_fd, 65536):
            pass

    def _say(self, reply: str) -> None:
        data = reply.encode() + b"\n"
        while data:
            data = data[os.write(self._write_fd, data) :]


def _parsed(text: str) -> Optional[Tuple[int, ...]]:
    if not _OID.fullmatch(text):
        return None
    return tuple(int(part) for part in text.lstrip(".").split("."))
