# SPDX-License-Identifier: GPL-3.0-or-later
"""SNMP's types, and the declarations of scalars and tables. Knows nothing of IPVS.

Sources: RFC 2578 (types), RFC 2579 (TimeStamp, DateAndTime, BITS), RFC 4001.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, Callable, Iterable, NamedTuple, Sequence, Tuple, Union

Oid = Tuple[int, ...]
Value = Callable[[Any], Any]  # returns a row's value, None where it has no instance

_LAST_TENTH = 2534023007999  # of a second, of the year 9999
MAX_TEXT_BYTES = 255  # SnmpAdminString, RFC 3411
MAX_ALIAS_BYTES = 64  # as ifAlias, RFC 2863


def dotted(oid: Oid) -> str:
    """Return an OID as text without a leading dot: 1.3.6.1."""
    return ".".join(map(str, oid))


@dataclass(frozen=True, eq=False)
class Type:
    """A type of values in messages (RFC 2578, 7.1), by its name in MIB files."""

    name: str


Integer = Type("Integer32")
Octets = Type("OCTET STRING")
Text = Type("OCTET STRING")  # in UTF-8
Address = Type("IpAddress")
Count32 = Type("Counter32")
Gauge = Type("Gauge32")
Ticks = Type("TimeTicks")
Count64 = Type("Counter64")


@dataclass(frozen=True, eq=False)
class Syntax:
    """The syntax of an object: its name in MIB files, its type in messages, and its values.

    fit converts a value to one of the type: bytes for Octets, str for Text and Address, else int.
    """

    name: str
    type: Type
    fit: Callable[[Any], Union[int, bytes, str]]


def _saturating(name: str, type_: Type, lowest: int, highest: int) -> Syntax:
    # snmpd silently wraps values that are out of range
    return Syntax(name, type_, lambda value: min(max(value, lowest), highest))


def _wrapping(name: str, type_: Type, bits: int) -> Syntax:
    """Return the syntax of a counter or time, which wraps to 0 (RFC 2578, 7.1.6 and following)."""
    mask = (1 << bits) - 1
    return Syntax(name, type_, lambda value: value & mask)


def _text(value: str, most: int = MAX_TEXT_BYTES) -> str:
    # not all of it: an alias may have a million characters
    line = "".join(char if char.isprintable() else "?" for char in value[:most])
    return line.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


@lru_cache(maxsize=1024)  # without it, a time takes longer than the rest of its answer
def _date_and_time(seconds: float) -> bytes:
    """Return a time in seconds since 1970 as the 11 octets of RFC 2579, in UTC."""
    tenths = min(max(round(seconds * 10), 0), _LAST_TENTH)
    when = time.gmtime(tenths // 10)
    return struct.pack("!H6BcBB", *when[:6], tenths % 10, b"+", 0, 0)


Integer32 = _saturating("Integer32", Integer, -(2**31), 2**31 - 1)
Enumeration = _saturating("INTEGER", Integer, -(2**31), 2**31 - 1)
Unsigned32 = _saturating("Unsigned32", Gauge, 0, 2**32 - 1)
Gauge32 = _saturating("Gauge32", Gauge, 0, 2**32 - 1)
Counter32 = _wrapping("Counter32", Count32, 32)
Counter64 = _wrapping("Counter64", Count64, 64)
TimeStamp = _wrapping("TimeStamp", Ticks, 32)
DateAndTime = Syntax("DateAndTime", Octets, _date_and_time)
TruthValue = Syntax("TruthValue", Integer, lambda value: 1 if value else 2)
IpAddress = Syntax("IpAddress", Address, str)
Bits = Syntax("BITS", Octets, bytes)
SnmpAdminString = Syntax("SnmpAdminString", Text, _text)
Alias = Syntax("SnmpAdminString", Text, lambda value: _text(value, MAX_ALIAS_BYTES))
InetAddressType = _saturating("InetAddressType", Integer, 0, 16)
InetAddress = Syntax("InetAddress", Octets, bytes)
InetPortNumber = _saturating("InetPortNumber", Gauge, 0, 65535)
InetAddressPrefixLength = _saturating("InetAddressPrefixLength", Gauge, 0, 2040)


class Varbind(NamedTuple):
    """An instance: its dotted OID relative to the base, its type and its value (see Syntax)."""

    oid: str
    type: Type
    value: Union[int, bytes, str]


@dataclass(frozen=True)
class Scalar:
    """An object with one instance, .0; value returns None where it has none."""

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
    """A column of a table; value returns a row's value, None where it has no instance."""

    number: int
    name: str
    syntax: Syntax
    value: Value


@dataclass(frozen=True)
class Table:
    """A conceptual table; rows returns the pairs of instance and row of one snapshot."""

    path: Oid
    name: str
    entry: str
    index: Sequence[Index]
    rows: Callable[[Any], Iterable[Tuple[Oid, Any]]]
    columns: Sequence[Column]


def at(path: str) -> Value:
    """Return a function that reads an attribute of a row, or of one of its attributes.

    The function that at("counters.conns") returns gives None where counters is None.
    """
    outer, _, inner = path.partition(".")
    get = attrgetter(outer)
    if not inner:
        return get

    def value(row: Any) -> Any:
        record = get(row)
        return None if record is None else getattr(record, inner)

    return value
