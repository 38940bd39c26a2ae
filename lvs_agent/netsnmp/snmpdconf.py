# SPDX-License-Identifier: GPL-3.0-or-later
"""snmpd's configuration as snmpd reads it: the files, their order and their lines.

Source: snmp_config(5), snmpd(8) and net-snmp's snmplib/read_config.c.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Mapping, Optional, Protocol, Sequence, Tuple

FOLDER = "/etc/snmp"
DROP_INS = "/etc/snmp/snmpd.conf.d"
LOCAL = "/etc/snmp/snmpd.local.conf"

# the third depends on the distribution's folder for libraries
_FOLDERS = ("/etc/snmp", "/usr/share/snmp", "/usr/lib64/snmp", "/usr/lib/snmp")
_PERSISTENT = ("/var/lib/snmp", "/var/lib/net-snmp")
_DEPTH, _FILES = 16, 200  # limits of this reader; snmpd reads on
_WITH_ARGUMENT = "cDgIlLmMnpPSuxXY-"


class Files(Protocol):
    """A source of files, such as a machine."""

    def read(self, name: str) -> str:
        """Return the text of a file. Raises OSError."""

    def names(self, folder: str) -> List[str]:
        """Return the names in a folder, sorted; none if it can't be read."""

    def exists(self, name: str) -> bool:
        """Return whether a file exists."""


@dataclass(frozen=True)
class Line:
    """One line: its token in lower case, and the text that follows it."""

    file: str
    number: int
    token: str
    rest: str

    @property
    def place(self) -> str:
        """The place of the line, as FILE:NUMBER."""
        return f"{self.file}:{self.number}"

    def words(self) -> List[str]:
        """Return the words that follow the token; a word may be in quotes."""
        return list(_words(self.rest))


@dataclass
class Config:
    """The lines in snmpd's order, the files they come from, and the files that were not read.

    missing has the included files or folders that do not exist, closed the files that this user
    may not read. refused has the reasons for not reading others, each with the first such file.
    """

    lines: List[Line] = field(default_factory=list)
    files: List[str] = field(default_factory=list)
    folders: List[str] = field(default_factory=list)
    missing: List[Tuple[Line, str]] = field(default_factory=list)
    closed: List[str] = field(default_factory=list)
    refused: Dict[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """True if every existing file was read, so that a line not found does not exist."""
        return not self.closed and not self.refused

    def all(self, *tokens: str) -> List[Line]:
        """Return the lines with any of these tokens."""
        return [line for line in self.lines if line.token in tokens]


@dataclass(frozen=True)
class Invocation:
    """The command line of an snmpd: the files of -c, and the addresses to listen on.

    only is True if -C leaves out all other files.
    """

    files: Tuple[str, ...] = ()
    only: bool = False
    addresses: Tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """The file to add lines to."""
        return self.files[0] if self.only and self.files else LOCAL


def invocation(arguments: Sequence[str]) -> Invocation:
    """Parse the arguments of a running snmpd, its name first."""
    files: List[str] = []
    addresses: List[str] = []
    only = False
    left = list(arguments[1:])
    while left:
        word = left.pop(0)
        if not word.startswith("-") or word == "-":
            addresses.append(word)
            continue
        for place, letter in enumerate(word[1:], 2):
            if letter == "C":
                only = True
            elif letter in _WITH_ARGUMENT:
                value = word[place:] or (left.pop(0) if left else "")
                if letter == "c":
                    files += value.lstrip("-").split(",")
                elif letter == "L" and value in ("f", "s"):
                    left = left[1:]  # the file or the facility
                elif letter == "I":
                    # snmpd splits the list of modules in place, so /proc shows it as several words
                    while left and re.fullmatch(r"[A-Za-z]\w*", left[0]):
                        left = left[1:]
                break
    return Invocation(tuple(files), only, tuple(addresses))


def read(files: Files, told: Invocation, environment: Optional[Mapping[str, str]] = None) -> Config:
    """Return the configuration of an snmpd with this command line and environment."""
    reader = _Reader(files, environment or {})
    if not told.only:
        reader.search("snmpd")
    for file in told.files:
        reader.file(file)
    return reader.config


def lines_of(files: Files, file: str) -> List[Line]:
    """Return the lines of one file, even if snmpd does not read it; none if it can't be read."""
    try:
        return list(_lines(file, files.read(file)))
    except OSError:
        return []


class _Reader:
    def __init__(self, files: Files, environment: Mapping[str, str]) -> None:
        self.config = Config()
        self._files = files
        self._depth = 0
        if "SNMPCONFPATH" in environment:
            self._folders = environment["SNMPCONFPATH"].split(":")
            return
        libraries = [f"/usr/lib/{name}/snmp" for name in files.names("/usr/lib")]
        home = environment.get("HOME")
        named = environment.get("SNMP_PERSISTENT_DIR")
        self._folders = [
            *_FOLDERS,
            *(folder for folder in libraries if files.exists(folder)),
            *([f"{home}/.snmp"] if home else []),
            *([named] if named else _PERSISTENT),
        ]

    def search(self, name: str) -> bool:
        """Read NAME.conf and NAME.local.conf in all folders; return whether any exists."""
        places = [
            f"{folder}/{name}{end}" for folder in self._folders for end in (".conf", ".local.conf")
        ]
        there = [self.file(place) for place in places]
        return any(there)

    def file(self, name: str) -> bool:
        """Read one file; return whether it exists."""
        if self._depth == _DEPTH:
            return self._refuse(name, f"included more than {_DEPTH} levels deep")
        if len(self.config.files) == _FILES:
            return self._refuse(name, f"more than {_FILES} files")
        try:
            text = self._files.read(name)
        except PermissionError:
            self.config.closed.append(name)
            return True
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            return self._refuse(name, error.strerror or str(error))
        self._depth += 1
        self.config.files.append(name)
        section = "snmpd"
        for line in _lines(name, text):
            if line.token.startswith("["):
                kind = line.token.strip("[]")
                if not line.rest:
                    section = kind
                elif kind == "snmpd":
                    token, rest = _token(line.rest)
                    self.config.lines.append(Line(name, line.number, token, rest))
            elif line.token.startswith("include") and self._include(line):
                continue
            elif section == "snmpd":
                self.config.lines.append(line)
        self._depth -= 1
        return True

    def _refuse(self, name: str, reason: str) -> bool:
        self.config.refused.setdefault(reason, name)
        return True

    def _include(self, line: Line) -> bool:
        there = True
        if line.token == "includedir":
            self.config.folders.append(line.rest)
            there = self._files.exists(line.rest)
            for name in self._files.names(line.rest):
                # snmpd reads in the order of readdir(3); sorted here
                if name.endswith(".conf") and not name.startswith("."):
                    self.file(f"{line.rest}/{name}")
        elif line.token == "includefile":
            folder = line.file.rpartition("/")[0]
            there = self.file(line.rest if line.rest.startswith("/") else f"{folder}/{line.rest}")
        elif line.token == "includesearch":
            name = line.rest
            there = self.search(name[:-5] if name.endswith(".conf") else name)
        else:
            return False
        if not there:
            self.config.missing.append((line, line.rest))
        return True


def _lines(file: str, text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), 1):
        token, rest = _token(line)
        if token:
            yield Line(file, number, token, rest)


def _token(line: str) -> Tuple[str, str]:
    line = line.lstrip()
    if line.startswith("#"):
        return "", ""
    token = line.split(None, 1)[0] if line else ""
    rest = line[len(token) :].lstrip()
    # "Include..." is not an include: snmpd looks for a lower-case i
    return token if token.startswith("I") else token.lower(), "" if rest.startswith("#") else rest


def _words(text: str) -> Iterator[str]:
    # copy_nword() of read_config.c: a word may be in quotes, and a backslash escapes any character
    at = 0
    while at < len(text):
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text) or text[at] == "#":
            return
        quote: Optional[str] = text[at] if text[at] in "\"'" else None
        at += quote is not None
        word = ""
        while at < len(text) and not (text[at] == quote if quote else text[at].isspace()):
            at += text[at] == "\\" and at + 1 < len(text)
            word += text[at]
            at += 1
        at += 1
        yield word
