# SPDX-License-Identifier: GPL-3.0-or-later
"""SNMP's types, and how scalars and tables are declared. Knows nothing of IPVS.

Sources: RFC 2578 (types), RFC 2579 (TimeStamp, BITS), RFC 4001.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Callable, Iterable, Sequence, Tuple

Oid = Tuple[int, ...]
Value = Callable[[Any], Any]  # a row to its value, None where it has no instance

MAX_TEXT_BYTES = 255  # SnmpAdminString, RFC 3411


def dotted(oid: Oid) -> str:
    """1.3.6.1, with no dot before it."""
    return ".".join(map(str, oid))


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
