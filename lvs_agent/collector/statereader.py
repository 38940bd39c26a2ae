# SPDX-License-Identifier: GPL-3.0-or-later
"""The state that the lines of a state file describe; see stateformat."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Sequence, Tuple

from lvs_agent.boundary.rows import MAX_SECONDS, RowError
from lvs_agent.collector.limit import forget_missing, missing
from lvs_agent.collector.remembered import (
    MAX_NUMBER,
    Numbering,
    RealServerState,
    RowState,
    ServiceState,
    State,
    resume,
)
from lvs_agent.collector.stateformat import BASELINE, FORMAT, NEXT, Codecs, count_rows
from lvs_agent.collector.sums import Base, Sums, address_in
from lvs_agent.services import MAX_COUNTER, Traffic

# Format 1 did not name its columns. A server's second has no use.
_FORMAT_1 = {
    "service": ["number", NEXT, "continuous_since", "missing_since", "counters", "counter_offset"],
    "server": ["number", "", "continuous_since", "missing_since", "counters", "counter_offset"],
}
MAX_ROWS = 400000  # that are read: as many as the collector's unit has memory for
# A file with more missing rows than are kept is read in parts of this many rows, so that no more
# are in memory.
_PART = 16384
# the exceptions that a damaged line can raise
_DAMAGED = (ValueError, LookupError, TypeError, AttributeError, RowError, RecursionError)


class FormatError(Exception):
    """A file of a newer version of lvs-agent; the text gives its format."""


class LineError(Exception):
    """A line that can't be read; the text says why."""


class Reader:
    """A decoder of a file's lines, which are given to header() and then to line().

    boot is the id of this boot: counters that were saved before it have been reset. Of the missing
    rows, about keep remain, those that went last.
    """

    def __init__(self, boot: str, keep: int) -> None:
        self.services: Numbering[ServiceState] = Numbering()
        self._codecs = Codecs()
        # the names of the file's columns by kind of row, and the places of those that are known
        self._columns = self._codecs.columns()
        self._places = self._find()
        self._boot = boot
        self._keep = keep
        self._full = False
        # also if the header is damaged: to add counters that were not reset would draw a spike
        self._same_boot = True
        self._appended = False
        self._next: object = None
        self._looked: Optional[float] = None
        self._rows = 0
        self._expected: object = None
        # the service that the servers of the next lines belong to
        self._service: Optional[ServiceState] = None
        # the bases of addresses by kind, and the time before which no sum is continuous
        self._bases: Dict[str, Dict[str, Base]] = {"vip": {}, "rip": {}}
        self._since: Optional[float] = None
        # False if the counters of a row may be missing from a sum
        self._continuous = True

    def header(self, line: bytes) -> None:
        """Take the first line. Raises FormatError and LineError."""
        try:
            header = json.loads(line)
            version = header["lvs-agent history"]
            if type(version) is not int:
                raise ValueError(f"format: not an integer: {version!r:.40}")
            if version > FORMAT:
                raise FormatError(f"unsupported format {version}, expected {FORMAT}")
            if version < 1:
                raise ValueError(f"format: {version}")
            columns = header["columns"] if version > 1 else _FORMAT_1
            columns = {kind: list(map(str, names)) for kind, names in columns.items()}
            for kind in ("service", "server"):
                if "number" not in columns[kind]:
                    raise ValueError(f"{kind}: no column number")
            self._columns = columns
            self._places = self._find()
            self._expected = header.get("rows")
            next_number = header.get("next" if version > 1 else "fresh")
            self._begin(header.get("boot"), next_number, header.get("looked"))
            since = _time(header.get("sums"))  # earlier versions had no sums
            self._since = since if since is None or self._same_boot else 0.0
        except _DAMAGED as error:
            self._continuous = False
            raise LineError(str(error)) from error

    def line(self, line: bytes) -> None:
        """Take a further line. Raises LineError, which costs what the line describes."""
        try:
            if self._full:
                raise ValueError(f"more than {MAX_ROWS} rows")
            value = json.loads(line)
            if isinstance(value, dict):
                self._begin(value["boot"], value["next"], value.get("looked"))
                self._appended = True
                return
            kind, name, values = value
            if kind == "service":
                self._take_service(str(name), self._known(kind, values))
            elif kind == "server":
                self._take_server(str(name), self._known(kind, values))
            elif kind in self._bases:
                base = self._codecs.base.decode(self._known(kind, values))
                _check_counters(base.counters)
                self._bases[kind][str(name)] = base
            elif kind == "forgotten":
                self._take_forgotten(str(name), self._known(kind, values))
            elif kind not in self._columns:
                raise ValueError(f"not a kind of line: {kind!r:.40}")
        except _DAMAGED as error:
            self._continuous = False
            if not line.startswith(b"["):
                self._appended = True  # the rows that follow may replace others
            if not line.startswith(b'["server"'):
                self._service = None  # the servers that follow belong to no known service
            raise LineError(f"{type(error).__name__}: {error}"[:200]) from error
        self._rows += 1
        if self._rows % _PART == 0:
            if missing(self.services) > 2 * self._keep:
                # only earlier versions write so many; a row that comes back later would count twice
                self._continuous = False
                forget_missing(self.services, self._keep)
            self._full = count_rows(self.services) > MAX_ROWS

    def finish(self) -> str:
        """Return what is missing at the file's end, "" for a whole file."""
        lacking = ""
        if type(self._expected) is not int or self._rows < self._expected:
            lacking = f"{self._rows} rows, expected {self._expected}"
        self._attach(None if lacking or not self._continuous else self._since)
        forget_missing(self.services, self._keep)
        self.services.next_number = _next_number(self._next, self.services)
        resume(self.services, self._looked)
        return lacking

    def _attach(self, since: Optional[float]) -> None:
        sums = Sums(since)
        for kind, bases in self._bases.items():
            for name, base in bases.items():
                sums.add_base(kind, name, base)
        self.services.attach(sums)
        sums.drop_unused()

    def _find(self) -> Dict[str, List[Tuple[Optional[int], object]]]:
        """Return the place of each known column in the file's rows, and the column's default."""
        defaults = {
            "service": (*self._codecs.service.encode(ServiceState(0)), 1, ()),
            "server": self._codecs.server.encode(RealServerState(0)),
            # without these columns there are no such lines
            **dict.fromkeys(("vip", "rip", "forgotten"), (None,) * 3),
        }
        found = {}
        for kind, names in self._codecs.columns().items():
            places = {name: place for place, name in enumerate(self._columns.get(kind, []))}
            found[kind] = [(places.get(name), value) for name, value in zip(names, defaults[kind])]
        return found

    def _known(self, kind: str, values: Sequence[object]) -> List[object]:
        if len(values) != len(self._columns[kind]):
            raise ValueError(f"{len(values)} columns, expected {len(self._columns[kind])}")
        return [
            default if place is None else values[place] for place, default in self._places[kind]
        ]

    def _begin(self, boot: object, next_number: object, looked: object) -> None:
        self._same_boot = boot == self._boot != ""
        self._next = next_number
        self._looked = _time(looked)

    def _take_service(self, name: str, values: List[Any]) -> None:
        baseline = values.pop()
        next_number = values.pop()
        if type(next_number) is not int:
            raise ValueError(f"{NEXT}: not an integer: {next_number!r:.40}")
        service = self._codecs.service.decode(values)
        service.baseline = _baseline(baseline)
        old = self.services.rows.get(name)
        self._put(self.services, name, service)
        if old is not None and old.number == service.number:
            service.servers = old.servers
        self._service = service
        servers = service.servers
        servers.next_number = _next_number(next_number, servers)
        if service.missing_since is not None:
            for server in servers.rows.values():
                servers.note_missing(server, service.missing_since)

    def _take_server(self, name: str, values: List[object]) -> None:
        server = self._codecs.server.decode(values)
        if self._service is None:
            return
        if server.missing_since is None:  # format 1 did not mark the servers of missing services
            server.missing_since = self._service.missing_since
        self._put(self._service.servers, name, server)

    def _take_forgotten(self, name: str, values: List[object]) -> None:
        row = self._codecs.forgotten.decode(values)
        kind, address = ("rip", address_in(row.server)) if row.server else ("vip", address_in(name))
        if row.counters is None:
            self._bases[kind].pop(address, None)
        else:
            _check_counters(row.counters)
            self._bases[kind][address] = Base(row.counters, row.continuous_since)
        service = self.services.rows.get(name)
        if not row.server and service is not None:
            self.services.remove(name)
        elif service is not None and row.server in service.servers.rows:
            service.servers.remove(row.server)
        self._service = None

    def _put(self, known: Numbering[State], name: str, row: State) -> None:
        """Add a row, in place of those that it replaces. Raises ValueError."""
        _check(row)
        if self._appended:
            old = known.rows.get(name)
            if old is not None:
                known.remove(name)
            # a number is given again after its row has been forgotten
            holder = known.names.get(row.number)
            if holder is not None:
                known.remove(holder)
            if holder is not None or (old is not None and old.number != row.number):
                self._continuous = False  # an earlier version did not save what was forgotten
        known.add(name, row)
        if not self._same_boot:  # a boot resets all counters
            row.note_reset()
            row.continuous_since = 0.0


def _check(row: RowState) -> None:
    _check_counters(row.counters)
    _check_counters(row.counter_offset)
    if row.gone_since is not None and row.missing_since is None:
        raise ValueError("gone, but not missing")


def _check_counters(counters: Optional[Traffic]) -> None:
    if counters is not None and max(counters) > MAX_COUNTER:  # the codec refuses those below 0
        raise ValueError("a counter above 2^64-1")


def _baseline(pairs: Any) -> List[Tuple[int, float]]:
    """Return the pairs of a baseline. Raises ValueError and TypeError."""
    found = [(count, when) for count, when in pairs]
    for count, when in found:
        if type(count) is not int or not 0 <= count <= MAX_NUMBER or _time(when) is None:
            raise ValueError(f"{BASELINE}: not a number of servers and a time")
    if found != sorted(dict(found).items(), reverse=True):
        raise ValueError(f"{BASELINE}: not falling")
    return found


def _time(value: Any) -> Optional[float]:
    """Return a time in seconds since 1970; None for anything else."""
    return value if type(value) in (int, float) and abs(value) < MAX_SECONDS else None


def _next_number(value: object, otherwise: Numbering[State]) -> int:
    if type(value) is int and 1 <= value <= MAX_NUMBER:
        return value
    return max(otherwise.names, default=0) % MAX_NUMBER + 1
