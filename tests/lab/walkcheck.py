# SPDX-License-Identifier: GPL-3.0-or-later
"""A check of walks of a director that is edited meanwhile: complete, in order, each row's values.

The expected values come from two walks of the director at rest, in settings A and B of its rows
(see farm.py). Both were compared with ipvsadm. No two rows in them have the same values.
"""

from __future__ import annotations

import itertools
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from tests.support.lvsmib import BASE, RATES, RATES_2001, TABLE_OF, place, split
from tests.support.snmpd import numbers

Row = Tuple[str, str]  # names of a virtual service and a real server; "" is the service itself
Path = Tuple[int, ...]  # below the base

# the last object; the tables of lost rows, which may be empty, follow
LAST = place("lvsAgentLostRealServers", 0)
# the maximum age of a snapshot that answers
SLACK_SECONDS = 5.0

# Columns that a row gets when it first goes down
LATER = {"lvsVsLastChange", "lvsVsStateAge"}
# Objects that may differ between two walks at rest: rates; age and duration of the snapshot; the
# times of changes; and what is lost, which lostcheck.py checks
FREE = {
    *LATER,
    *("lvsRsLastChange", "lvsRsStateAge", "lvsVsRealServersLost"),
    *("lvsAgentLostServices", "lvsAgentLostRealServers"),
    *(f"{table}{each}" for table in ("lvsTotal", "lvsVs", "lvsRs") for each in RATES),
    *(f"{table}{each}" for table in ("lvsService", "lvsReal") for each in RATES_2001),
    *("lvsAgentSnapshotAge", "lvsAgentCollectionTime"),
}
# Objects that count or sum rows which come and go
COUNTS = {"lvsVsRealServers", "lvsVsRealServersUp", "lvsServiceNumDests"}
WEIGHT = "lvsVsWeight"
OF_ALL = {"lvsNumServices", "lvsAgentServices", "lvsAgentRealServers"}
# Columns whose values identify a row; the steady services' counters do so too
DISTINCT = [
    *("lvsVsName", "lvsVsNumber", "lvsRsName"),
    *("lvsRsWeight", "lvsRsUpperThreshold", "lvsRsLowerThreshold"),
]
PERSISTENCE, COUNTED = "lvsVsPersistTimeout", ["lvsVsConns", "lvsVsInPkts", "lvsVsInBytes"]
# the sums over addresses, which sumcheck.py checks
SUMS = ("lvsVipTable", "lvsRipTable")
ROWS = ("lvsServiceTable", "lvsRealTable", "lvsVsTable", "lvsRsTable")


class Fault(NamedTuple):
    """A fault of a walk."""

    kind: str
    text: str


KINDS = ("truncated", "out of order", "another row's value", "row missing", "deleted row")

# Return whether a walk may have an object that those at rest lack, with a value.
MayHave = Callable[[Path, str], bool]


class Change:
    """A row's addition or deletion, at some time between began and done."""

    def __init__(self, began: float, present: bool) -> None:
        self.began = began
        self.done = float("inf")
        self.present = present


class Timeline:
    """The times at which rows existed."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._changes: Dict[Row, List[Change]] = {}
        for row in rows:
            there = Change(float("-inf"), present=True)
            there.done = there.began
            self._changes[row] = [there]

    def change(self, row: Row, change: Change) -> None:
        """Record a change that begins now, after all others of the row."""
        self._changes.setdefault(row, []).append(change)

    def forget(self, before: float) -> None:
        """Drop what throughout() does not need for times after `before`."""
        for changes in self._changes.values():
            while len(changes) > 1 and changes[1].done < before:
                del changes[0]

    def throughout(self, row: Row, began: float, ended: float) -> Optional[bool]:
        """Return True if a row existed all the time, False if never, None if it was changed."""
        present = False
        for change in self._changes.get(row, []):
            if change.done < began:
                present = change.present
            elif change.began <= ended:
                return None
        return present


def nothing(_path: Path, _value: str) -> bool:
    """Return False: a walk has no objects but those of the walks at rest."""
    return False


class Checker:
    """Compares walks with two of the director at rest, with all rows in settings A and B."""

    def __init__(self, a: Sequence[str], b: Sequence[str]) -> None:
        """Raise ValueError if two rows have the same values or the two walks do not match."""
        self._values: Dict[Path, Set[str]] = {}
        for path, value in (*read(a), *read(b)):
            self._values.setdefault(path, set()).add(value)
        if [path for path, _ in read(a)] != [path for path, _ in read(b)]:
            raise ValueError("the director was not at rest: A and B have different rows")
        self._rows = self._name_rows()
        self._sum_up()
        self._tell_apart()
        self.required = 0

    @property
    def rows(self) -> List[Row]:
        """All rows."""
        return list(self._rows)

    def check(
        self,
        lines: Sequence[str],
        began: float,
        ended: float,
        timeline: Timeline,
        may_have: MayHave = nothing,
    ) -> List[Fault]:
        """Return the faults of a walk that was made between two times."""
        faults: List[Fault] = []
        try:
            walk = read(lines)
        except ValueError as error:
            return [Fault("truncated", str(error))]
        paths = [path for path, _ in walk]
        if not paths or paths[-1] < LAST:
            faults.append(
                Fault("truncated", f"{len(paths)} objects, the last {_dotted(paths[-1:])}")
            )
        faults += [
            Fault("out of order", f"{_dotted([late])} after {_dotted([early])}")
            for early, late in zip(paths, paths[1:])
            if early >= late
        ]
        faults += [
            Fault("another row's value", f"{_dotted([path])} = {value}")
            for path, value in walk
            if not self._belongs(path, value) and not may_have(path, value)
        ]
        there = set(paths)
        for row, own in self._rows.items():
            present = timeline.throughout(row, began - SLACK_SECONDS, ended)
            if present and not own <= there:
                missing = sorted(own - there)
                faults.append(Fault("row missing", f"{row}: {_dotted(missing[:1])}"))
            elif present is False and own & there:
                faults.append(Fault("deleted row", f"{row}: {_dotted(sorted(own & there)[:1])}"))
            self.required += present is not None
        return faults

    def _belongs(self, path: Path, value: str) -> bool:
        expected = self._values.get(path)
        name, at = split(path)
        if TABLE_OF.get(name) in SUMS:
            return True
        if expected is None:
            return name in LATER and place("lvsVsName", *at) in self._values
        return value in expected or _object(path) in FREE | OF_ALL

    def _name_rows(self) -> Dict[Row, Set[Path]]:
        """Return the paths of each row, in its table and by its numbers in the legacy table."""
        rows: Dict[Row, Set[Path]] = {}
        of: Dict[Tuple[str, Path], Row] = {}  # by table and instance
        for path in self._values:
            name, at = split(path)
            if name == "lvsVsName":
                row = (_text(self._one(path)), "")
                of["lvsVsTable", at] = row
                of["lvsServiceTable", (self._number(place("lvsVsNumber", *at)),)] = row
        services = {at: row for (table, at), row in of.items() if table == "lvsVsTable"}
        for path in self._values:
            name, below = split(path)
            if name == "lvsRsName":
                at = next(at for at in services if below[: len(at)] == at)
                row = (services[at][0], _text(self._one(path)))
                of["lvsRsTable", below] = row
                number = self._number(place("lvsRsNumber", *below))
                service = self._number(place("lvsVsNumber", *at))
                of["lvsRealTable", (service, number)] = row
        for path in self._values:
            name, at = split(path)
            if TABLE_OF.get(name) in ROWS:
                rows.setdefault(of[TABLE_OF[name], at], set()).add(path)
        return rows

    def _sum_up(self) -> None:
        """Allow the values that a service's columns have when some of its servers are deleted."""
        for (service, server), paths in self._rows.items():
            if server:
                continue
            weights = [
                [0, *self._numbers(path)]
                for (above, below), own in self._rows.items()
                if above == service and below
                for path in own
                if _object(path) == "lvsRsWeight"
            ]
            for path in paths:
                kind = next(iter(self._values[path])).partition(": ")[0]
                if _object(path) in COUNTS:
                    self._values[path] = {f"{kind}: {n}" for n in range(len(weights) + 1)}
                elif _object(path) == WEIGHT:
                    sums = {sum(some) for some in itertools.product(*weights)}
                    self._values[path] = {f"{kind}: {total}" for total in sums}

    def _tell_apart(self) -> None:
        zero = "Gauge32: 0"
        for column in [*DISTINCT, WEIGHT, PERSISTENCE, *COUNTED]:
            seen: Set[str] = set()
            for path, values in self._values.items():
                if _object(path) == column:
                    values = values - {zero, "Counter64: 0"}
                    if seen & values:
                        raise ValueError(f"{_dotted([path])} has another row's value: {values}")
                    seen |= values
            if not seen:
                raise ValueError(f"column {column} has no values")

    def _one(self, path: Path) -> str:
        (value,) = self._values[path]
        return value

    def _number(self, path: Path) -> int:
        return int(self._one(path).partition(": ")[2])

    def _numbers(self, path: Path) -> List[int]:
        return [int(value.partition(": ")[2]) for value in self._values[path]]


def read(lines: Sequence[str]) -> List[Tuple[Path, str]]:
    """Return the objects of a walk with their values; raise ValueError if a line has none."""
    found = []
    for line in lines:
        oid, equals, value = line.partition(" = ")
        if not equals or not oid.startswith("."):
            raise ValueError(f"not an object: {line}")
        found.append((numbers(oid[len(BASE) :] if oid.startswith(f"{BASE}.") else oid), value))
    return found


def _object(path: Path) -> str:
    return split(path)[0]


def _text(value: str) -> str:
    return value.partition(": ")[2].strip('"')


def _dotted(paths: Sequence[Path]) -> str:
    return ".".join(map(str, paths[0])) if paths else "none"
