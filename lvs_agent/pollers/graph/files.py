# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of round-robin files: FOLDER/DIRECTOR/TCP_192.0.2.10_443.rrd and so on.

A file is named after its row, with letters, digits, dots, hyphens and underscores only, which have
no special meaning for shells, browsers or rrdtool:

    TCP_192.0.2.10_443                          TCP 192.0.2.10:443
    TCP_192.0.2.10_443_to_192.168.0.1_8080      TCP 192.0.2.10:443 -> 192.168.0.1:8080
    UDP_2001-db8--53_53                         UDP [2001:db8::53]:53
    FWM_5_IPv6                                  FWM 5 IPv6
    IP33_192.0.2.10_80                          IP33 192.0.2.10:80
    VIP_192.0.2.10, RIP_2001-db8-1--1           VIP 192.0.2.10, RIP [2001:db8:1::1]
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence

from lvs_agent.pollers.graph import beside
from lvs_agent.pollers.graph.rrdtool import RrdError, Rrdtool
from lvs_agent.pollers.naming import Named, NamingError, Row
from lvs_agent.pollers.parsing import parse_named

ENDING = ".rrd"
TO = "_to_"

GAUGE, DERIVE = "GAUGE", "DERIVE"

# the data sources of every file, in order; rates are per second
SOURCES = {
    "active": GAUGE,
    "inactive": GAUGE,
    "conns": DERIVE,
    "in_pkts": DERIVE,
    "out_pkts": DERIVE,
    "in_bytes": DERIVE,
    "out_bytes": DERIVE,
}

# further ones of services, VIPs and RIPs: the numbers of real servers, or of a VIP's services, that
# are up, present but not up, and lost
PARTS = {"up": GAUGE, "idle": GAUGE, "lost": GAUGE}

HOUR = 3600
DAY = 24 * HOUR

# seconds per row, and seconds that rows are kept: for pictures of a week, a month and a year;
# FINEST is for a day, at the step of the polls; each is longer than its picture
ARCHIVES = ((1800, 15 * DAY), (7200, 65 * DAY), (DAY, 800 * DAY))
FINEST = 2 * DAY + 2 * HOUR

AVERAGE, MAX = "AVERAGE", "MAX"

Value = Optional[int]


class FileError(Exception):
    """A file that can't be used; a one-line message with what to do about it."""


@dataclass(frozen=True)
class File:
    """A round-robin file. path is relative to the folder of all directors, as for rrdtool.

    alias is the administrator's name for its row, or "". changed is the time when a service went up
    or down, and lost the time since which it is lost, in seconds since 1970; or None.
    """

    director: str
    row: Named
    alias: str = field(default="", compare=False)
    changed: Optional[int] = field(default=None, compare=False)
    lost: Optional[int] = field(default=None, compare=False)

    @property
    def path(self) -> str:
        """The path DIRECTOR/NAME.rrd."""
        return f"{self.director}/{stem(self.row)}{ENDING}"

    def titled(self, name: object) -> str:
        """Return a name of its row, with the alias if there is one."""
        return f"{name} ({self.alias})" if self.alias else str(name)


@dataclass(frozen=True)
class Last:
    """The time of a file's last update, in seconds since 1970, and its values by data source.

    None is an unknown value. Values of type DERIVE are counters.
    """

    when: int
    values: Mapping[str, Optional[float]]

    @property
    def known(self) -> bool:
        """True if any value is known."""
        return any(value is not None for value in self.values.values())


def sources(row: Named) -> Dict[str, str]:
    """Return the types of the data sources of a row's file, in order."""
    return SOURCES if isinstance(row, Row) and row.server else {**SOURCES, **PARTS}


def stem(row: Named) -> str:
    """Return the name of a row's file, without its ending."""
    plain = re.sub(r"\[(.*?)\]", lambda address: address[1].replace(":", "-"), str(row))
    return re.sub("[: ]", "_", plain.replace(" -> ", TO))


def row_of(name: str) -> Optional[Named]:
    """Return the row for a file's name without its ending; None if there is none."""
    words = [_words(part) for part in name.split(TO)]
    if None in words:
        return None
    try:
        row = parse_named([" -> ".join(filter(None, words))])
    except NamingError:
        return None
    # a name with another spelling of an address is not one of ours
    return row if stem(row) == name else None


def _words(part: str) -> Optional[str]:
    if re.fullmatch(r"FWM_\d+(_IPv6)?", part):
        return part.replace("_", " ")
    endpoint = re.fullmatch(r"((?:TCP|UDP|SCTP|IP\d+)_)?([0-9a-f.-]+)_(\d+)", part)
    alone = re.fullmatch(r"([VR]IP_)([0-9a-f.-]+)()", part)
    found = endpoint or alone
    if found is None:
        return None
    kind, address, port = found.groups()
    if "-" in address:
        address = f"[{address.replace('-', ':')}]"
    return f"{(kind or '').replace('_', ' ')}{address}{':' if port else ''}{port}"


def folder_of(director: str) -> str:
    """Return the name of a director's folder: host, host_port, 2001-db8--1_port."""
    plain = re.sub(r"\[(.*?)\]", lambda address: address[1].replace(":", "-"), director)
    plain = plain.replace(":", "-" if plain.count(":") > 1 else "_")
    plain = re.sub("[^A-Za-z0-9._-]", "_", plain)
    # avoid names that are hidden or look like an option
    return f"_{plain}" if plain[:1] in ("", ".", "-") else plain


def listed(folder: Path) -> List[File]:
    """Return the files of all directors, by director and row. Raises OSError."""
    found = []
    for director in sorted(_folders(folder)):
        aliases = beside.load(folder / director, beside.ALIASES, str)
        changed = beside.load(folder / director, beside.CHANGED, int)
        lost = beside.load(folder / director, beside.LOST, int)
        for row in rows_in(folder / director):
            name = str(row)
            facts = aliases.get(name, ""), changed.get(name), lost.get(name)
            found.append(File(director, row, *facts))
    return found


def rows_in(folder: Path) -> List[Named]:
    """Return the rows that have a file in a director's folder, in order. Raises OSError."""
    found = [row_of(name[: -len(ENDING)]) for name in _names(folder)]
    known = (row for row in found if row is not None)
    return sorted(known, key=lambda row: (row.instance, row.table))


def _folders(folder: Path) -> List[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.is_dir()]


def _names(folder: Path) -> List[str]:
    with os.scandir(folder) as entries:
        # rrdtool would wait for the other end of a FIFO
        return [entry.name for entry in entries if entry.name.endswith(ENDING) and entry.is_file()]


def create(rrdtool: Rrdtool, file: File, start: int, step: int) -> None:
    """Create an empty file. start is before its first update, step the seconds between updates.

    Raises FileError.
    """
    # one update may be missed before a gap begins
    archives = [f"RRA:AVERAGE:0.5:1:{FINEST // step}"]
    for function in (AVERAGE, MAX):
        archives += [
            f"RRA:{function}:0.5:{seconds // step}:{kept // seconds}" for seconds, kept in ARCHIVES
        ]
    words = ["--start", str(start), "--step", str(step), "--no-overwrite"]
    words += [*_declared(sources(file.row), 2 * step), *archives]
    try:
        rrdtool.run("create", file.path, *words)
    except RrdError as error:
        raise FileError(f"{file.path}: cannot create: {error}") from None


def update(rrdtool: Rrdtool, file: File, when: int, values: Sequence[Value]) -> None:
    """Add values in the order of sources(), None for an unknown one. Raises FileError.

    If there are fewer values than data sources, the last data sources are unknown.
    """
    known = {
        name: "U" if value is None else str(value) for name, value in zip(sources(file.row), values)
    }
    said = ":".join([str(when), *known.values()])
    try:
        rrdtool.run("update", file.path, "--template", ":".join(known), said)
    except RrdError as error:
        raise _unusable(file, str(error)) from None


def lacking(file: File, last: Last) -> Dict[str, str]:
    """Return the data sources that a file of an earlier version lacks, with their types."""
    return {name: kind for name, kind in sources(file.row).items() if name not in last.values}


def extend(rrdtool: Rrdtool, file: File, added: Mapping[str, str]) -> None:
    """Add data sources to a file. What it has stays. Raises FileError."""
    try:
        # rrdtool writes a new file, which would be root's, and its owner's updates would fail
        if os.stat(rrdtool.folder / file.path).st_uid != os.geteuid():
            raise RrdError("it belongs to another user; run graph update as that user")
        info = dict(line.split(" = ", 1) for line in rrdtool.run("info", file.path))
        heartbeat = int(info["ds[active].minimal_heartbeat"])
        rrdtool.run("tune", file.path, *_declared(added, heartbeat))  # since rrdtool 1.5
    except (RrdError, OSError) as error:
        raise FileError(f"{file.path}: cannot add {', '.join(added)}: {error}") from None


def _declared(kinds: Mapping[str, str], heartbeat: int) -> List[str]:
    return [f"DS:{name}:{kind}:{heartbeat}:0:U" for name, kind in kinds.items()]


def last(rrdtool: Rrdtool, file: File) -> Last:
    """Return the last update. Raises FileError for a file that is damaged, or not one of ours."""
    try:
        names, _, update = rrdtool.run("lastupdate", file.path)
        when, _, values = update.partition(": ")
        found = {
            name: None if value == "U" else float(value)
            for name, value in zip(names.split(), values.split())
        }
    except (RrdError, ValueError) as error:  # a damaged file has any text as a value
        raise _unusable(file, str(error)) from None
    lacking = [name for name in SOURCES if name not in found]
    if lacking:
        raise _unusable(file, f"{lacking[0]} is missing")
    return Last(int(when), found)


def rates(rrdtool: Rrdtool, file: File, last: Last) -> Dict[str, float]:
    """Return the rates per second of the last interval that is known, by data source.

    Looks at the hour before the last update. Raises FileError.
    """
    span = ["--start", str(last.when - HOUR), "--end", str(last.when)]
    try:
        names, _, *rows = rrdtool.run("fetch", file.path, AVERAGE, *span)
    except RrdError as error:
        raise _unusable(file, str(error)) from None
    found: Dict[str, float] = {}
    for row in rows:
        values = zip(names.split(), map(float, row.partition(": ")[2].split()))
        found.update((name, value) for name, value in values if not math.isnan(value))
    return {name: value for name, value in found.items() if SOURCES.get(name) == DERIVE}


def _unusable(file: File, reason: str) -> FileError:
    if "illegal attempt to update" in reason:
        return FileError(
            f"{file.path}: already has an update of this or a later time; check the clock"
        )
    return FileError(
        f"{file.path}: not a file of lvs-agent graph, or damaged:"
        f" {reason.replace(file.path, 'the file')}; move it away to start a new one"
    )
