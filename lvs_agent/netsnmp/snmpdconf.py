# SPDX-License-Identifier: GPL-3.0-or-later
"""snmpd's configuration as snmpd reads it, by its command line. Source: snmpd(8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Mapping, Optional, Sequence, Tuple

from lvs_agent.netsnmp.reader import Config, Line, Reader
from lvs_agent.regular import Files

FOLDER = "/etc/snmp"
DROP_INS = "/etc/snmp/snmpd.conf.d"
LOCAL = "/etc/snmp/snmpd.local.conf"

_SECTIONS = ("snmpd", "snmp", "agentx")  # snmpd reads a file of each, in this order
_WITH_ARGUMENT = "cDgIlLmMnpPSuxXY-"


@dataclass(frozen=True)
class Invocation:
    """The command line of an snmpd: the files of the last -c, and the addresses to listen on.

    only is True if -C leaves out all other files, first if a hyphen puts these before the others.
    disabled and enabled are the modules of -I, with and without a hyphen before the list.
    """

    files: Tuple[str, ...] = ()
    only: bool = False
    addresses: Tuple[str, ...] = ()
    first: bool = False
    disabled: Tuple[str, ...] = ()
    enabled: Tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """The file to add lines to."""
        return self.files[0] if self.only and self.files else LOCAL

    def starts(self, module: str) -> bool:
        """Return whether -I lets snmpd start a module: if any are enabled, all others are not."""
        return module in self.enabled if self.enabled else module not in self.disabled


def invocation(arguments: Sequence[str]) -> Invocation:
    """Parse the arguments of a running snmpd, its name first."""
    files: List[str] = []
    addresses: List[str] = []
    disabled: List[str] = []
    enabled: List[str] = []
    only = first = False
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
                    first = value.startswith("-")
                    files = [each for each in value[first:].split(",") if each]
                elif letter == "L" and value in ("f", "s"):
                    left = left[1:]  # the file or the facility
                elif letter == "I":
                    modules = disabled if value[:1] in ("-", "!") else enabled
                    modules += re.findall(r"\w+", value)
                    # snmpd splits the list of modules in place, so /proc shows it as several words
                    while left and re.fullmatch(r"[A-Za-z]\w*", left[0]):
                        modules.append(left.pop(0))
                break
    return Invocation(tuple(files), only, tuple(addresses), first, tuple(disabled), tuple(enabled))


def read(files: Files, told: Invocation, environment: Optional[Mapping[str, str]] = None) -> Config:
    """Return the configuration of an snmpd with this command line and environment."""
    reader = Reader(files, {"SNMPCONFPATH": ""} if told.only else environment or {}, _SECTIONS)
    early, late = (told.files, ()) if told.first else ((), told.files)
    for file in early:
        reader.file(file, "snmpd")
    for section in _SECTIONS:
        reader.search(section, section)
    for file in late:
        reader.file(file, "snmpd")
    return reader.config


def lines_of(files: Files, file: str) -> List[Line]:
    """Return the lines of one file, even if snmpd does not read it; none if it can't be read."""
    reader = Reader(files, {}, _SECTIONS)
    reader.file(file, "snmpd")
    return [line for line in reader.config.lines if line.file == file]
