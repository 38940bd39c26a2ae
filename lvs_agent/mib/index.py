# SPDX-License-Identifier: GPL-3.0-or-later
"""The indexes by address, which several tables of LVS-MIB share."""

from __future__ import annotations

from typing import Dict

from lvs_agent.codes import Family
from lvs_agent.mib import smi
from lvs_agent.mib.smi import Index, Oid

# ipv4(1) and ipv6(2), RFC 4001
INET_ADDRESS_TYPE: Dict[int, int] = {Family.INET: 1, Family.INET6: 2}

VS_INDEX = [
    Index(1, "lvsVsAddrType", smi.InetAddressType),
    Index(2, "lvsVsAddr", smi.InetAddress),
    Index(3, "lvsVsProtocol", smi.Enumeration),
    Index(4, "lvsVsPort", smi.Unsigned32),
]
RS_INDEX = [
    *VS_INDEX,
    Index(1, "lvsRsAddrType", smi.InetAddressType),
    Index(2, "lvsRsAddr", smi.InetAddress),
    Index(3, "lvsRsPort", smi.InetPortNumber),
]


def instance(family: int, packed: bytes, *rest: int) -> Oid:
    """Return the part of an instance that a key stands for: address type, length and address,
    then the rest of the key."""
    return (INET_ADDRESS_TYPE[family], len(packed), *packed, *rest)
