# SPDX-License-Identifier: GPL-3.0-or-later
"""snmpd's pass_persist protocol (snmpd.conf(5)), based on the class of package snmp-passpersist.

That class provides the dialogue and its words. The defects of its version 2.1.0 are overridden,
each with a test: it compares OIDs as text, ends a walk at a row that no longer exists, takes longer
to search larger tables, serves the largest Counter64 as 0, and gets out of step with snmpd after a
SET. Its updating thread is not used, since the values that it serves are one refresh old.
"""

from __future__ import annotations

import os
import re
import select
import socket
from typing import Any, Callable, Dict, List, Optional, Protocol, Sequence, Tuple, Union

import snmp_passpersist

from lvs_agent.mib import smi
from lvs_agent.mib.lookup import MibTree
from lvs_agent.mib.smi import Oid, Varbind, dotted

NONE = "NONE"
NOT_WRITABLE = snmp_passpersist.Error.NotWritable

GO_ON = b"PING\ngetnext\n"
COMMANDS = ("get", "getnext", "set")


def _string(value: str) -> str:
    # older versions of snmpd read past an empty string; no version reads past an empty octet
    return f"string\n{value}" if value else "octet\n"


# the protocol's words for a type and a value (snmpd.conf(5))
WORDS: Dict[smi.Type, Callable[[Any], str]] = {
    smi.Integer: "integer\n%d".__mod__,
    smi.Octets: lambda value: f"octet\n{value.hex(' ')}",
    smi.Text: _string,
    smi.Address: "ipaddress\n%s".__mod__,
    smi.Count32: "counter\n%d".__mod__,
    smi.Gauge: "gauge\n%d".__mod__,
    smi.Ticks: "timeticks\n%d".__mod__,
    smi.Count64: "counter64\n%d".__mod__,
}

RECEIVE_BYTES = 4096
# The longest line that snmpd writes is the value of a SET: some thousand bytes.
MAX_LINE_BYTES = 1 << 16

_OID = re.compile(r"\.?\d{1,10}(\.\d{1,10})*")


class Backend(Protocol):
    """The source of the responder's answers."""

    def tree(self) -> MibTree:
        """Return the objects to answer the present request from."""

    def waiting(self) -> Sequence[socket.socket]:
        """Return the sockets to watch between requests."""

    def due(self) -> Optional[float]:
        """Return the seconds after which advance() is called at the latest, or None."""

    def advance(self) -> None:
        """Handle what has arrived or is due, without waiting.

        Called when a watched socket is readable or the time is over, and after answers while there
        is anything to wait for.
        """


class PassPersist(snmp_passpersist.PassPersist):  # type: ignore[misc]
    """The dialogue with snmpd over two file descriptors, until read_fd ends.

    With early_pong, each reply is followed by the PONG to the next PING. snmpd reads through a
    buffer and finds it there, which saves a round trip for each request. snmpd sees no
    difference: each PING has one PONG, and a reply is never sent before its request.
    """

    def __init__(
        self,
        base: Oid,
        backend: Backend,
        read_fd: int = 0,
        write_fd: int = 1,
        early_pong: bool = False,
    ) -> None:
        super().__init__("." + dotted(base))
        self._base = base
        self._backend = backend
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._early_pong = early_pong
        # True if the PONG to the next PING has been sent
        self._ponged = False
        # input that is not handled yet: whole lines, and the beginning of one
        self._lines: List[bytes] = []
        self._rest = b""
        # the command whose OID comes next, or ""
        self._command = ""
        # True while input is dropped, up to the next PING
        self._skipping = False

    def run(self) -> None:
        """Answer until snmpd closes the pipe. Raises OSError if a reply can't be written."""
        try:
            while True:
                self.main_passpersist()
        except (EOFError, BrokenPipeError):
            return

    def main_passpersist(self) -> None:
        """Wait for input and handle it. Raises EOFError when snmpd has closed the pipe."""
        waiting, due = self._backend.waiting(), self._backend.due()
        idle = not waiting and due is None
        # with nothing else to wait for, read() alone can wait, which saves the 1 µs of a poll()
        if idle or self._read_fd in _readable(due, self._read_fd, *waiting):
            data = os.read(self._read_fd, RECEIVE_BYTES)
            if not data:
                raise EOFError
            if not (self._ponged and self._take_walk(data)):
                self._take_requests(data)
        if not idle:
            self._backend.advance()

    def get(self, oid: Oid) -> str:
        """Return the reply to a get of an OID, which is relative to the base."""
        return self._reply(self._backend.tree().get(oid))

    def get_next(self, oid: Oid) -> str:
        """Return the reply to a getnext of an OID relative to the base, which need not exist."""
        return self._reply(self._backend.tree().get_next(oid))

    def cut_oid(self, full_oid: str) -> Optional[Oid]:
        """Return an OID without the base, compared as numbers; None if it is not at or below it."""
        oid = _parsed(full_oid)
        length = len(self._base)
        return oid[length:] if oid is not None and oid[:length] == self._base else None

    def _reply(self, varbind: Optional[Varbind]) -> str:
        if varbind is None:
            return NONE
        return f"{self.base_oid}{varbind.oid}\n{WORDS[varbind.type](varbind.value)}"

    def _take_walk(self, data: bytes) -> bool:
        """Answer the next request of a walk, if data is exactly that; return True if so.

        Handling its lines one by one would cost 0.6 µs of an answer's 4.
        """
        if not data.startswith(GO_ON) or data[-1:] != b"\n" or self._rest or self._command:
            return False
        reply = self._go_on(data[len(GO_ON) : -1].decode("ascii", "replace"))
        if reply is not None:
            self._ponged = self._skipping = False
            self._say(reply)
        return reply is not None

    def _take_requests(self, data: bytes) -> None:
        *self._lines, self._rest = (self._rest + data).split(b"\n")
        while self._lines:
            self._take(self._lines.pop(0).decode("ascii", "replace"))
        if len(self._rest) > MAX_LINE_BYTES:
            self._rest, self._command, self._skipping = b"", "", True

    def _take(self, line: str) -> None:
        if self._command:
            command, self._command = self._command, ""
            self._answer(command, line)
        elif line == "PING" or (self._skipping and line.endswith("PING")):
            self._skipping = False
            self._pong()
        elif self._skipping:
            pass
        elif line in COMMANDS:
            self._command = line
        elif line:
            self._say(NONE)

    def _answer(self, command: str, line: str) -> None:
        if command == "getnext":
            self._say(self._go_on(line) or self._search(line))
        elif command == "get":
            oid = self.cut_oid(line)
            self._say(NONE if oid is None else self.get(oid))
        else:
            # Up to 5.9.3 snmpd ends the value with an empty line, later without a newline, so don't
            # wait for one: drop what has arrived, and what arrives before the next PING.
            self._drain()
            self._lines, self._rest, self._skipping = [], b"", True
            self._say(NOT_WRITABLE)

    def _go_on(self, line: str) -> Optional[str]:
        """Return the reply to a getnext of the last OID answered in a walk; None for another."""
        if not line.startswith(self.base_oid):
            return None
        varbind = self._backend.tree().go_on(line[len(self.base_oid) :])
        return None if varbind is None else self._reply(varbind)

    def _search(self, line: str) -> str:
        """Return the reply to any getnext."""
        oid = _parsed(line)
        if oid is None:
            return NONE
        if oid < self._base:
            return self.get_next(())
        oid = self.cut_oid(line)
        return NONE if oid is None else self.get_next(oid)

    def _drain(self) -> None:
        read_fd = self._read_fd
        while select.select([read_fd], [], [], 0)[0] and os.read(read_fd, RECEIVE_BYTES):
            pass

    def _pong(self) -> None:
        if self._ponged:
            self._ponged = False
        else:
            self._write("PONG\n")

    def _say(self, reply: str) -> None:
        if self._early_pong and not self._ponged:
            self._ponged = True
            self._write(f"{reply}\nPONG\n")
        else:
            self._write(f"{reply}\n")

    def _write(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self._write_fd, data) :]


def _readable(seconds: Optional[float], *watched: Union[int, socket.socket]) -> List[int]:
    """Wait, for ever if seconds is None; return the descriptors that are readable or at an end."""
    poll = select.poll()  # select(2) has no room for descriptors from 1024 on
    for each in watched:
        poll.register(each, select.POLLIN)
    return [fd for fd, _events in poll.poll(None if seconds is None else seconds * 1000)]


def _parsed(text: str) -> Optional[Tuple[int, ...]]:
    if not _OID.fullmatch(text):
        return None
    return tuple(int(part) for part in text.lstrip(".").split("."))
