# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of the generic netlink family "IPVS": attribute bytes to records and back.

Source: include/uapi/linux/ip_vs.h (IPVS_*_ATTR_*) and net/netfilter/ipvs/ip_vs_ctl.c, which
fills the messages. Ports, addresses and IPv4 netmasks are in network byte order, all else in
the machine's. Every function raises NetlinkError, naming the attribute, for bytes that are not
what that file writes; attributes it doesn't know are passed over.
"""

from __future__ import annotations

import socket
import struct
import sys
from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from lvs_agent.netlink import NetlinkError, attribute, attributes
from lvs_agent.snapshot import (
    AF,
    FWMARK,
    INET,
    INET6,
    RealServer,
    SyncDaemon,
    Traffic,
    VirtualService,
)

IPVS_CMD_ATTR_SERVICE, IPVS_CMD_ATTR_DEST, IPVS_CMD_ATTR_DAEMON = 1, 2, 3
IPVS_CMD_ATTR_TIMEOUT_TCP, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, IPVS_CMD_ATTR_TIMEOUT_UDP = 4, 5, 6

IPVS_SVC_ATTR_AF = 1
IPVS_SVC_ATTR_PROTOCOL = 2
IPVS_SVC_ATTR_ADDR = 3
IPVS_SVC_ATTR_PORT = 4
IPVS_SVC_ATTR_FWMARK = 5
IPVS_SVC_ATTR_SCHED_NAME = 6
IPVS_SVC_ATTR_FLAGS = 7
IPVS_SVC_ATTR_TIMEOUT = 8
IPVS_SVC_ATTR_NETMASK = 9
IPVS_SVC_ATTR_STATS = 10
IPVS_SVC_ATTR_PE_NAME = 11
IPVS_SVC_ATTR_STATS64 = 12  # since Linux 4.1

IPVS_DEST_ATTR_ADDR = 1
IPVS_DEST_ATTR_PORT = 2
IPVS_DEST_ATTR_FWD_METHOD = 3
IPVS_DEST_ATTR_WEIGHT = 4
IPVS_DEST_ATTR_U_THRESH = 5
IPVS_DEST_ATTR_L_THRESH = 6
IPVS_DEST_ATTR_ACTIVE_CONNS = 7
IPVS_DEST_ATTR_INACT_CONNS = 8
IPVS_DEST_ATTR_PERSIST_CONNS = 9
IPVS_DEST_ATTR_STATS = 10
IPVS_DEST_ATTR_ADDR_FAMILY = 11  # since Linux 3.18
IPVS_DEST_ATTR_STATS64 = 12  # since Linux 4.1
IPVS_DEST_ATTR_TUN_TYPE = 13  # since Linux 5.2, as the next
IPVS_DEST_ATTR_TUN_PORT = 14
IPVS_DEST_ATTR_TUN_FLAGS = 15  # since Linux 5.3

IPVS_DAEMON_ATTR_STATE = 1
IPVS_DAEMON_ATTR_MCAST_IFN = 2
IPVS_DAEMON_ATTR_SYNC_ID = 3
IPVS_DAEMON_ATTR_SYNC_MAXLEN = 4  # since Linux 4.3, as the following
IPVS_DAEMON_ATTR_MCAST_GROUP = 5
IPVS_DAEMON_ATTR_MCAST_GROUP6 = 6
IPVS_DAEMON_ATTR_MCAST_PORT = 7
IPVS_DAEMON_ATTR_MCAST_TTL = 8

IPVS_INFO_ATTR_VERSION, IPVS_INFO_ATTR_CONN_TAB_SIZE = 1, 2

IP_VS_CONN_F_FWD_MASK = 0x7

U8, U16, U32, I32 = (struct.Struct(code) for code in ("=B", "=H", "=I", "=i"))
BE16 = struct.Struct("!H")
# IPVS_STATS_ATTR_CONNS to _OUTBPS are 1 to 10 in this order: five counters, five rates
_STATS_ATTRS = range(1, 11)

Attributes = Dict[int, bytes]


@dataclass(frozen=True)
class Info:
    """IPVS_CMD_GET_INFO: version as dotted text, size of the connection table in buckets."""

    version: str
    conn_table_size: int


@dataclass(frozen=True)
class Timeouts:
    """IPVS_CMD_GET_CONFIG: seconds."""

    tcp: int
    tcp_fin: int
    udp: int


def info(reply: bytes) -> Info:
    """A reply to IPVS_CMD_GET_INFO."""
    found = attributes(reply)
    version = _number(U32, found, IPVS_INFO_ATTR_VERSION, "VERSION")
    return Info(
        f"{version >> 16 & 0xFF}.{version >> 8 & 0xFF}.{version & 0xFF}",
        _number(U32, found, IPVS_INFO_ATTR_CONN_TAB_SIZE, "CONN_TAB_SIZE"),
    )


def timeouts(reply: bytes) -> Timeouts:
    """A reply to IPVS_CMD_GET_CONFIG."""
    found = attributes(reply)
    return Timeouts(
        _number(U32, found, IPVS_CMD_ATTR_TIMEOUT_TCP, "TIMEOUT_TCP"),
        _number(U32, found, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, "TIMEOUT_TCP_FIN"),
        _number(U32, found, IPVS_CMD_ATTR_TIMEOUT_UDP, "TIMEOUT_UDP"),
    )


def service(reply: bytes) -> VirtualService:
    """A message of an IPVS_CMD_GET_SERVICE dump, without real servers."""
    found = _nested(reply, IPVS_CMD_ATTR_SERVICE, "SERVICE")
    family = _family(_number(U16, found, IPVS_SVC_ATTR_AF, "AF"))
    protocol, port, fwmark = FWMARK, 0, 0
    address = "::" if family == INET6 else "0.0.0.0"
    if IPVS_SVC_ATTR_FWMARK in found:
        fwmark = _number(U32, found, IPVS_SVC_ATTR_FWMARK, "FWMARK")
    else:
        protocol = _number(U16, found, IPVS_SVC_ATTR_PROTOCOL, "PROTOCOL")
        port = _number(BE16, found, IPVS_SVC_ATTR_PORT, "PORT")
        address = _address(family, found, IPVS_SVC_ATTR_ADDR)
    flags = _sized(found, IPVS_SVC_ATTR_FLAGS, "FLAGS", 8)  # struct ip_vs_flags: flags, mask
    netmask = _sized(found, IPVS_SVC_ATTR_NETMASK, "NETMASK", 4)
    counters, rates = _traffic(found, IPVS_SVC_ATTR_STATS64, IPVS_SVC_ATTR_STATS)
    return VirtualService(
        family,
        protocol,
        address,
        port,
        fwmark,
        _text(found, IPVS_SVC_ATTR_SCHED_NAME, "SCHED_NAME"),
        U32.unpack_from(flags)[0],
        _number(U32, found, IPVS_SVC_ATTR_TIMEOUT, "TIMEOUT"),
        socket.inet_ntoa(netmask) if family == INET else str(U32.unpack(netmask)[0]),
        _text(found, IPVS_SVC_ATTR_PE_NAME, "PE_NAME") if IPVS_SVC_ATTR_PE_NAME in found else "",
        counters,
        rates,
    )


def service_identity(virtual: VirtualService) -> bytes:
    """The attributes that name a virtual service in an IPVS_CMD_GET_DEST request."""
    body = attribute(IPVS_SVC_ATTR_AF, U16.pack(AF[virtual.family]))
    if virtual.protocol == FWMARK:
        body += attribute(IPVS_SVC_ATTR_FWMARK, U32.pack(virtual.fwmark))
    else:
        packed = socket.inet_pton(AF[virtual.family], virtual.address)
        body += attribute(IPVS_SVC_ATTR_PROTOCOL, U16.pack(virtual.protocol))
        body += attribute(IPVS_SVC_ATTR_ADDR, packed.ljust(16, b"\0"))
        body += attribute(IPVS_SVC_ATTR_PORT, BE16.pack(virtual.port))
    return attribute(IPVS_CMD_ATTR_SERVICE, body)


def real_server(reply: bytes, family: int) -> RealServer:
    """A message of an IPVS_CMD_GET_DEST dump; family is the service's, for old kernels."""
    found = _nested(reply, IPVS_CMD_ATTR_DEST, "DEST")
    if IPVS_DEST_ATTR_ADDR_FAMILY in found:
        family = _family(_number(U16, found, IPVS_DEST_ATTR_ADDR_FAMILY, "ADDR_FAMILY"))
    counters, rates = _traffic(found, IPVS_DEST_ATTR_STATS64, IPVS_DEST_ATTR_STATS)
    return RealServer(
        _address(family, found, IPVS_DEST_ATTR_ADDR),
        _number(BE16, found, IPVS_DEST_ATTR_PORT, "PORT"),
        _number(U32, found, IPVS_DEST_ATTR_FWD_METHOD, "FWD_METHOD") & IP_VS_CONN_F_FWD_MASK,
        _number(I32, found, IPVS_DEST_ATTR_WEIGHT, "WEIGHT"),
        _number(U32, found, IPVS_DEST_ATTR_U_THRESH, "U_THRESH"),
        _number(U32, found, IPVS_DEST_ATTR_L_THRESH, "L_THRESH"),
        _number(U32, found, IPVS_DEST_ATTR_ACTIVE_CONNS, "ACTIVE_CONNS"),
        _number(U32, found, IPVS_DEST_ATTR_INACT_CONNS, "INACT_CONNS"),
        _number(U32, found, IPVS_DEST_ATTR_PERSIST_CONNS, "PERSIST_CONNS"),
        counters,
        rates,
        _optional(U8, found, IPVS_DEST_ATTR_TUN_TYPE, "TUN_TYPE"),
        _optional(BE16, found, IPVS_DEST_ATTR_TUN_PORT, "TUN_PORT"),
        _optional(U16, found, IPVS_DEST_ATTR_TUN_FLAGS, "TUN_FLAGS"),
    )


def daemon(reply: bytes) -> SyncDaemon:
    """A message of an IPVS_CMD_GET_DAEMON dump."""
    found = _nested(reply, IPVS_CMD_ATTR_DAEMON, "DAEMON")
    group = None
    if IPVS_DAEMON_ATTR_MCAST_GROUP in found:
        group = _address(INET, found, IPVS_DAEMON_ATTR_MCAST_GROUP)
    elif IPVS_DAEMON_ATTR_MCAST_GROUP6 in found:
        group = _address(INET6, found, IPVS_DAEMON_ATTR_MCAST_GROUP6)
    return SyncDaemon(
        _number(U32, found, IPVS_DAEMON_ATTR_STATE, "STATE"),
        _text(found, IPVS_DAEMON_ATTR_MCAST_IFN, "MCAST_IFN"),
        _number(U32, found, IPVS_DAEMON_ATTR_SYNC_ID, "SYNC_ID"),
        group,
        _optional(U16, found, IPVS_DAEMON_ATTR_MCAST_PORT, "MCAST_PORT"),
        _optional(U8, found, IPVS_DAEMON_ATTR_MCAST_TTL, "MCAST_TTL"),
        _optional(U16, found, IPVS_DAEMON_ATTR_SYNC_MAXLEN, "SYNC_MAXLEN"),
    )


def _traffic(found: Attributes, stats64: int, stats: int) -> Tuple[Traffic, Traffic]:
    nested = found.get(stats64)
    if nested is None:
        nested = found.get(stats)
    if nested is None:
        raise NetlinkError("neither STATS64 nor STATS")
    values = attributes(nested)
    # STATS has 4-byte attributes beside 8-byte ones, STATS64 only 8-byte ones
    numbers = []
    for kind in _STATS_ATTRS:
        payload = values.get(kind)
        if payload is None or len(payload) not in (4, 8):
            raise NetlinkError(f"STATS attribute {kind}: {_said(payload)}, expected 4 or 8 bytes")
        numbers.append(int.from_bytes(payload, sys.byteorder))
    return Traffic(*numbers[:5]), Traffic(*numbers[5:])


def _nested(reply: bytes, kind: int, name: str) -> Attributes:
    found = attributes(reply)
    if kind not in found:
        raise NetlinkError(f"no attribute {name}")
    return attributes(found[kind])


def _sized(found: Attributes, kind: int, name: str, size: int) -> bytes:
    payload = found.get(kind)
    if payload is None or len(payload) != size:
        raise NetlinkError(f"attribute {name}: {_said(payload)}, expected {size} bytes")
    return payload


def _number(layout: struct.Struct, found: Attributes, kind: int, name: str) -> int:
    return int(layout.unpack(_sized(found, kind, name, layout.size))[0])


def _optional(layout: struct.Struct, found: Attributes, kind: int, name: str) -> Optional[int]:
    return _number(layout, found, kind, name) if kind in found else None


def _family(af: int) -> int:
    for family, number in AF.items():
        if number == af:
            return family
    raise NetlinkError(f"address family {af}, neither AF_INET nor AF_INET6")


def _address(family: int, found: Attributes, kind: int) -> str:
    # union nf_inet_addr: 16 bytes, of which IPv4 uses the first four; MCAST_GROUP has only those
    size = 4 if family == INET else 16
    payload = found.get(kind)
    if payload is None or len(payload) < size:
        raise NetlinkError(f"address attribute {kind}: {_said(payload)}, expected {size} bytes")
    return socket.inet_ntop(AF[family], payload[:size])


def _text(found: Attributes, kind: int, name: str) -> str:
    payload = found.get(kind)
    if payload is None:
        raise NetlinkError(f"no attribute {name}")
    return payload.split(b"\0", 1)[0].decode("utf-8", "replace")


def _said(payload: Optional[bytes]) -> str:
    return "missing" if payload is None else f"{len(payload)} bytes"
