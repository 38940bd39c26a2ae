# SPDX-License-Identifier: GPL-3.0-or-later
"""The input from snmpd: requests, and anything else between them."""

from __future__ import annotations

import os
import re
import select
from typing import List, Optional, Tuple

from lvs_agent.mib.lookup import MibTree
from lvs_agent.mib.smi import Column, Counter64, Index, Integer32, SnmpAdminString, Table, at
from lvs_agent.responder.passpersist import MAX_LINE_BYTES, RECEIVE_BYTES, PassPersist
from tests.fuzz.choices import Choices
from tests.fuzz.served import Backend

BASE = (1, 3, 6, 1, 3, 99)
ROWS = {(1,): "one", (2,): "two", (10,): "ten", (10, 0): "more"}


class _Row:
    def __init__(self, name: str) -> None:
        self.name = name
        self.value = len(name) << 62


TABLE = Table(
    (1,),
    "table",
    "entry",
    [Index(1, "index", Integer32)],
    lambda rows: [(instance, _Row(name)) for instance, name in rows.items()],
    [
        Column(2, "name", SnmpAdminString, at("name")),
        Column(3, "value", Counter64, at("value")),
    ],
)

OIDS = [
    f".1.3.6.1.3.99{rest}" for rest in ("", ".1", ".1.1.2", ".1.1.2.1", ".1.1.3.10", ".1.1.3.9")
]
OIDS += [".1", ".1.3.6.1.3.100", ".1.3.6.1.3.999.1", "", ".", "1.3.6.1.3.99.1.1.2.2", ".1..2", "x"]
OIDS += [".1.3.6.1.3.99" + ".4294967295" * 120, ".1.3.6.1.3.99.1.1.2." + "9" * 11, " .1.3.6.1.3.99"]
LINES = ["PING", "get", "getnext", "set", "PONG", "NONE", "", " ", "getPING", "GET", "ping", "\r"]
VALUES = ["integer 5", "string PING", 'string "a\nPING\nget\nb"', "", "\0", "octet 00 0A", "PING "]

PIPE_BYTES = 65536  # the capacity of a pipe, pipe(7)

_OID = re.compile(r"\.?[0-9]{1,10}(\.[0-9]{1,10})*")


def check(data: bytes) -> None:
    """Check portions of requests and other data: the answers must be exactly those of the model."""
    choices = Choices(data)
    portions = _portions(choices)
    early_pong = bool(choices.below(2))
    pipe = _Pipe(early_pong)
    try:
        model = Model(early_pong)
        for portion in portions:
            said = pipe.say(portion)
            owed = model.take(portion)
            assert said == owed, f"after {portion!r}: answered {said!r}, expected {owed!r}"
        # this ends any unfinished line and command; then the next request is answered
        pipe.say(b"\n")
        pipe.say(b"PING\n")
        pipe.say(b"PING\n")
        early, late = (b"PONG\n", b"") if early_pong else (b"", b"PONG\n")
        assert pipe.say(b"PING\n") == b"PONG\n"
        ten = b".1.3.6.1.3.99.1.1.2.10\n"
        assert pipe.say(b"get\n" + ten) == ten + b"string\nten\n" + early
        assert pipe.say(b"PING\n") == late
        assert pipe.say(b"getnext\n.1.3.6.1.3.99.1.1.3.10.0\n") == b"NONE\n" + early
    finally:
        pipe.close()


def _portions(choices: Choices) -> List[bytes]:
    text = ""
    for _ in range(choices.below(12)):
        what = choices.below(8)
        if what < 3:
            text += f"PING\n{choices.pick(['get', 'getnext'])}\n{choices.pick(OIDS)}\n"
        elif what == 3:
            text += f"PING\nset\n{choices.pick(OIDS)}\n{choices.pick(VALUES)}" + choices.pick(
                ["\n", ""]
            )
        elif what == 4:
            text += choices.pick(LINES) + choices.pick(["\n", "", "\r\n"])
        elif what == 5:
            text += choices.pick(OIDS) + "\n"
        elif what == 6:
            text += choices.take(choices.below(32)).decode("latin-1")
        else:
            text += "." * choices.pick([100, 65536, 70000])
    return [portion for portion in choices.cut(text.encode("latin-1")) if portion]


class _Pipe:
    """A responder and the other ends of its two pipes, in this thread."""

    def __init__(self, early_pong: bool) -> None:
        read_fd, self._to = os.pipe()
        self._from, write_fd = os.pipe()
        self._read_fd = read_fd
        self._fds = [read_fd, self._to, self._from, write_fd]
        os.set_blocking(self._from, False)
        os.set_blocking(self._to, False)
        backend = Backend(MibTree([], [TABLE], ROWS, 0.0))
        self._responder = PassPersist(BASE, backend, read_fd, write_fd, early_pong)

    def say(self, data: bytes) -> bytes:
        """Write data, at most 64 KiB at a time; return what is answered."""
        said = b""
        while data:
            taken = os.write(self._to, data[:PIPE_BYTES])
            data = data[taken:]
            while select.select([self._read_fd], [], [], 0)[0]:
                self._responder.main_passpersist()
            try:
                while True:
                    said += os.read(self._from, 65536)
            except BlockingIOError:
                continue
        return said

    def close(self) -> None:
        for fd in self._fds:
            os.close(fd)


class Model:
    """The expected answers, by snmpd.conf(5) and pass_persist.c, line by line."""

    def __init__(self, early_pong: bool) -> None:
        self._early_pong = early_pong
        self._ponged = False
        self._piped = b""
        self._left = b""
        self._command = ""
        self._dropping = False

    def take(self, portion: bytes) -> bytes:
        """Return the reply to a portion."""
        owed = b""
        while portion:
            self._piped, portion = portion[:PIPE_BYTES], portion[PIPE_BYTES:]
            while self._piped:
                self._left += self._piped[:RECEIVE_BYTES]
                self._piped = self._piped[RECEIVE_BYTES:]
                while b"\n" in self._left:
                    line, _, self._left = self._left.partition(b"\n")
                    owed += self._line(line.decode("ascii", "replace"))
                if len(self._left) > MAX_LINE_BYTES:
                    self._left, self._command, self._dropping = b"", "", True
        return owed

    def _line(self, line: str) -> bytes:
        if self._dropping:
            # skip the rest of a value or of a too long line; a PING may follow it on the same line
            if not line.endswith("PING"):
                return b""
            self._dropping = False
            return self._pong()
        if self._command:
            command, self._command = self._command, ""
            if command == "set":
                self._piped, self._left, self._dropping = b"", b"", True
                return self._reply(b"not-writable\n")
            return self._reply(self._answer(command, line))
        if line in ("get", "getnext", "set"):
            self._command = line
            return b""
        if line == "PING":
            return self._pong()
        return self._reply(b"NONE\n") if line else b""

    def _pong(self) -> bytes:
        ponged, self._ponged = self._ponged, False
        return b"" if ponged else b"PONG\n"

    def _reply(self, reply: bytes) -> bytes:
        if not self._early_pong or self._ponged:
            return reply
        self._ponged = True
        return reply + b"PONG\n"

    def _answer(self, command: str, line: str) -> bytes:
        oid = _parsed(line)
        if oid is None:
            return b"NONE\n"
        every: List[Tuple[Tuple[int, ...], Tuple[str, str]]] = sorted(
            ((*BASE, 1, 1, column, *instance), (keyword, value))
            for instance, name in ROWS.items()
            for column, keyword, value in (
                (2, "string", name),
                (3, "counter64", str((len(name) << 62) % (1 << 64))),
            )
        )
        if command == "getnext" and oid[: len(BASE)] > BASE:
            every = []
        for found, (keyword, value) in every:
            if found == oid if command == "get" else found > oid:
                return f".{'.'.join(map(str, found))}\n{keyword}\n{value}\n".encode()
        return b"NONE\n"


def _parsed(text: str) -> Optional[Tuple[int, ...]]:
    if not _OID.fullmatch(text):
        return None
    return tuple(int(part) for part in text.lstrip(".").split("."))
