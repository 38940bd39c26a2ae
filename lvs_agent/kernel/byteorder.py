# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts recorded messages of a machine with the other byte order to this machine's.

The decoder reads this machine's byte order only. A payload that messages.FIELDS does not declare is
not changed, nor is anything after an invalid length.
"""

from __future__ import annotations

import struct
import sys
from typing import Callable, Iterator, Mapping, Set, Tuple

from lvs_agent.codes import AF, Family
from lvs_agent.kernel import messages
from lvs_agent.kernel.decoding import U16, U32, Field
from lvs_agent.kernel.netlink import (
    ATTRIBUTE_HEADER,
    CTRL_ATTR_FAMILY_ID,
    GENL_ID_CTRL,
    NLA_TYPE_MASK,
    NLMSG_DONE,
    NLMSG_ERROR,
    Path,
)

# the sizes of the integers in a header, or in a payload with a format of struct
MESSAGE, GENERIC_BYTES, ATTRIBUTE, ERRNO = (4, 2, 2, 4, 4), 4, (2, 2), (4,)
INTEGERS = {"H": (2,), "I": (4,), "i": (4,), "Q": (8,), "I4x": (4, 4)}

CONTROLLER = {"FAMILY_ID": Field((CTRL_ATTR_FAMILY_ID,), U16)}
PREFIX = Field(messages.SERVICE_NETMASK, U32)  # the netmask of an IPv6 service
INET6 = struct.pack("=H", AF[Family.INET6])

_LENGTH_TYPE, _ATTRIBUTE = struct.Struct("=IH"), struct.Struct("=HH")


def converter(order: str) -> Callable[[bytes], bytes]:
    """Return the function that converts datagrams of a byte order: "little" or "big"."""
    return bytes if order == sys.byteorder else native


def native(datagram: bytes) -> bytes:
    """Return a datagram of the other byte order in this machine's."""
    data = bytearray(datagram)
    offset = 0
    while len(data) - offset >= sum(MESSAGE):
        _reverse(data, offset, MESSAGE)
        length, kind = _LENGTH_TYPE.unpack_from(data, offset)
        if not sum(MESSAGE) <= length <= len(data) - offset:
            break
        body, end = offset + sum(MESSAGE), offset + length
        if kind in (NLMSG_ERROR, NLMSG_DONE):
            if end - body >= sum(ERRNO):
                _reverse(data, body, ERRNO)
        elif end - body >= GENERIC_BYTES:
            fields = messages.FIELDS.get(data[body], {}) if kind != GENL_ID_CTRL else CONTROLLER
            _convert(data, body + GENERIC_BYTES, end, fields)
        offset += (length + 3) & ~3
    return bytes(data)


def _convert(data: bytearray, offset: int, end: int, fields: Mapping[str, Field]) -> None:
    every = {
        each.path: each for field in fields.values() for each in (field, field.instead) if each
    }
    nests = {path[:depth] for path in every for depth in range(1, len(path))}
    for path, start, stop in _walk(data, offset, end, (), nests):
        field = every.get(path)
        if field is not None and not field.network:
            _reverse(data, start, INTEGERS.get(field.codes.get(stop - start, ""), ()))
        if path == messages.SERVICE_AF and data[start:stop] == INET6:  # the kernel writes it first
            every[PREFIX.path] = PREFIX


def _walk(
    data: bytearray, offset: int, end: int, above: Path, nests: Set[Path]
) -> Iterator[Tuple[Path, int, int]]:
    """Yield the attributes as netlink.walk does, also those in nests; convert their headers."""
    while end - offset >= ATTRIBUTE_HEADER:
        _reverse(data, offset, ATTRIBUTE)
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if not ATTRIBUTE_HEADER <= length <= end - offset:
            return
        path = (*above, kind & NLA_TYPE_MASK)
        start, stop = offset + ATTRIBUTE_HEADER, offset + length
        yield path, start, stop
        if path in nests:
            yield from _walk(data, start, stop, path, nests)
        offset += (length + 3) & ~3


def _reverse(data: bytearray, offset: int, sizes: Tuple[int, ...]) -> None:
    """Reverse the bytes of successive integers."""
    for size in sizes:
        data[offset : offset + size] = data[offset : offset + size][::-1]
        offset += size
