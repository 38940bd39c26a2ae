# SPDX-License-Identifier: GPL-3.0-or-later
"""What a director looks like at one moment: records, and nothing of where they come from.

Numbers are the kernel's own, in its units (include/uapi/linux/ip_vs.h): seconds, bytes,
packets, connections, and these per second for rates. A value that the source did not tell is
None, never zero.
"""

from __future__ import annotations

import enum
import socket
from dataclasses import dataclass, field
from functools import cached_property
from typing import List, NamedTuple, Optional, Tuple

INET, INET6 = 4, 6
AF = {INET: socket.AF_INET, INET6: socket.AF_INET6}

FWMARK, TCP, UDP, SCTP = 0, 6, 17, 132
PROTOCOL_NAMES = {TCP: "TCP", UDP: "UDP", SCTP: "SCTP"}

# IP_VS_SVC_F_* and IP_VS_CONN_F_FWD_MASK values, include/uapi/linux/ip_vs.h
PERSISTENT, ONE_PACKET, SCHED_1, SCHED_2, SCHED_3 = 0x01, 0x04, 0x08, 0x10, 0x20
MASQ, LOCAL, TUNNEL, ROUTE, BYPASS = range(5)
MASTER, BACKUP = 1, 2

# what a VirtualService adds up of its real servers, once
SUMS = ("real_servers_up", "weight", "active_conns", "inact_conns", "persist_conns")


class Status(enum.IntEnum):
    """How far a snapshot can be trusted; the values of lvsAgentStatus."""

    OK = 1
    COUNTERS_FROZEN = 2
    NO_STATISTICS = 3
    NO_IPVS = 4
    NO_COLLECTOR = 5
    EXPIRED = 6
    DEGRADED = 7


class Source(enum.IntEnum):
    """Which of the kernel's views a snapshot was read from; the values of lvsAgentSource."""

    NONE = 0
    NETLINK = 1
    PROCFS = 2


class Traffic(NamedTuple):
    """The five quantities IPVS counts: either counters (0 to 2^64-1) or rates per second.

    A tuple, unlike the other records, since it is one value of theirs, and there are many.
    """

    conns: int
    in_pkts: int
    out_pkts: int
    in_bytes: int
    out_bytes: int


@dataclass
class RealServer:
    """One real server of one virtual service.

    weight is 0 when the server is quiesced. Thresholds are connections, 0 for none. counters
    and rates are the kernel's; carried is what earlier lives of this server had counted, number
    its instance in lvsRealTable, since the moment its counters became continuous (seconds of
    CLOCK_BOOTTIME): these three belong to the collector's history.
    """

    address: str
    port: int
    forwarding: int
    weight: Optional[int]
    upper_threshold: Optional[int] = None
    lower_threshold: Optional[int] = None
    active_conns: Optional[int] = None
    inact_conns: Optional[int] = None
    persist_conns: Optional[int] = None
    counters: Optional[Traffic] = None
    rates: Optional[Traffic] = None
    tunnel_type: Optional[int] = None
    tunnel_port: Optional[int] = None
    tunnel_flags: Optional[int] = None
    number: Optional[int] = None
    carried: Optional[Traffic] = None
    since: Optional[float] = None

    @property
    def family(self) -> int:
        """INET or INET6; a service may have servers of the other family (since Linux 3.18)."""
        return INET6 if ":" in self.address else INET

    @property
    def name(self) -> str:
        """As ipvsadm -n prints it: 192.168.0.1:8080 or [2001:db8::2]:443."""
        return _endpoint(self.address, self.port)


@dataclass
class VirtualService:
    """One virtual service and its real servers.

    A firewall-mark service has protocol FWMARK, the unspecified address of its family and its
    mark in fwmark (elsewhere 0). persist_timeout is in seconds; netmask is the persistence
    granularity, dotted for IPv4 and a prefix length for IPv6. The last three are as in
    RealServer.
    """

    family: int
    protocol: int
    address: str
    port: int
    fwmark: int
    scheduler: str
    flags: int
    persist_timeout: Optional[int] = None
    netmask: Optional[str] = None
    persistence_engine: Optional[str] = None
    counters: Optional[Traffic] = None
    rates: Optional[Traffic] = None
    number: Optional[int] = None
    carried: Optional[Traffic] = None
    since: Optional[float] = None
    real_servers: List[RealServer] = field(default_factory=list)

    @cached_property
    def name(self) -> str:
        """As ipvsadm -n prints it: TCP 192.0.2.10:443, FWM 5, FWM 5 IPv6; unique in a director."""
        if self.protocol == FWMARK:
            return f"FWM {self.fwmark}" + (" IPv6" if self.family == INET6 else "")
        protocol = PROTOCOL_NAMES.get(self.protocol, f"IP{self.protocol}")
        return f"{protocol} {_endpoint(self.address, self.port)}"

    @cached_property
    def prefix_length(self) -> Optional[int]:
        """netmask as a prefix length; None for an IPv4 mask with holes."""
        if self.netmask is None:
            return None
        if self.family == INET6:
            return int(self.netmask)
        mask = int.from_bytes(socket.inet_aton(self.netmask), "big")
        length = bin(mask).count("1")
        return length if mask == (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF else None

    @cached_property
    def real_servers_up(self) -> Optional[int]:
        """How many of its real servers have a weight above 0."""
        weights = [rs.weight for rs in self.real_servers]
        return None if None in weights else sum(weight != 0 for weight in weights)

    def sum(self, attribute: str) -> Optional[int]:
        """An attribute of its real servers, added up; None if it is unknown for any of them."""
        total = 0
        for rs in self.real_servers:
            value = getattr(rs, attribute)
            if value is None:
                return None
            total += value
        return total

    def forget_sums(self) -> None:
        """To be called when its real servers have been changed."""
        for name in SUMS:
            self.__dict__.pop(name, None)

    @cached_property
    def weight(self) -> Optional[int]:
        """The sum of its real servers' weights."""
        return self.sum("weight")

    @cached_property
    def active_conns(self) -> Optional[int]:
        """The sum of its real servers' active connections."""
        return self.sum("active_conns")

    @cached_property
    def inact_conns(self) -> Optional[int]:
        """The sum of its real servers' inactive connections."""
        return self.sum("inact_conns")

    @cached_property
    def persist_conns(self) -> Optional[int]:
        """The sum of its real servers' persistence templates."""
        return self.sum("persist_conns")


@dataclass
class Cpu:
    """The per-CPU counters of one processor, which never reset and never freeze."""

    number: int
    counters: Traffic


@dataclass
class SyncDaemon:
    """A connection synchronisation daemon: state is MASTER or BACKUP.

    group, port, ttl and max_length (bytes) are None on kernels before 4.3.
    """

    state: int
    interface: str
    sync_id: int
    group: Optional[str] = None
    port: Optional[int] = None
    ttl: Optional[int] = None
    max_length: Optional[int] = None


@dataclass
class Director:
    """What belongs to the director as a whole.

    Time-outs in seconds. drop_entry, drop_packet and secure_tcp are the sysctls' modes 0 to 3,
    where 2 means that the defence is at work now (Documentation/networking/ipvs-sysctl.rst).
    """

    version: Optional[str] = None
    conn_table_size: Optional[int] = None
    tcp_timeout: Optional[int] = None
    tcp_fin_timeout: Optional[int] = None
    udp_timeout: Optional[int] = None
    estimation: Optional[bool] = None
    drop_entry: Optional[int] = None
    drop_packet: Optional[int] = None
    secure_tcp: Optional[int] = None


@dataclass
class Snapshot:
    """One look at a director.

    taken is when it began (seconds of CLOCK_BOOTTIME, which no clock adjustment moves), took
    how long it lasted in seconds, errors how many rows or messages could not be read since the
    collector started, text what an administrator should know or do about status.
    """

    taken: float
    took: float = 0.0
    source: Source = Source.NONE
    status: Status = Status.OK
    text: str = ""
    errors: int = 0
    totals: Optional[Traffic] = None
    total_rates: Optional[Traffic] = None
    director: Director = field(default_factory=Director)
    cpus: List[Cpu] = field(default_factory=list)
    daemons: List[SyncDaemon] = field(default_factory=list)
    services: List[VirtualService] = field(default_factory=list)


ServiceKey = Tuple[int, bytes, int, int]


def service_key(service: VirtualService) -> ServiceKey:
    """What makes a virtual service itself, in the order rows are listed."""
    packed = socket.inet_pton(AF[service.family], service.address)
    return service.family, packed, service.protocol, service.fwmark or service.port


def server_key(server: RealServer) -> Tuple[int, bytes, int]:
    """What makes a real server itself within its service, in the order rows are listed."""
    return server.family, socket.inet_pton(AF[server.family], server.address), server.port


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
