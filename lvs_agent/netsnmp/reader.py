# SPDX-License-Identifier: GPL-3.0-or-later
"""net-snmp's configuration files as net-snmp reads them: their order, includes, sections and lines.

Lines are bytes in no encoding. Source: snmp_config(5), and snmplib/read_config.c and
snmplib/default_store.c of net-snmp 5.9.3.
"""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass, field
from typing import Dict, Iterable, List, Mapping, Sequence, Tuple

from lvs_agent.regular import Files

# the third depends on the distribution's folder for libraries
_FOLDERS = ("/etc/snmp", "/usr/share/snmp", "/usr/lib64/snmp", "/usr/lib/snmp")
_PERSISTENT = ("/var/lib/snmp", "/var/lib/net-snmp")
_BACKUPS = 11  # of each file in a persistent folder
_DEPTH = 17
# limits of this reader; net-snmp reads 4097 files. Names in included folders count as lines.
_FILES = 200
_LINES = 5000

_INCLUDES = (b"includefile", b"includedir", b"includesearch")

# A word may be in quotes, and a backslash escapes any character but the end of the line.
_WORD = re.compile(rb"""(?:(["'])((?:\\.|(?!\1).)*)\1?|((?:\\.|\S)*))\s*""", re.DOTALL)


@dataclass(frozen=True)
class Line:
    """One line: its token in lower case, and the bytes that follow it."""

    file: str
    number: int
    token: str
    raw: bytes

    @property
    def place(self) -> str:
        """The place of the line, as FILE:NUMBER."""
        return f"{self.file}:{self.number}"

    @property
    def rest(self) -> str:
        """The text that follows the token, decoded as in file names."""
        return os.fsdecode(self.raw)

    @property
    def string(self) -> bytes:
        """The value of a token of snmp.conf: all of the rest, or what is in double quotes."""
        return _word(self.raw, 0)[0] if self.raw.startswith(b'"') else self.raw

    def words(self) -> List[str]:
        """Return the words that follow the token; a word may be in quotes."""
        found, at = [], 0
        while at < len(self.raw):
            word, at = _word(self.raw, at)
            found.append(os.fsdecode(word))
        return found


@dataclass
class Config:
    """The lines in net-snmp's order, the files they come from, and the files that were not read.

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


class Reader:
    """Reads the files of a program, and keeps the lines of its first section.

    sections are those for which the program has tokens; it ignores a line that names another.
    """

    def __init__(
        self, files: Files, environment: Mapping[str, str], sections: Sequence[str]
    ) -> None:
        self.config = Config()
        self._files = files
        self._sections = sections
        self._depth = 0
        self._lines = 0
        self._settled = False  # True once a persistent folder is read
        named = environment.get("SNMP_PERSISTENT_DIR")
        self._persistent: Tuple[str, ...] = (named,) if named else _PERSISTENT
        path = environment.get("SNMPCONFPATH")
        self._default = path is None
        if path is not None:
            self._folders = [folder for folder in path.split(":") if folder]
            return
        libraries = [f"/usr/lib/{name}/snmp" for name in files.names("/usr/lib")]
        home = environment.get("HOME")
        self._folders = [
            *_FOLDERS,
            *(folder for folder in libraries if files.exists(folder)),
            *([f"{home}/.snmp"] if home is not None else []),
        ]

    def search(self, name: str, section: str) -> bool:
        """Read NAME.conf and NAME.local.conf in all folders; return whether any exists."""
        there = [self._folder(folder, name, section) for folder in self._folders]
        if self._default:
            self._settled = True
            there += [self._folder(folder, name, section) for folder in self._persistent]
        return any(there)

    def file(self, name: str, section: str) -> bool:
        """Read one file, which begins in a section; return whether it exists."""
        if self._depth == _DEPTH:
            return self._refuse(name, f"included more than {_DEPTH - 1} levels deep")
        if len(self.config.files) == _FILES:
            return self._refuse(name, f"more than {_FILES} files")
        try:
            content = self._files.content(name)
        except PermissionError:
            self.config.closed.append(name)
            return True
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            return self._refuse(name, error.strerror or str(error))
        before, null, _ = content.partition(b"\0")
        if null:
            number = before.count(b"\n") + 1
            return self._refuse(name, f"line {number} contains a NUL")
        lines = content.count(b"\n")
        if self._lines + lines > _LINES:
            return self._refuse(name, f"more than {_LINES} lines with it")
        self._lines += lines
        self._depth += 1
        self.config.files.append(name)
        for number, text in enumerate(content.split(b"\n"), 1):
            section = self._line(name, number, text.lstrip(), section)
        self._depth -= 1
        return True

    def _folder(self, folder: str, name: str, section: str) -> bool:
        backups = (f"{folder}/{name}.{number}.conf" for number in range(_BACKUPS))
        kept = folder.startswith(self._persistent)
        found = itertools.takewhile(self._files.exists, backups if kept else ())
        places = [*found, f"{folder}/{name}.conf", f"{folder}/{name}.local.conf"]
        there = [self.file(place, section) for place in places]
        return any(there)

    def _refuse(self, name: str, reason: str) -> bool:
        self.config.refused.setdefault(reason, name)
        return True

    def _line(self, file: str, number: int, text: bytes, section: str) -> str:
        """Read one line in a section; return the section of the next one."""
        if text.startswith(b"#"):
            return section
        token, at = _word(text, 0)
        here = section
        if token.startswith(b"["):
            here = os.fsdecode(token[1:-1])
            if here not in self._sections or not token.endswith(b"]"):
                return section
            if at == len(text):
                return here
            token, at = _word(text, at)
        elif token[:1] == b"i" and token.lower() in _INCLUDES:  # "Include..." is not one
            self._include(Line(file, number, os.fsdecode(token.lower()), text[at:]), section)
            return section
        line = Line(file, number, os.fsdecode(token.lower()), text[at:].rstrip())
        if here == "snmp" and line.token == "persistentdir":
            if self._settled:
                self._refuse(file, f"line {number}: persistentDir is too late to change a folder")
            self._persistent = (os.fsdecode(line.string),)
        if token and here == self._sections[0]:
            self.config.lines.append(line)
        return section

    def _include(self, line: Line, section: str) -> None:
        name = line.rest
        if not name:
            there = False
        elif line.token == "includesearch":
            there = self.search(re.sub(r"(?<=.)\.conf\Z", "", name), section)
        elif line.token == "includefile":
            folder = line.file[: line.file.rfind("/") + 1]
            there = self.file(name if name.startswith("/") else folder + name, section)
        else:
            self.config.folders.append(name)
            there = self._directory(name, section)
        if not there:
            self.config.missing.append((line, name))

    def _directory(self, folder: str, section: str) -> bool:
        if self._lines > _LINES:
            return self._refuse(folder, f"more than {_LINES} lines and files")
        try:
            names = self._files.listed(folder)
        except PermissionError:
            self.config.closed.append(folder)
            return True
        except OSError:
            return False
        self._lines += len(names)
        for name in names:
            if name.endswith(".conf") and not name.startswith("."):
                self.file(f"{folder}/{name}", section)
        return True


def places(lines: Iterable[Line]) -> str:
    """Return the places of lines, as FILE:1,2 for each file."""
    numbers: Dict[str, List[int]] = {}
    for line in lines:
        if line.number not in numbers.setdefault(line.file, []):
            numbers[line.file].append(line.number)
    return " ".join(f"{file}:{','.join(map(str, each))}" for file, each in numbers.items())


def _word(text: bytes, at: int) -> Tuple[bytes, int]:
    """Return the word at an index, and the index of what follows blanks; a comment is the end."""
    match = _WORD.match(text, at)
    assert match is not None  # it matches the empty word
    quoted, plain, at = match[2], match[3], match.end()
    word = re.sub(rb"\\(.)", rb"\1", plain if quoted is None else quoted, flags=re.DOTALL)
    return word, len(text) if text.startswith(b"#", at) else at
