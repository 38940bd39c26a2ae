# SPDX-License-Identifier: GPL-3.0-or-later
"""Records as JSON arrays and back, with every type checked: for the wire and the state file."""

from __future__ import annotations

import enum
import json
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, Dict, Generic, List, Set, Tuple, Type, TypeVar, get_args, get_type_hints

from lvs_agent.services import Traffic

Record = TypeVar("Record")

MAX_SECONDS = 1e12


class RowError(Exception):
    """Values that do not make a record; the text names the column."""


class RowCodec(Generic[Record]):
    """The conversion of one dataclass to a JSON array and back. A Traffic is a nested array.

    until names the first field to leave out: it and all fields after it keep their defaults.
    """

    def __init__(self, record: Type[Record], until: str = "") -> None:
        hints = _hints(record)  # type: ignore[arg-type]
        names = [field.name for field in fields(record)]  # type: ignore[arg-type]
        self.names = names[: names.index(until)] if until else names
        self._record = record
        self._get = attrgetter(*self.names)
        self._accepted = [_accepted(hints[name]) for name in self.names]
        self._traffic = [
            place for place, name in enumerate(self.names) if list in self._accepted[place]
        ]
        self._floats = [
            place for place, name in enumerate(self.names) if float in self._accepted[place]
        ]
        self._seen: Set[Tuple[type, ...]] = set()

    def encode(self, record: Record) -> Tuple[object, ...]:
        """Return the record's values in the order of names, for JSONEncoder."""
        return self._get(record)

    def decode(self, values: object) -> Record:
        """Return the record of a decoded array. Raises RowError naming the wrong column."""
        if type(values) is not list:
            raise RowError("not an array")
        kinds = tuple(map(type, values))
        if kinds not in self._seen:
            self._check(values)
            self._seen.add(kinds)
        for place in self._floats:
            if not _is_time(values[place]):
                raise RowError(f"{self.names[place]}: not a time in seconds")
        for place in self._traffic:
            if values[place] is not None:
                values[place] = _traffic(values[place], self.names[place])
        return self._record(*values)

    def _check(self, values: List[object]) -> None:
        if len(values) != len(self.names):
            raise RowError(f"{len(values)} columns, expected {len(self.names)}")
        for name, accepted, value in zip(self.names, self._accepted, values):
            if type(value) not in accepted:
                raise RowError(f"{name}: wrong type: {json.dumps(value)[:40]}")


@cache
def _hints(record: type) -> Dict[str, object]:
    # get_type_hints() evaluates every annotation: a millisecond for the records of a snapshot
    return get_type_hints(record)


def _is_time(value: object) -> bool:
    """Return True for None, or seconds that can be converted to hundredths; False for NaN."""
    return value is None or -MAX_SECONDS < value < MAX_SECONDS  # type: ignore[operator]


def _accepted(hint: object) -> Tuple[type, ...]:
    optional = [part for part in get_args(hint) if part is not type(None)]
    if optional:
        return (*_accepted(optional[0]), type(None))
    if hint is Traffic:
        return (list,)
    if hint is float:
        return (float, int)
    assert isinstance(hint, type)
    return (int,) if issubclass(hint, enum.IntEnum) else (hint,)


def _traffic(values: List[Any], name: str) -> Traffic:
    if list(map(type, values)) != [int] * 5 or min(values) < 0:
        raise RowError(f"{name}: not five numbers from 0 on")
    return Traffic(*values)
