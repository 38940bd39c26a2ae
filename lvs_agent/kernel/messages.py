# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of the generic netlink family "IPVS": attribute bytes to records and back.

Source: include/uapi/linux/ip_vs.h (IPVS_*_ATTR_*) and net/netfilter/ipvs/ip_vs_ctl.c, which
fills the messages. Ports, addresses and IPv4 netmasks are in network byte order, all else in
the machine's. Every decoder raises NetlinkError, naming the attribute, for bytes that are not
what that file writes; attributes it doesn't know are passed over.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import List

from lvs_agent.codes import AF, Family, IpProtocol
from lvs_agent.kernel.decoding import S32, TEXT, U8, U16, U32, U64, Field, Layouts
from lvs_agent.kernel.netlink import NetlinkError, attribute
from lvs_agent.snapshot import RealServer, SyncDaemon, Traffic, VirtualService

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

IPVS_STATS_ATTR_INBYTES, IPVS_STATS_ATTR_OUTBYTES = 4, 5

IPVS_INFO_ATTR_VERSION, IPVS_INFO_ATTR_CONN_TAB_SIZE = 1, 2

IP_VS_CONN_F_FWD_MASK = 0x7

_U16, _U32, _BE16 = struct.Struct("=H"), struct.Struct("=I"), struct.Struct("!H")
_PREFIX = _U32  # an IPv6 service's NETMASK is a prefix length

_FAMILIES = {int(af): family for family, af in AF.items()}

_ADDRESS = {16: "16s"}  # union nf_inet_addr, of which IPv4 uses the first four bytes
_IPV4_ADDRESS = {4: "4s"}

_INFO = [
    Field("VERSION", (IPVS_INFO_ATTR_VERSION,), U32),
    Field("CONN_TAB_SIZE", (IPVS_INFO_ATTR_CONN_TAB_SIZE,), U32),
]

_CONFIG = [
    Field("TIMEOUT_TCP", (IPVS_CMD_ATTR_TIMEOUT_TCP,), U32),
    Field("TIMEOUT_TCP_FIN", (IPVS_CMD_ATTR_TIMEOUT_TCP_FIN,), U32),
    Field("TIMEOUT_UDP", (IPVS_CMD_ATTR_TIMEOUT_UDP,), U32),
]


def _stats(nest: int, stats64: int, stats: int) -> List[Field]:
    # IPVS_STATS_ATTR_CONNS to _OUTBPS are 1 to 10: five counters, then the five rates
    fields = []
    for kind in range(1, 11):
        codes = U64 if kind in (IPVS_STATS_ATTR_INBYTES, IPVS_STATS_ATTR_OUTBYTES) else U32
        old = Field(f"STATS.{kind}", (nest, stats, kind), codes)
        fields.append(Field(f"STATS64.{kind}", (nest, stats64, kind), U64, instead=old))
    return fields


_SVC = IPVS_CMD_ATTR_SERVICE
_SERVICE = [
    Field("AF", (_SVC, IPVS_SVC_ATTR_AF), U16),
    Field("PROTOCOL", (_SVC, IPVS_SVC_ATTR_PROTOCOL), U16, required=False),
    Field("ADDR", (_SVC, IPVS_SVC_ATTR_ADDR), _ADDRESS, required=False),
    Field("PORT", (_SVC, IPVS_SVC_ATTR_PORT), U16, required=False),
    Field("FWMARK", (_SVC, IPVS_SVC_ATTR_FWMARK), U32, required=False),
    Field("SCHED_NAME", (_SVC, IPVS_SVC_ATTR_SCHED_NAME), TEXT),
    Field("FLAGS", (_SVC, IPVS_SVC_ATTR_FLAGS), {8: "I4x"}),  # struct ip_vs_flags: flags, mask
    Field("TIMEOUT", (_SVC, IPVS_SVC_ATTR_TIMEOUT), U32),
    Field("NETMASK", (_SVC, IPVS_SVC_ATTR_NETMASK), _IPV4_ADDRESS),
    Field("PE_NAME", (_SVC, IPVS_SVC_ATTR_PE_NAME), TEXT, required=False),
    *_stats(_SVC, IPVS_SVC_ATTR_STATS64, IPVS_SVC_ATTR_STATS),
]

_DST = IPVS_CMD_ATTR_DEST
_DEST = [
    Field("ADDR", (_DST, IPVS_DEST_ATTR_ADDR), _ADDRESS),
    Field("ADDR_FAMILY", (_DST, IPVS_DEST_ATTR_ADDR_FAMILY), U16, required=False),
    Field("PORT", (_DST, IPVS_DEST_ATTR_PORT), U16),
    Field("FWD_METHOD", (_DST, IPVS_DEST_ATTR_FWD_METHOD), U32),
    Field("WEIGHT", (_DST, IPVS_DEST_ATTR_WEIGHT), S32),
    Field("U_THRESH", (_DST, IPVS_DEST_ATTR_U_THRESH), U32),
    Field("L_THRESH", (_DST, IPVS_DEST_ATTR_L_THRESH), U32),
    Field("ACTIVE_CONNS", (_DST, IPVS_DEST_ATTR_ACTIVE_CONNS), U32),
    Field("INACT_CONNS", (_DST, IPVS_DEST_ATTR_INACT_CONNS), U32),
    Field("PERSIST_CONNS", (_DST, IPVS_DEST_ATTR_PERSIST_CONNS), U32),
    Field("TUN_TYPE", (_DST, IPVS_DEST_ATTR_TUN_TYPE), U8, required=False),
    Field("TUN_PORT", (_DST, IPVS_DEST_ATTR_TUN_PORT), U16, required=False),
    Field("TUN_FLAGS", (_DST, IPVS_DEST_ATTR_TUN_FLAGS), U16, required=False),
    *_stats(_DST, IPVS_DEST_ATTR_STATS64, IPVS_DEST_ATTR_STATS),
]

_DMN = IPVS_CMD_ATTR_DAEMON
_DAEMON = [
    Field("STATE", (_DMN, IPVS_DAEMON_ATTR_STATE), U32),
    Field("MCAST_IFN", (_DMN, IPVS_DAEMON_ATTR_MCAST_IFN), TEXT),
    Field("SYNC_ID", (_DMN, IPVS_DAEMON_ATTR_SYNC_ID), U32),
    Field("MCAST_GROUP", (_DMN, IPVS_DAEMON_ATTR_MCAST_GROUP), _IPV4_ADDRESS, required=False),
    Field("MCAST_GROUP6", (_DMN, IPVS_DAEMON_ATTR_MCAST_GROUP6), _ADDRESS, required=False),
    Field("MCAST_PORT", (_DMN, IPVS_DAEMON_ATTR_MCAST_PORT), U16, required=False),
    Field("MCAST_TTL", (_DMN, IPVS_DAEMON_ATTR_MCAST_TTL), U8, required=False),
    Field("SYNC_MAXLEN", (_DMN, IPVS_DAEMON_ATTR_SYNC_MAXLEN), U16, required=False),
]


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


class Decoder:
    """Decodes the replies of one dump after the other; remembers how they are laid out."""

    def __init__(self) -> None:
        self._info = Layouts(_INFO)
        self._config = Layouts(_CONFIG)
        self._service = Layouts(_SERVICE)
        self._dest = Layouts(_DEST)
        self._daemon = Layouts(_DAEMON)

    def info(self, reply: bytes) -> Info:
        """A reply to IPVS_CMD_GET_INFO."""
        version, size = self._info.values(reply)
        return Info(f"{version >> 16 & 0xFF}.{version >> 8 & 0xFF}.{version & 0xFF}", size)

    def timeouts(self, reply: bytes) -> Timeouts:
        """A reply to IPVS_CMD_GET_CONFIG."""
        return Timeouts(*self._config.values(reply))

    def service(self, reply: bytes) -> VirtualService:
        """A message of an IPVS_CMD_GET_SERVICE dump, without real servers."""
        values = self._service.values(reply)
        af, protocol, packed, port, fwmark, scheduler, flags, timeout, netmask, engine = values[:10]
        family = _family(af)
        if fwmark is not None:
            protocol, packed, port = IpProtocol.FWMARK, bytes(16), 0
        for name, value in (("PROTOCOL", protocol), ("ADDR", packed), ("PORT", port)):
            if value is None:
                raise NetlinkError(f"attribute {name} is missing")
        return VirtualService(
            family,
            protocol,
            _address(family, packed),
            socket.ntohs(port),
            fwmark or 0,
            _text(scheduler),
            flags,
            timeout,
            socket.inet_ntoa(netmask) if family == Family.INET else str(_PREFIX.unpack(netmask)[0]),
            _text(engine) if engine is not None else "",
            Traffic(*values[10:15]),
            Traffic(*values[15:]),
        )

    def real_server(self, reply: bytes, family: int) -> RealServer:
        """A message of an IPVS_CMD_GET_DEST dump; family is the service's, for old kernels."""
        values = self._dest.values(reply)
        packed, af, port, forwarding = values[:4]
        if af is not None:
            family = _family(af)
        weight, upper_threshold, lower_threshold, active, inact, persist = values[4:10]
        tunnel_type, tunnel_port, tunnel_flags = values[10:13]
        return RealServer(
            _address(family, packed),
            socket.ntohs(port),
            forwarding & IP_VS_CONN_F_FWD_MASK,
            weight,
            upper_threshold,
            lower_threshold,
            active,
            inact,
            persist,
            counters=Traffic(*values[13:18]),
            rates=Traffic(*values[18:]),
            tunnel_type=tunnel_type,
            tunnel_port=None if tunnel_port is None else socket.ntohs(tunnel_port),
            tunnel_flags=tunnel_flags,
        )

    def daemon(self, reply: bytes) -> SyncDaemon:
        """A message of an IPVS_CMD_GET_DAEMON dump."""
        state, interface, sync_id, group, group6, *rest = self._daemon.values(reply)
        address = None
        if group is not None or group6 is not None:
            address = (
                _address(Family.INET, group)
                if group is not None
                else _address(Family.INET6, group6)
            )
        return SyncDaemon(state, _text(interface), sync_id, address, *rest)


def service_identity(virtual: VirtualService) -> bytes:
    """The attributes that name a virtual service in an IPVS_CMD_GET_DEST request."""
    body = attribute(IPVS_SVC_ATTR_AF, _U16.pack(AF[virtual.family]))
    if virtual.protocol == IpProtocol.FWMARK:
        body += attribute(IPVS_SVC_ATTR_FWMARK, _U32.pack(virtual.fwmark))
    else:
        packed = socket.inet_pton(AF[virtual.family], virtual.address)
        body += attribute(IPVS_SVC_ATTR_PROTOCOL, _U16.pack(virtual.protocol))
        body += attribute(IPVS_SVC_ATTR_ADDR, packed.ljust(16, b"\0"))
        body += attribute(IPVS_SVC_ATTR_PORT, _BE16.pack(virtual.port))
    return attribute(IPVS_CMD_ATTR_SERVICE, body)


def _family(af: int) -> int:
    if af not in _FAMILIES:
        raise NetlinkError(f"address family {af}, neither AF_INET nor AF_INET6")
    return _FAMILIES[af]


def _address(family: int, packed: bytes) -> str:
    return socket.inet_ntop(AF[family], packed[:4] if family == Family.INET else packed)


def _text(payload: bytes) -> str:
    return payload.split(b"\0", 1)[0].decode("utf-8", "replace")
