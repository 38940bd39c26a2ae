# SPDX-License-Identifier: GPL-3.0-or-later
"""The records that describe a director at one moment, independent of where they come from.

Numbers are the kernel's own, in its units (include/uapi/linux/ip_vs.h): seconds, bytes,
packets, connections, and for rates these per second. A value that the source does not give is
None, never zero.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from functools import cached_property
from typing import Iterable, List, NamedTuple, Optional

from lvs_agent.codes import AF, PROTOCOL_NAMES, Family, IpProtocol, Source, Status
from lvs_agent.names import ServerKey, ServiceKey, endpoint, server_key, service_key

MAX_COUNTER = (1 << 64) - 1


class Traffic(NamedTuple):
    """The five quantities IPVS counts: either counters (0 to 2^64-1) or rates per second.

    Unlike the other records this is a tuple: it is one value in them, and there are many.
    """

    conns: int
    in_pkts: int
    out_pkts: int
    in_bytes: int
    out_bytes: int


class Sums(NamedTuple):
    """The sums over the real servers of a service; None for a value that one of them lacks.

    real_servers_up counts those with a weight above 0, persist_conns persistence templates.
    """

    real_servers_up: Optional[int]
    weight: Optional[int]
    active_conns: Optional[int]
    inact_conns: Optional[int]
    persist_conns: Optional[int]


@dataclass
class RealServer:
    """One real server of one virtual service.

    weight is 0 when the server is quiesced. Thresholds are in connections, 0 for none. counters
    and rates are the kernel's. The collector fills in the last four: number is the row number in
    lvsRealTable, counter_offset is what was counted before the kernel's counters were last reset,
    continuous_since is when the sum of both became continuous (seconds of CLOCK_BOOTTIME), changed
    is when it was last seen to go down (weight 0) or up, or to appear (seconds since 1970).
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
    counter_offset: Optional[Traffic] = None
    continuous_since: Optional[float] = None
    changed: Optional[float] = None

    @cached_property
    def packed(self) -> bytes:
        """The address in network byte order. Raises OSError if it is invalid."""
        return socket.inet_pton(AF[self.family], self.address)

    @property
    def family(self) -> Family:
        """INET or INET6. It may differ from the service's family (since Linux 3.18)."""
        return Family.INET6 if ":" in self.address else Family.INET

    @property
    def key(self) -> ServerKey:
        """The identity of the server within its service. Keys sort as rows do."""
        return self.family, self.packed, self.port

    @property
    def name(self) -> str:
        """The name that ipvsadm -n prints: 192.168.0.1:8080 or [2001:db8::2]:443."""
        return endpoint(self.address, self.port)


@dataclass
class VirtualService:
    """One virtual service and its real servers.

    A firewall-mark service has protocol FWMARK, the unspecified address of its family, and its
    mark in fwmark, which is 0 in other services. persist_timeout is in seconds; netmask is the
    persistence granularity, dotted for IPv4 and a prefix length for IPv6. number, counter_offset
    and continuous_since are as in RealServer; changed is when it was last seen to go down (no
    server up) or up. lost counts the real servers that were there and are gone, None if unknown.
    complete is True if a server that is not in real_servers is not in the kernel's table; only the
    collector has it.
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
    counter_offset: Optional[Traffic] = None
    continuous_since: Optional[float] = None
    changed: Optional[float] = None
    lost: Optional[int] = None
    real_servers: List[RealServer] = field(default_factory=list)
    complete: bool = False

    @cached_property
    def packed(self) -> bytes:
        """The address in network byte order. Raises OSError or KeyError if it is invalid."""
        return socket.inet_pton(AF[self.family], self.address)

    @property
    def key(self) -> ServiceKey:
        """The identity of the service within a director. Keys sort as rows do."""
        return self.family, self.packed, self.protocol, self.fwmark or self.port

    @cached_property
    def name(self) -> str:
        """The name that ipvsadm -n prints, unique in a director: TCP 192.0.2.10:443, FWM 5 IPv6."""
        if self.protocol == IpProtocol.FWMARK:
            return f"FWM {self.fwmark}" + (" IPv6" if self.family == Family.INET6 else "")
        protocol = PROTOCOL_NAMES.get(self.protocol, f"IP{self.protocol}")
        return f"{protocol} {endpoint(self.address, self.port)}"

    @cached_property
    def prefix_length(self) -> Optional[int]:
        """The netmask as a prefix length; None if there is none, or for an IPv4 mask with holes."""
        if self.netmask is None:
            return None
        if self.family == Family.INET6:
            return int(self.netmask)
        mask = int.from_bytes(socket.inet_aton(self.netmask), "big")
        length = bin(mask).count("1")
        return length if mask == (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF else None

    @cached_property
    def sums(self) -> Sums:
        """The sums over the real servers. Cached: delete it when the real servers change."""
        up = _sum(rs.weight and 1 for rs in self.real_servers)
        others = ([getattr(rs, name) for rs in self.real_servers] for name in Sums._fields[1:])
        return Sums(up, *map(_sum, others))


@dataclass
class LostRow:
    """A virtual service that was there and is gone, or a real server of a service that is there.

    service and server are names; server is "" for a service. last_seen is when the last complete
    snapshot had the row, since when the first had it not (seconds since 1970).
    """

    service: str
    server: str
    last_seen: Optional[float]
    since: float

    @cached_property
    def service_key(self) -> ServiceKey:
        """The key of the service. Raises ValueError if its name is invalid."""
        return service_key(self.service)

    @cached_property
    def server_key(self) -> ServerKey:
        """The key of the real server. Raises ValueError if its name is invalid."""
        return server_key(self.server)

    @property
    def name(self) -> str:
        """The row's name, unique in a director: TCP 192.0.2.10:443 -> 192.168.0.1:8080."""
        return f"{self.service} -> {self.server}" if self.server else self.service


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
    """The properties of the director as a whole.

    Time-outs are in seconds. drop_entry, drop_packet and secure_tcp are the sysctls' modes 0 to
    3; 2 means that the defence is active now (Documentation/networking/ipvs-sysctl.rst).
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

    taken is when it began (seconds of CLOCK_BOOTTIME, which no clock adjustment changes), took
    is its duration in seconds, errors is the number of rows or messages that could not be read
    since the collector started, text is what an administrator should know or do about status.
    lost_services and lost_servers count what was there and is gone, None if unknown; lost has the
    rows. complete is True if a service that is not in services is not in the kernel's table; loaded
    is when ip_vs was seen to have been loaded (CLOCK_BOOTTIME), 0 if it was loaded before the first
    look. Only the collector has these two.
    """

    taken: float
    took: float = 0.0
    source: Source = Source.NONE
    status: Status = Status.OK
    text: str = ""
    errors: int = 0
    lost_services: Optional[int] = None
    lost_servers: Optional[int] = None
    totals: Optional[Traffic] = None
    total_rates: Optional[Traffic] = None
    director: Director = field(default_factory=Director)
    cpus: List[Cpu] = field(default_factory=list)
    daemons: List[SyncDaemon] = field(default_factory=list)
    services: List[VirtualService] = field(default_factory=list)
    lost: List[LostRow] = field(default_factory=list)
    complete: bool = False
    loaded: float = 0.0

    def forget_measurements(self) -> None:
        """Discard the measured values in place, since they are too old. The configuration stays.

        Weights count as measured values: health checkers change them, and an old one would hide a
        dead server. So do the numbers of lost rows. Copying 60,000 services instead would stop
        snmpd for half a second.
        """
        self.totals = self.total_rates = self.lost_services = self.lost_servers = None
        self.cpus = []
        for service in self.services:
            service.counters = service.rates = service.changed = service.lost = None
            for rs in service.real_servers:
                rs.weight = rs.active_conns = rs.inact_conns = rs.persist_conns = None
                rs.counters = rs.rates = rs.changed = None
            vars(service).pop("sums", None)


def _sum(values: Iterable[Optional[int]]) -> Optional[int]:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
