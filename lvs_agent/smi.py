# SPDX-License-Identifier: GPL-3.0-or-later
"""SNMP's types, and ordered access to scalars and tables by OID. Knows nothing of IPVS.

Nothing is prepared for each value: rows stay as they are, sorted by instance, and a value is
formatted when it is asked for. Sources: RFC 2578 (types), RFC 2579 (TimeStamp, BITS), RFC 4001.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

Oid = Tuple[int, ...]
Value = Callable[[Any], Any]  # a row to its value, None where it has no instance

MAX_TEXT_BYTES = 255  # SnmpAdminString, RFC 3411

# A table of 28 columns read row by row is 28 walks at once; of more, the oldest are searched anew.
MAX_WALKS = 256


def dotted(oid: Oid) -> str:
    """1.3.6.1, with no dot before it."""
    return ".".join(map(str, oid))


class Varbind(NamedTuple):
    """An answer as pass_persist writes it: OID below the base, dotted; type keyword; value."""

    oid: str
    keyword: str
    value: str


@dataclass(frozen=True)
class Syntax:
    """A type: its name in MIB files, and how a value becomes pass_persist's type and value."""

    name: str
    form: Callable[[Any], Tuple[str, str]]


def _saturating(name: str, keyword: str, lowest: int, highest: int) -> Syntax:
    # snmpd wraps what is out of range, silently
    def form(value: int) -> Tuple[str, str]:
        # not str(): before Python 3.11 that gives the name of an IntEnum
        return keyword, f"{min(max(value, lowest), highest):d}"

    return Syntax(name, form)


def _wrapping(name: str, keyword: str, bits: int) -> Syntax:
    """Counters and times begin again at 0 after their highest value (RFC 2578, 7.1.6 and on)."""

    def form(value: int) -> Tuple[str, str]:
        return keyword, str(value & (1 << bits) - 1)

    return Syntax(name, form)


def _octets(value: bytes) -> Tuple[str, str]:
    return "octet", value.hex(" ")


def _text(value: str) -> Tuple[str, str]:
    line = "".join(char if char.isprintable() else "?" for char in value)
    data = line.encode("utf-8", "replace")[:MAX_TEXT_BYTES]
    # older snmpds read beyond an empty string, none beyond an empty octet
    return ("string", data.decode("utf-8", "ignore")) if data else ("octet", "")


def _truth(value: bool) -> Tuple[str, str]:
    return "integer", "1" if value else "2"


def _plain(keyword: str) -> Callable[[Any], Tuple[str, str]]:
    return lambda value: (keyword, str(value))


Integer32 = _saturating("Integer32", "integer", -(2**31), 2**31 - 1)
Enumeration = _saturating("INTEGER", "integer", -(2**31), 2**31 - 1)
Unsigned32 = _saturating("Unsigned32", "gauge", 0, 2**32 - 1)
Gauge32 = _saturating("Gauge32", "gauge", 0, 2**32 - 1)
Counter32 = _wrapping("Counter32", "counter", 32)
Counter64 = _wrapping("Counter64", "counter64", 64)
TimeStamp = _wrapping("TimeStamp", "timeticks", 32)
TruthValue = Syntax("TruthValue", _truth)
IpAddress = Syntax("IpAddress", _plain("ipaddress"))
Bits = Syntax("BITS", _octets)
SnmpAdminString = Syntax("SnmpAdminString", _text)
InetAddressType = _saturating("InetAddressType", "integer", 0, 16)
InetAddress = Syntax("InetAddress", _octets)
InetPortNumber = _saturating("InetPortNumber", "gauge", 0, 65535)
InetAddressPrefixLength = _saturating("InetAddressPrefixLength", "gauge", 0, 2040)


@dataclass(frozen=True)
class Scalar:
    """An object with one instance, .0; value is None where it has none."""

    path: Oid
    name: str
    syntax: Syntax
    value: Value


@dataclass(frozen=True)
class Index:
    """A part of a table's index. If it is accessible, it is also a column."""

    number: int
    name: str
    syntax: Syntax
    accessible: bool = False


@dataclass(frozen=True)
class Column:
    """A column of a table; value gives a row's value, None where it has no instance."""

    number: int
    name: str
    syntax: Syntax
    value: Value


@dataclass(frozen=True)
class Table:
    """A conceptual table: rows gives the pairs of instance and row of one snapshot."""

    path: Oid
    name: str
    entry: str
    index: Sequence[Index]
    rows: Callable[[Any], Iterable[Tuple[Oid, Any]]]
    columns: Sequence[Column]


def at(path: str) -> Value:
    """A column's value by name: an attribute of the row, or of one of its attributes.

    None where that inner one is None: at("counters.conns").
    """
    outer, _, inner = path.partition(".")
    get = attrgetter(outer)
    if not inner:
        return get

    def value(row: Any) -> Any:
        record = get(row)
        return None if record is None else getattr(record, inner)

    return value


class _Rows:
    """The rows of a table in the order of their instances: sorted at their first use.

    So the first answer from a snapshot sorts one table, not all: with 60,000 services and as many
    real servers snmpd waits 0.05 s for each, at four times, and not 0.2 s.
    """

    def __init__(self, pairs: Callable[[], Iterable[Tuple[Oid, Any]]]) -> None:
        self._pairs = pairs

    @cached_property
    def _sorted(self) -> Tuple[List[Oid], List[Any]]:
        # a row that is told twice has one instance
        pairs = sorted(dict(self._pairs()).items(), key=itemgetter(0))
        return [instance for instance, _row in pairs], [row for _instance, row in pairs]

    @cached_property
    def instances(self) -> List[Oid]:
        return self._sorted[0]

    @cached_property
    def rows(self) -> List[Any]:
        """Each at the place of its instance."""
        return self._sorted[1]

    @cached_property
    def _texts(self) -> List[str]:
        return [""] * len(self.instances)

    def text(self, place: int) -> str:
        """An instance, dotted."""
        # written at its first use, for all columns: each time would cost an answer 0.9 µs
        text = self._texts[place] = self._texts[place] or dotted(self.instances[place])
        return text


class _Strand:
    """One column's or scalar's instances, in order."""

    def __init__(self, prefix: Oid, syntax: Syntax, value: Value, rows: _Rows) -> None:
        self.prefix = prefix
        self._text = dotted(prefix) + "."
        self._form = syntax.form
        self._value = value
        self._rows = rows

    def get(self, instance: Oid) -> Optional[Varbind]:
        instances = self._rows.instances
        place = bisect_left(instances, instance)
        if place == len(instances) or instances[place] != instance:
            return None
        value = self._value(self._rows.rows[place])
        if value is None:
            return None
        return Varbind(self._text + self._rows.text(place), *self._form(value))

    def after(self, instance: Oid) -> Iterator[Varbind]:
        """What follows an instance, be there one or not; each value is that of when it is taken."""
        while True:
            # others may leave out what is absent meanwhile: that makes new rows, these stay
            rows = self._rows
            for place in range(bisect_right(rows.instances, instance), len(rows.instances)):
                value = self._value(rows.rows[place])
                if value is None:
                    break
                yield Varbind(self._text + rows.text(place), *self._form(value))
            else:
                return
            instance = rows.instances[place]
            self._leave_out_absent()

    def _leave_out_absent(self) -> None:
        # once for each snapshot and only for a column with gaps, so that none is searched
        pairs = zip(self._rows.instances, self._rows.rows)
        present = [pair for pair in pairs if self._value(pair[1]) is not None]
        self._rows = _Rows(lambda: present)


class View:
    """All objects of one snapshot. OIDs are relative to the base of the objects' paths."""

    def __init__(self, scalars: Iterable[Scalar], tables: Iterable[Table], snapshot: Any) -> None:
        one = _Rows(lambda: [((0,), snapshot)])
        strands = [_Strand(s.path, s.syntax, s.value, one) for s in scalars]
        for table in tables:
            strands.extend(_strands(table, snapshot))
        strands.sort(key=lambda strand: strand.prefix)
        self._strands = strands
        self._prefixes = [strand.prefix for strand in strands]
        self._walks: Dict[str, Iterator[Varbind]] = {}

    def get(self, oid: Oid) -> Optional[Varbind]:
        """The instance at oid; None if there is none."""
        place = bisect_right(self._prefixes, oid) - 1
        if place < 0:
            return None
        prefix = self._prefixes[place]
        if oid[: len(prefix)] != prefix:
            return None
        return self._strands[place].get(oid[len(prefix) :])

    def get_next(self, oid: Oid) -> Optional[Varbind]:
        """The first instance after oid, be there one at oid or not; None after the last."""
        return self._step(self.walk(oid))

    def go_on(self, oid: str) -> Optional[Varbind]:
        """What follows the last answer of a walk, known by its OID; None if there is no such walk.

        Nothing is parsed or searched, which took 9 of an answer's 12 µs.
        """
        walk = self._walks.pop(oid, None)
        return None if walk is None else self._step(walk)

    def walk(self, oid: Oid = ()) -> Iterator[Varbind]:
        """Every instance after oid, in order."""
        place = bisect_right(self._prefixes, oid) - 1
        if place >= 0:
            prefix = self._prefixes[place]
            if oid[: len(prefix)] == prefix:
                return _walk(self._strands[place:], oid[len(prefix) :])
        return _walk(self._strands[place + 1 :], ())

    def _step(self, walk: Iterator[Varbind]) -> Optional[Varbind]:
        varbind = next(walk, None)
        if varbind is not None:
            self._walks[varbind.oid] = walk
            if len(self._walks) > MAX_WALKS:
                del self._walks[next(iter(self._walks))]
        return varbind


def _walk(strands: Sequence[_Strand], instance: Oid) -> Iterator[Varbind]:
    """What follows an instance of the first strand, through all of them.

    No method of a view, which keeps its walks: that would be a cycle, which nothing frees.
    """
    for strand in strands:
        yield from strand.after(instance)
        instance = ()


def _strands(table: Table, snapshot: Any) -> Iterator[_Strand]:
    rows = _Rows(lambda: table.rows(snapshot))
    entry = (*table.path, 1)
    for place, index in enumerate(table.index):
        if index.accessible:
            yield _Strand((*entry, index.number), index.syntax, _same, _parts(rows, place))
    for column in table.columns:
        yield _Strand((*entry, column.number), column.syntax, column.value, rows)


def _parts(rows: _Rows, place: int) -> _Rows:
    """The instances again, each with its part at a place as what there is in its row."""
    return _Rows(lambda: [(instance, instance[place]) for instance in rows.instances])


def _same(value: Any) -> Any:
    return value
