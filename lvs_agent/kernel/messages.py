# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of the generic netlink family "IPVS": attribute bytes to records and back.

Source: include/uapi/linux/ip_vs.h (IPVS_*_ATTR_*) and net/netfilter/ipvs/ip_vs_ctl.c, which
writes the messages. Addresses, IPv4 netmasks and all ports but a sync daemon's are in network
byte order, everything else in the machine's. Every decoder raises NetlinkError, naming the
attribute, for bytes that the second file does not write; unknown attributes are ignored.
"""

from __future__ import annotations

import socket
import struct
from typing import Any, Dict

from lvs_agent.codes import AF, Family, IpProtocol
from lvs_agent.kernel.decoding import S32, TEXT, U8, U16, U32, U64, Field, Layouts, Message
from lvs_agent.kernel.netlink import NetlinkError, attribute
from lvs_agent.services import RealServer, Traffic, VirtualService
from lvs_agent.snapshot import Director, SyncDaemon

IPVS_CMD_ATTR_SERVICE, IPVS_CMD_ATTR_DEST, IPVS_CMD_ATTR_DAEMON = 1, 2, 3
IPVS_SVC_ATTR_AF, IPVS_SVC_ATTR_PROTOCOL, IPVS_SVC_ATTR_ADDR, IPVS_SVC_ATTR_PORT = 1, 2, 3, 4
IPVS_SVC_ATTR_FWMARK = 5

IP_VS_CONN_F_FWD_MASK = 0x7

_U16, _U32, _BE16 = struct.Struct("=H"), struct.Struct("=I"), struct.Struct("!H")
_PREFIX = _U32  # an IPv6 service's NETMASK is a prefix length

_FAMILIES = {int(af): family for family, af in AF.items()}

_ADDRESS = {16: "16s"}  # union nf_inet_addr, of which IPv4 uses the first four bytes
_IPV4_ADDRESS = {4: "4s"}


# Names and numbers are those of include/uapi/linux/ip_vs.h: IPVS_INFO_ATTR_VERSION is 1.
_INFO = Message(
    VERSION=Field((1,), U32),
    CONN_TAB_SIZE=Field((2,), U32),
)

_CONFIG = Message(  # IPVS_CMD_ATTR_*
    TIMEOUT_TCP=Field((4,), U32),
    TIMEOUT_TCP_FIN=Field((5,), U32),
    TIMEOUT_UDP=Field((6,), U32),
)


def _stats(nest: int, stats64: int, stats: int) -> Dict[str, Field]:
    """Return IPVS_STATS_ATTR_*, five counters and five rates. STATS64 exists since Linux 4.1."""
    counters = ("CONNS", "INPKTS", "OUTPKTS", "INBYTES", "OUTBYTES")
    rates = ("CPS", "INPPS", "OUTPPS", "INBPS", "OUTBPS")
    fields = {}
    for number, name in enumerate([*counters, *rates], 1):
        codes = U64 if name in ("INBYTES", "OUTBYTES") else U32
        old = Field((nest, stats, number), codes, nest="STATS.")
        fields[name] = Field((nest, stats64, number), U64, instead=old, nest="STATS64.")
    return fields


_SVC = IPVS_CMD_ATTR_SERVICE
SERVICE_AF, SERVICE_NETMASK = (_SVC, IPVS_SVC_ATTR_AF), (_SVC, 9)
_SERVICE = Message(  # IPVS_SVC_ATTR_*
    AF=Field(SERVICE_AF, U16),
    PROTOCOL=Field((_SVC, 2), U16, required=False),
    ADDR=Field((_SVC, 3), _ADDRESS, required=False),
    PORT=Field((_SVC, 4), U16, network=True, required=False),
    FWMARK=Field((_SVC, 5), U32, required=False),
    SCHED_NAME=Field((_SVC, 6), TEXT),
    FLAGS=Field((_SVC, 7), {8: "I4x"}),  # struct ip_vs_flags: flags, mask
    TIMEOUT=Field((_SVC, 8), U32),
    NETMASK=Field(SERVICE_NETMASK, _IPV4_ADDRESS),
    PE_NAME=Field((_SVC, 11), TEXT, required=False),
    **_stats(_SVC, stats64=12, stats=10),
)


_DST = IPVS_CMD_ATTR_DEST
_DEST = Message(  # IPVS_DEST_ATTR_*
    ADDR=Field((_DST, 1), _ADDRESS),
    ADDR_FAMILY=Field((_DST, 11), U16, required=False),  # since Linux 3.18
    PORT=Field((_DST, 2), U16, network=True),
    FWD_METHOD=Field((_DST, 3), U32),
    WEIGHT=Field((_DST, 4), S32),
    U_THRESH=Field((_DST, 5), U32),
    L_THRESH=Field((_DST, 6), U32),
    ACTIVE_CONNS=Field((_DST, 7), U32),
    INACT_CONNS=Field((_DST, 8), U32),
    PERSIST_CONNS=Field((_DST, 9), U32),
    TUN_TYPE=Field((_DST, 13), U8, required=False),  # since Linux 5.2, like TUN_PORT
    TUN_PORT=Field((_DST, 14), U16, network=True, required=False),
    TUN_FLAGS=Field((_DST, 15), U16, required=False),  # since Linux 5.3
    **_stats(_DST, stats64=12, stats=10),
)


_DMN = IPVS_CMD_ATTR_DAEMON
_DAEMON = Message(  # IPVS_DAEMON_ATTR_*
    STATE=Field((_DMN, 1), U32),
    MCAST_IFN=Field((_DMN, 2), TEXT),
    SYNC_ID=Field((_DMN, 3), U32),
    MCAST_GROUP=Field((_DMN, 5), _IPV4_ADDRESS, required=False),  # since Linux 4.3, as the rest
    MCAST_GROUP6=Field((_DMN, 6), _ADDRESS, required=False),
    MCAST_PORT=Field((_DMN, 7), U16, required=False),
    MCAST_TTL=Field((_DMN, 8), U8, required=False),
    SYNC_MAXLEN=Field((_DMN, 4), U16, required=False),
)

# by command (IPVS_CMD_*): the fields of replies, and of the two requests that name a service
FIELDS = {
    1: _SERVICE.fields,  # NEW_SERVICE
    4: _SERVICE.fields,  # GET_SERVICE
    5: _DEST.fields,  # NEW_DEST
    8: _SERVICE.fields,  # GET_DEST
    9: _DAEMON.fields,  # NEW_DAEMON
    12: _CONFIG.fields,  # SET_CONFIG
    14: _INFO.fields,  # SET_INFO
}


class Decoder:
    """A decoder of the replies of successive dumps, which remembers their layouts."""

    def __init__(self) -> None:
        self._info = Layouts(_INFO)
        self._config = Layouts(_CONFIG)
        self._service = Layouts(_SERVICE)
        self._dest = Layouts(_DEST)
        self._daemon = Layouts(_DAEMON)

    def info(self, reply: bytes, director: Director) -> None:
        """Take the version and connection table size from a reply to IPVS_CMD_GET_INFO."""
        found = self._info.values(reply)
        major, minor, patch = found.VERSION.to_bytes(4, "big")[1:]
        director.version = f"{major}.{minor}.{patch}"
        director.conn_table_size = found.CONN_TAB_SIZE

    def timeouts(self, reply: bytes, director: Director) -> None:
        """Take the time-outs that ipvsadm --set sets from a reply to IPVS_CMD_GET_CONFIG."""
        found = self._config.values(reply)
        director.tcp_timeout = found.TIMEOUT_TCP
        director.tcp_fin_timeout = found.TIMEOUT_TCP_FIN
        director.udp_timeout = found.TIMEOUT_UDP

    def service(self, reply: bytes) -> VirtualService:
        """Return the service in a message of an IPVS_CMD_GET_SERVICE dump, without real servers."""
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
        """Return the real server in a message of an IPVS_CMD_GET_DEST dump.

        family is the service's, for old kernels, which do not send the real server's.
        """
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
        """Return the sync daemon in a message of an IPVS_CMD_GET_DAEMON dump."""
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
    """Return the attributes that name a virtual service in an IPVS_CMD_GET_DEST request."""
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
        raise NetlinkError(f"unknown address family: {af}")
    return _FAMILIES[af]


def _packed(family: int, address: bytes) -> bytes:
    return address[:4] if family == Family.INET else address


def _counters(found: Any) -> Traffic:
    return Traffic(found.CONNS, found.INPKTS, found.OUTPKTS, found.INBYTES, found.OUTBYTES)


def _rates(found: Any) -> Traffic:
    return Traffic(found.CPS, found.INPPS, found.OUTPPS, found.INBPS, found.OUTBPS)


def _text(payload: bytes) -> str:
    return payload.split(b"\0", 1)[0].decode("utf-8", "replace")
