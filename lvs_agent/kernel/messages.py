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
from typing import Any, Dict

from lvs_agent.codes import AF, Family, IpProtocol
from lvs_agent.kernel.decoding import S32, TEXT, U8, U16, U32, U64, Field, Layouts, Message
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

IPVS_STATS_ATTR_CONNS = 1

IPVS_INFO_ATTR_VERSION, IPVS_INFO_ATTR_CONN_TAB_SIZE = 1, 2

IP_VS_CONN_F_FWD_MASK = 0x7

_U16, _U32, _BE16 = struct.Struct("=H"), struct.Struct("=I"), struct.Struct("!H")
_PREFIX = _U32  # an IPv6 service's NETMASK is a prefix length

_FAMILIES = {int(af): family for family, af in AF.items()}

_ADDRESS = {16: "16s"}  # union nf_inet_addr, of which IPv4 uses the first four bytes
_IPV4_ADDRESS = {4: "4s"}


_INFO = Message(
    VERSION=Field((IPVS_INFO_ATTR_VERSION,), U32),
    CONN_TAB_SIZE=Field((IPVS_INFO_ATTR_CONN_TAB_SIZE,), U32),
)

_CONFIG = Message(
    TIMEOUT_TCP=Field((IPVS_CMD_ATTR_TIMEOUT_TCP,), U32),
    TIMEOUT_TCP_FIN=Field((IPVS_CMD_ATTR_TIMEOUT_TCP_FIN,), U32),
    TIMEOUT_UDP=Field((IPVS_CMD_ATTR_TIMEOUT_UDP,), U32),
)


def _stats(nest: int, stats64: int, stats: int) -> Dict[str, Field]:
    """The five counters and the five rates, from IPVS_STATS_ATTR_CONNS to _OUTBPS."""
    counters = ("CONNS", "INPKTS", "OUTPKTS", "INBYTES", "OUTBYTES")
    rates = ("CPS", "INPPS", "OUTPPS", "INBPS", "OUTBPS")
    fields = {}
    for number, name in enumerate([*counters, *rates], IPVS_STATS_ATTR_CONNS):
        codes = U64 if name in ("INBYTES", "OUTBYTES") else U32
        old = Field((nest, stats, number), codes, nest="STATS.")
        fields[name] = Field((nest, stats64, number), U64, instead=old, nest="STATS64.")
    return fields


_SVC = IPVS_CMD_ATTR_SERVICE
_SERVICE = Message(
    AF=Field((_SVC, IPVS_SVC_ATTR_AF), U16),
    PROTOCOL=Field((_SVC, IPVS_SVC_ATTR_PROTOCOL), U16, required=False),
    ADDR=Field((_SVC, IPVS_SVC_ATTR_ADDR), _ADDRESS, required=False),
    PORT=Field((_SVC, IPVS_SVC_ATTR_PORT), U16, required=False),
    FWMARK=Field((_SVC, IPVS_SVC_ATTR_FWMARK), U32, required=False),
    SCHED_NAME=Field((_SVC, IPVS_SVC_ATTR_SCHED_NAME), TEXT),
    # struct ip_vs_flags: flags, mask
    FLAGS=Field((_SVC, IPVS_SVC_ATTR_FLAGS), {8: "I4x"}),
    TIMEOUT=Field((_SVC, IPVS_SVC_ATTR_TIMEOUT), U32),
    NETMASK=Field((_SVC, IPVS_SVC_ATTR_NETMASK), _IPV4_ADDRESS),
    PE_NAME=Field((_SVC, IPVS_SVC_ATTR_PE_NAME), TEXT, required=False),
    **_stats(_SVC, IPVS_SVC_ATTR_STATS64, IPVS_SVC_ATTR_STATS),
)


_DST = IPVS_CMD_ATTR_DEST
_DEST = Message(
    ADDR=Field((_DST, IPVS_DEST_ATTR_ADDR), _ADDRESS),
    ADDR_FAMILY=Field((_DST, IPVS_DEST_ATTR_ADDR_FAMILY), U16, required=False),
    PORT=Field((_DST, IPVS_DEST_ATTR_PORT), U16),
    FWD_METHOD=Field((_DST, IPVS_DEST_ATTR_FWD_METHOD), U32),
    WEIGHT=Field((_DST, IPVS_DEST_ATTR_WEIGHT), S32),
    U_THRESH=Field((_DST, IPVS_DEST_ATTR_U_THRESH), U32),
    L_THRESH=Field((_DST, IPVS_DEST_ATTR_L_THRESH), U32),
    ACTIVE_CONNS=Field((_DST, IPVS_DEST_ATTR_ACTIVE_CONNS), U32),
    INACT_CONNS=Field((_DST, IPVS_DEST_ATTR_INACT_CONNS), U32),
    PERSIST_CONNS=Field((_DST, IPVS_DEST_ATTR_PERSIST_CONNS), U32),
    TUN_TYPE=Field((_DST, IPVS_DEST_ATTR_TUN_TYPE), U8, required=False),
    TUN_PORT=Field((_DST, IPVS_DEST_ATTR_TUN_PORT), U16, required=False),
    TUN_FLAGS=Field((_DST, IPVS_DEST_ATTR_TUN_FLAGS), U16, required=False),
    **_stats(_DST, IPVS_DEST_ATTR_STATS64, IPVS_DEST_ATTR_STATS),
)


_DMN = IPVS_CMD_ATTR_DAEMON
_DAEMON = Message(
    STATE=Field((_DMN, IPVS_DAEMON_ATTR_STATE), U32),
    MCAST_IFN=Field((_DMN, IPVS_DAEMON_ATTR_MCAST_IFN), TEXT),
    SYNC_ID=Field((_DMN, IPVS_DAEMON_ATTR_SYNC_ID), U32),
    MCAST_GROUP=Field((_DMN, IPVS_DAEMON_ATTR_MCAST_GROUP), _IPV4_ADDRESS, required=False),
    MCAST_GROUP6=Field((_DMN, IPVS_DAEMON_ATTR_MCAST_GROUP6), _ADDRESS, required=False),
    MCAST_PORT=Field((_DMN, IPVS_DAEMON_ATTR_MCAST_PORT), U16, required=False),
    MCAST_TTL=Field((_DMN, IPVS_DAEMON_ATTR_MCAST_TTL), U8, required=False),
    SYNC_MAXLEN=Field((_DMN, IPVS_DAEMON_ATTR_SYNC_MAXLEN), U16, required=False),
)


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
        found = self._info.values(reply)
        major, minor, patch = found.VERSION.to_bytes(4, "big")[1:]
        return Info(f"{major}.{minor}.{patch}", found.CONN_TAB_SIZE)

    def timeouts(self, reply: bytes) -> Timeouts:
        """A reply to IPVS_CMD_GET_CONFIG."""
        return Timeouts(*self._config.values(reply))

    def service(self, reply: bytes) -> VirtualService:
        """A message of an IPVS_CMD_GET_SERVICE dump, without real servers."""
        found = self._service.values(reply)
        family = _family(found.AF)
        if found.FWMARK is not None:
            found = found._replace(PROTOCOL=IpProtocol.FWMARK, ADDR=bytes(16), PORT=0)
        for name in ("PROTOCOL", "ADDR", "PORT"):
            if getattr(found, name) is None:
                raise NetlinkError(f"attribute {name} is missing")
        packed = _packed(family, found.ADDR)
        service = VirtualService(
            family=family,
            protocol=found.PROTOCOL,
            address=socket.inet_ntop(AF[family], packed),
            port=socket.ntohs(found.PORT),
            fwmark=found.FWMARK or 0,
            scheduler=_text(found.SCHED_NAME),
            flags=found.FLAGS,
            persist_timeout=found.TIMEOUT,
            netmask=socket.inet_ntoa(found.NETMASK)
            if family == Family.INET
            else str(_PREFIX.unpack(found.NETMASK)[0]),
            persistence_engine=_text(found.PE_NAME or b""),
            counters=_counters(found),
            rates=_rates(found),
        )
        service.packed = packed
        return service

    def real_server(self, reply: bytes, family: int) -> RealServer:
        """A message of an IPVS_CMD_GET_DEST dump; family is the service's, for old kernels."""
        found = self._dest.values(reply)
        if found.ADDR_FAMILY is not None:
            family = _family(found.ADDR_FAMILY)
        packed = _packed(family, found.ADDR)
        server = RealServer(
            address=socket.inet_ntop(AF[family], packed),
            port=socket.ntohs(found.PORT),
            forwarding=found.FWD_METHOD & IP_VS_CONN_F_FWD_MASK,
            weight=found.WEIGHT,
            upper_threshold=found.U_THRESH,
            lower_threshold=found.L_THRESH,
            active_conns=found.ACTIVE_CONNS,
            inact_conns=found.INACT_CONNS,
            persist_conns=found.PERSIST_CONNS,
            counters=_counters(found),
            rates=_rates(found),
            tunnel_type=found.TUN_TYPE,
            tunnel_port=None if found.TUN_PORT is None else socket.ntohs(found.TUN_PORT),
            tunnel_flags=found.TUN_FLAGS,
        )
        server.packed = packed
        return server

    def daemon(self, reply: bytes) -> SyncDaemon:
        """A message of an IPVS_CMD_GET_DAEMON dump."""
        found = self._daemon.values(reply)
        group = None
        if found.MCAST_GROUP is not None:
            group = socket.inet_ntop(socket.AF_INET, found.MCAST_GROUP)
        elif found.MCAST_GROUP6 is not None:
            group = socket.inet_ntop(socket.AF_INET6, found.MCAST_GROUP6)
        return SyncDaemon(
            state=found.STATE,
            interface=_text(found.MCAST_IFN),
            sync_id=found.SYNC_ID,
            group=group,
            port=found.MCAST_PORT,
            ttl=found.MCAST_TTL,
            max_length=found.SYNC_MAXLEN,
        )


def service_identity(virtual: VirtualService) -> bytes:
    """The attributes that name a virtual service in an IPVS_CMD_GET_DEST request."""
    body = attribute(IPVS_SVC_ATTR_AF, _U16.pack(AF[virtual.family]))
    if virtual.protocol == IpProtocol.FWMARK:
        body += attribute(IPVS_SVC_ATTR_FWMARK, _U32.pack(virtual.fwmark))
    else:
        body += attribute(IPVS_SVC_ATTR_PROTOCOL, _U16.pack(virtual.protocol))
        body += attribute(IPVS_SVC_ATTR_ADDR, virtual.packed.ljust(16, b"\0"))
        body += attribute(IPVS_SVC_ATTR_PORT, _BE16.pack(virtual.port))
    return attribute(IPVS_CMD_ATTR_SERVICE, body)


def _family(af: int) -> int:
    if af not in _FAMILIES:
        raise NetlinkError(f"address family {af}, neither AF_INET nor AF_INET6")
    return _FAMILIES[af]


def _packed(family: int, address: bytes) -> bytes:
    return address[:4] if family == Family.INET else address


def _counters(found: Any) -> Traffic:
    return Traffic(found.CONNS, found.INPKTS, found.OUTPKTS, found.INBYTES, found.OUTBYTES)


def _rates(found: Any) -> Traffic:
    return Traffic(found.CPS, found.INPPS, found.OUTPPS, found.INBPS, found.OUTBPS)


def _text(payload: bytes) -> str:
    return payload.split(b"\0", 1)[0].decode("utf-8", "replace")
