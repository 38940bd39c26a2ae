# SPDX-License-Identifier: GPL-3.0-or-later
"""net-snmp's configuration files, generated in memory, for the targets snmpconf and snmpdconf."""

from __future__ import annotations

import errno
import os
from typing import Dict, List, Optional, Sequence

from lvs_agent.netsnmp import oids
from lvs_agent.netsnmp.reader import Config, Line, Reader
from lvs_agent.regular import LIMIT, Files
from tests.fuzz.choices import Choices

FOLDERS = ("/a", "/b", "/kept")
SECTIONS = ("[snmp]", "[snmpapp]", "[snmpd]", "[agentx]", "[Snmp]", "[]", "[snmp", "'[snmp]'")
BYTES = [b'"', b"'", b"\\", b"#", b"[", b"]", b" ", b"\t", b"\r", b"\x0b", b"\x00", b"\xff"]
BYTES += [b'"a b"', b"\\\\", b"\\#", b'\\"', b"\xc3\xa9", b"\xed\xa0\x80", b"\x1b[2J", b"9" * 400]
INCLUDES = ("includeFile", "includeDir", "includeSearch", "IncludeFile", "include", "includedir")
ENDS = (b"\n", b"\n", b"\r\n", b"", b"\n\n")
ERRORS = (errno.EACCES, errno.ELOOP, errno.EIO, errno.EISDIR, errno.ENAMETOOLONG)


class Made(Files):
    """Files in memory. An int in place of bytes is the errno of reading the file."""

    def __init__(self, made: Dict[str, object]) -> None:
        self._made = made
        self.reads = 0

    def content(self, name: str) -> bytes:
        """Return the content of a file. Raises OSError."""
        self.path(name)
        self.reads += 1
        found = self._made.get(os.path.normpath(name), errno.ENOENT)
        if isinstance(found, int):
            raise OSError(found, os.strerror(found), name)
        assert isinstance(found, bytes)
        if len(found) > LIMIT:
            raise OSError(errno.EFBIG, f"longer than {LIMIT} bytes", name)
        return found

    def listed(self, folder: str) -> List[str]:
        """Return the names in a folder. Raises OSError."""
        self.path(folder)
        above = os.path.normpath(folder) + "/"
        names = [name[len(above) :] for name in self._made if name.startswith(above)]
        if not names:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), folder)
        return list(dict.fromkeys(name.partition("/")[0] for name in names))

    def exists(self, name: str) -> bool:
        """Return whether a file exists."""
        return "\0" not in name and os.path.normpath(name) in self._made


def made(choices: Choices, names: Sequence[str], settings: Sequence[str]) -> Made:
    """Return files with these names, with settings, sections and includes, some of them altered."""
    found: Dict[str, object] = {}
    for _ in range(1 + choices.below(5)):
        name = choices.pick(names)
        if choices.below(16) == 15:
            found[name] = choices.pick(ERRORS)
            continue
        content = b"".join(
            _line(choices, names, settings) + choices.pick(ENDS) for _ in range(choices.below(6))
        )
        found[name] = choices.splice(content) if choices.below(6) == 5 else content
    return Made(found)


def _line(choices: Choices, names: Sequence[str], settings: Sequence[str]) -> bytes:
    what = choices.below(16)
    start = f"{choices.pick(SECTIONS)} ".encode() if what in (0, 1) else b""
    if what in (2, 3):
        name = choices.pick([*names, *FOLDERS, "", "no", os.path.basename(choices.pick(names))])
        return f"{choices.pick(INCLUDES)} {name}".encode()
    if what == 4:
        return choices.pick(SECTIONS).encode()
    if what == 5:
        return choices.take(choices.below(24))
    if what == 6:
        return b"".join(choices.pick(BYTES) for _ in range(choices.below(8)))
    line = choices.pick(settings).encode()
    if what == 7:
        place = choices.below(len(line) + 1)
        line = line[:place] + choices.pick(BYTES) + line[place:]
    elif what == 8:
        line = line.split(b" ")[0] + b" " + choices.pick(BYTES) + choices.take(choices.below(12))
    return start + line


def check(config: Config, files: Made, section: str, sections: Sequence[str]) -> None:
    """Check what must hold for any configuration of a program with these sections."""
    assert len(config.files) <= files.reads < 20_000, files.reads
    assert config.whole == (not config.closed and not config.refused)
    for line in config.lines:
        assert line.token, line
        assert line.file in config.files, line
        assert line.number > 0, line
        assert os.fsencode(line.token) == os.fsencode(line.token).lower(), line
        for part in (os.fsencode(line.token), line.raw):
            assert not set(b"\0\n") & set(part), line
        assert line.raw == line.raw.strip(), line
        assert line.raw[:1] != b"#", line
        for word in line.words():
            oid = oids.parse(word)
            assert oid is None or all(0 <= part < 2**32 for part in oid), word
    flat = _flat(config, section, sections)
    told = [(line.token, line.raw) for line in config.lines]
    assert [(line.token, line.raw) for line in flat] == told


def _flat(config: Config, section: str, sections: Sequence[str]) -> List[Line]:
    """Return the lines of a single file that says the same."""
    text = b"".join(
        b"[%s] %s %s\n" % (section.encode(), _escaped(line.token), line.raw)
        for line in config.lines
    )
    reader = Reader(Made({"/flat": text}), {"SNMPCONFPATH": ""}, sections)
    assert reader.file("/flat", "none of these")
    return reader.config.lines


def _escaped(token: str) -> bytes:
    return b"".join(b"\\" + bytes([byte]) for byte in os.fsencode(token))


def environment(choices: Choices) -> Dict[str, str]:
    """Return the environment of a program, which may name folders."""
    found = {"HOME": "/a", "SNMP_PERSISTENT_DIR": choices.pick(["/kept", "/none", "/a"])}
    path: Optional[str] = choices.pick([None, "/a:/b", ":/no::/b", "", "/kept", "/a"])
    return found if path is None else {**found, "SNMPCONFPATH": path}
