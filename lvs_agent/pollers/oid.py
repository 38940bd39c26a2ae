# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent oid: translates the names of an object and a row to an OID, and back."""

from __future__ import annotations

import argparse
import re
import socket
from typing import Dict, List, Sequence, Tuple

from lvs_agent.codes import PROTOCOL_NAMES, IpProtocol
from lvs_agent.errors import UsageError
from lvs_agent.mib.smi import Oid, dotted
from lvs_agent.netsnmp import oids
from lvs_agent.pollers import naming, objects, parsing
from lvs_agent.pollers.naming import RIP, VIP
from lvs_agent.pollers.objects import COLUMN, NODE, Object

# names in instances as net-snmp prints them
_PROTOCOLS: Dict[str, int] = {
    "fwmark": IpProtocol.FWMARK,
    **{name.lower(): number for number, name in PROTOCOL_NAMES.items()},
}
_FAMILIES = {"ipv4": 4, "ipv6": 16}  # lengths of addresses in bytes

# kinds of rows by the index of their tables
_KINDS: Dict[Tuple[str, ...], str] = {
    ("lvsVipAddrType", "lvsVipAddr"): VIP,
    ("lvsRipAddrType", "lvsRipAddr"): RIP,
}
_OWNERS = {"lvsVs": "services", "lvsRs": "real servers", "lvsVip": "VIPs", "lvsRip": "RIPs"}


def run(args: argparse.Namespace) -> int:
    """Print the OID for words, or the words for an OID. Raises UsageError."""
    words = [args.object, *args.service, *args.options]
    if re.search(r"^\.?\d|[.]", args.object):
        print(words_of(parse_oid(words)))
    else:
        print(f".{dotted(oid_of(words[0], words[1:]))}")
    return 0


def oid_of(name: str, words: Sequence[str]) -> Oid:
    """Return the OID of an object in the row that words name. Raises UsageError.

    Without words, return the instance of a scalar, or the prefix of all instances of a column or
    table. A column of lvsRsTable with a service alone gives the prefix of all its real servers.
    """
    found = objects.named(name)
    if not words:
        return found.oid if found.kind in (COLUMN, NODE) else (*found.oid, 0)
    row = parsing.parse_named(words, _KINDS.get(found.index, VIP))
    if found.kind != COLUMN:
        raise UsageError(f"{found.name}: not a column; name a column, such as lvsVsInBytes")
    if not found.by_address:
        raise UsageError(_numbered(found))
    if f"{row.table}Addr" not in found.index:
        owners = _OWNERS[row.table]
        raise UsageError(f"{found.name}: not an object of {owners}; those begin with {row.table}")
    return (*found.oid, *row.instance)


def words_of(oid: Oid) -> str:
    """Return the words for an OID, which can be translated back. Raises UsageError."""
    found, instance = objects.at(oid)
    if found.kind == NODE and instance:
        raise UsageError(f"{dotted(oid)}: no such object in {found.name}")
    if not instance or (found.kind != COLUMN and instance == (0,)):
        return found.name
    if not found.by_address:
        return f"{found.name}.{dotted(instance)}"
    if found.index in _KINDS:
        return f"{found.name} {naming.address_row_of(_KINDS[found.index], instance).address}"
    row = naming.row_of(instance)
    if row.server and "lvsRsAddr" not in found.index:
        raise UsageError(f"{dotted(oid)}: no such row in {found.name}")
    return f"{found.name} {row}"


def parse_oid(words: Sequence[str]) -> Oid:
    """Parse an OID in numbers or as net-snmp prints it; a value may follow. Raises UsageError.

    Quotes around an address may be missing, since a shell removes them.
    """
    text, *rest = words
    if rest and rest[0] not in ("=", ":"):
        raise UsageError(f"{' '.join(words)}: unexpected words after the OID")
    plain = re.sub(r"^[A-Za-z][\w-]*::", "", text)
    name, _, instance = plain.partition(".")
    if name and not name.isdecimal():
        try:
            found = objects.named(name)
        except objects.ObjectError:
            numbers = oids.parse(text)
            if numbers is None:
                raise
            return numbers
        return (*found.oid, *_instance(text, instance, found.index in _KINDS))
    numbers = oids.parse(plain)
    if numbers is None:
        raise UsageError(f"{text}: neither an OID nor the name of an object in LVS-MIB")
    return numbers


def _numbered(found: Object) -> str:
    if found.index[:1] == ("lvsServiceNumber",) or "lvsRealServerNumber" in found.index:
        return (
            f"{found.name}: its rows are numbered (see lvsVsNumber and lvsRsNumber); use a column"
            " of lvsVsTable or lvsRsTable, which are indexed by address"
        )
    return f"{found.name}: its rows are not services"


def _instance(text: str, instance: str, alone: bool) -> Oid:
    """Parse an instance; alone is True for an address that nothing follows."""
    parts = re.findall(r'"[^"]*"|[^."]+', instance)
    found: List[int] = []
    while parts:
        part = parts.pop(0)
        if part in _FAMILIES:
            length = _FAMILIES[part]
            found += [1 if part == "ipv4" else 2, *_address(text, parts, length, alone)]
        elif part in _PROTOCOLS:
            found.append(_PROTOCOLS[part])
        else:
            found.append(_number(text, part))
    return tuple(found)


def _address(text: str, parts: List[str], length: int, alone: bool) -> List[int]:
    """Take an address from the front of parts, and return its length and bytes."""
    if parts and (parts[0].startswith('"') or ":" in parts[0]):
        return [length, *_bytes(text, parts.pop(0).strip('"'), length)]
    plain = next((at for at, part in enumerate(parts) if not part.isdecimal()), len(parts))
    port = 0 if alone or plain < len(parts) else 1  # a real server's port follows its address
    if length == 4 and plain == length + port:  # without quotes
        return [length, *(_number(text, parts.pop(0)) for _ in range(length))]
    if parts[:1] != [str(length)] or plain <= length:
        raise UsageError(f"{text}: incomplete address")
    return [_number(text, parts.pop(0)) for _ in range(length + 1)]


def _number(text: str, part: str) -> int:
    value = oids.number(part)
    if value is None:
        raise UsageError(f"{text}: unexpected {part!r}")
    return value


def _bytes(text: str, address: str, length: int) -> bytes:
    digits = address.replace(":", "")
    if length == 16 and re.fullmatch("[0-9A-Fa-f]{32}", digits):
        return bytes.fromhex(digits)
    try:
        return socket.inet_pton(socket.AF_INET if length == 4 else socket.AF_INET6, address)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{text}: not an address: {address}") from error
