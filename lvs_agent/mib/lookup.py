# SPDX-License-Identifier: GPL-3.0-or-later
"""Ordered get and getnext over the scalars and tables of one snapshot. Knows nothing of IPVS.

Values are not prepared in advance: rows stay as they are, sorted by instance, and a value is
formatted when it is requested.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property
from operator import itemgetter
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

from lvs_agent.mib.smi import Oid, Scalar, Syntax, Table, TimeStamp, Value, Varbind, dotted

# Reading a table of 28 columns row by row is 28 walks at once. Beyond the limit, the oldest walk
# is forgotten, and its next request has to be searched for.
MAX_WALKS = 256


class _TableRows:
    """The rows of a table in the order of their instances, sorted at their first use.

    The first answer from a snapshot sorts one table only, not all: with 60,000 services and as
    many real servers, snmpd waits four times 0.05 s instead of once 0.2 s.
    """

    def __init__(self, pairs: Callable[[], Iterable[Tuple[Oid, Any]]]) -> None:
        self._pairs = pairs

    @cached_property
    def _sorted(self) -> Tuple[List[Oid], List[Any]]:
        # a row that is given twice has one instance
        pairs = sorted(dict(self._pairs()).items(), key=itemgetter(0))
        return [instance for instance, _row in pairs], [row for _instance, row in pairs]

    @cached_property
    def instances(self) -> List[Oid]:
        return self._sorted[0]

    @cached_property
    def rows(self) -> List[Any]:
        """The rows, each at the place of its instance."""
        return self._sorted[1]

    @cached_property
    def _texts(self) -> List[str]:
        return [""] * len(self.instances)

    def text(self, place: int) -> str:
        """Return an instance, dotted."""
        # formatted once for all columns: doing it each time would cost an answer 0.9 µs
        text = self._texts[place] = self._texts[place] or dotted(self.instances[place])
        return text


class _Column:
    """The instances of one column or scalar, in order."""

    def __init__(
        self, prefix: Oid, syntax: Syntax, value: Value, rows: _TableRows, started: float
    ) -> None:
        self.prefix = prefix
        self._text = dotted(prefix) + "."
        self._type = syntax.type
        self._fit = syntax.fit if syntax is not TimeStamp else _ticks_after(started)
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
        return Varbind(self._text + self._rows.text(place), self._type, self._fit(value))

    def after(self, instance: Oid) -> Iterator[Varbind]:
        """Yield what follows an instance, which need not exist. Values are read when yielded."""
        while True:
            # another walk may replace self._rows meanwhile; these rows stay as they are
            rows = self._rows
            for place in range(bisect_right(rows.instances, instance), len(rows.instances)):
                value = self._value(rows.rows[place])
                if value is None:
                    break
                yield Varbind(self._text + rows.text(place), self._type, self._fit(value))
            else:
                return
            instance = rows.instances[place]
            self._leave_out_absent()

    def _leave_out_absent(self) -> None:
        # once for each snapshot, and only for a column with gaps, so that walks need not skip them
        pairs = zip(self._rows.instances, self._rows.rows)
        present = [pair for pair in pairs if self._value(pair[1]) is not None]
        self._rows = _TableRows(lambda: present)


class MibTree:
    """All objects of one snapshot. OIDs are relative to the base of the objects' paths.

    started is when sysUpTime was 0, in seconds of CLOCK_BOOTTIME. A value of syntax TimeStamp is
    given in the same seconds and served in hundredths of a second of sysUpTime, as 0 if it is
    before started (RFC 2579).
    """

    def __init__(
        self, scalars: Iterable[Scalar], tables: Iterable[Table], snapshot: Any, started: float
    ) -> None:
        one = _TableRows(lambda: [((0,), snapshot)])
        columns = [_Column(s.path, s.syntax, s.value, one, started) for s in scalars]
        for table in tables:
            columns.extend(_columns(table, snapshot, started))
        columns.sort(key=lambda column: column.prefix)
        # in the order of their prefixes; never changed
        self._columns = columns
        self._prefixes = [column.prefix for column in columns]
        # walks that may continue, by the OID of their last answer, the oldest first
        self._walks: Dict[str, Iterator[Varbind]] = {}

    def get(self, oid: Oid) -> Optional[Varbind]:
        """Return the instance at oid; None if there is none."""
        place = bisect_right(self._prefixes, oid) - 1
        if place < 0:
            return None
        prefix = self._prefixes[place]
        if oid[: len(prefix)] != prefix:
            return None
        return self._columns[place].get(oid[len(prefix) :])

    def get_next(self, oid: Oid) -> Optional[Varbind]:
        """Return the first instance after oid, which need not exist; None after the last."""
        return self._step(self.walk(oid))

    def go_on(self, oid: str) -> Optional[Varbind]:
        """Return what follows a walk's last answer, given its OID; None if there is no such walk.

        Nothing is parsed or searched, which would take 9 of an answer's 12 µs.
        """
        walk = self._walks.pop(oid, None)
        return None if walk is None else self._step(walk)

    def walk(self, oid: Oid = ()) -> Iterator[Varbind]:
        """Return an iterator over every instance after oid, in order."""
        place = bisect_right(self._prefixes, oid) - 1
        if place >= 0:
            prefix = self._prefixes[place]
            if oid[: len(prefix)] == prefix:
                return _walk(self._columns[place:], oid[len(prefix) :])
        return _walk(self._columns[place + 1 :], ())

    def _step(self, walk: Iterator[Varbind]) -> Optional[Varbind]:
        varbind = next(walk, None)
        if varbind is not None:
            self._walks[varbind.oid] = walk
            if len(self._walks) > MAX_WALKS:
                del self._walks[next(iter(self._walks))]
        return varbind


def _walk(columns: Sequence[_Column], instance: Oid) -> Iterator[Varbind]:
    """Yield what follows an instance of the first column, through all columns.

    This is not a method, since MibTree keeps its walks: that would be a reference cycle, which is
    never freed (cli._disable_cycle_collector).
    """
    for column in columns:
        yield from column.after(instance)
        instance = ()


def _columns(table: Table, snapshot: Any, started: float) -> Iterator[_Column]:
    rows = _TableRows(lambda: table.rows(snapshot))
    entry = (*table.path, 1)
    for place, index in enumerate(table.index):
        if index.accessible:
            parts = _parts(rows, place)
            yield _Column((*entry, index.number), index.syntax, _same, parts, started)
    for column in table.columns:
        yield _Column((*entry, column.number), column.syntax, column.value, rows, started)


def _parts(rows: _TableRows, place: int) -> _TableRows:
    """Return rows with the same instances; each row is the part of its instance at place."""
    return _TableRows(lambda: [(instance, instance[place]) for instance in rows.instances])


def _same(value: Any) -> Any:
    return value


def _ticks_after(started: float) -> Callable[[float], Union[int, bytes, str]]:
    return lambda seconds: TimeStamp.fit(int(max(0.0, seconds - started) * 100))
