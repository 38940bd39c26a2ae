# SPDX-License-Identifier: GPL-3.0-or-later
"""What a director looks like at one moment: records, and nothing of where they come from.

Numbers are the kernel's own, in its units (include/uapi/linux/ip_vs.h): seconds, bytes,
packets, connections, and these per second for rates. A value that the source did not tell is
None, never zero.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from functools import cached_property
from typing import Iterable, List, NamedTuple, Optional, Tuple

from lvs_agent.codes import AF, PROTOCOL_NAMES, Family, IpProtocol, Source, Status

# family, address, protocol, port or mark; family, address, port
ServiceKey = Tuple[int, bytes, int, int]
ServerKey = Tuple[int, bytes, int]


class Traffic(NamedTuple):
    """The five quantities IPVS counts: either counters (0 to 2^64-1) or rates per second.

    A tuple, unlike the other records, since it is one value of theirs, and there are many.
    """

    conns: int
    in_pkts: int
    out_pkts: int
    in_bytes: int
    out_bytes: int


class Sums(NamedTuple):
    """What the real servers of a service add up to, None if it is unknown for any of them.

    real_servers_up are those with a weight above 0, persist_conns persistence templates.
    """

    real_servers_up: Optional[int]
    weight: Optional[int]
    active_conns: Optional[int]
    inact_conns: Optional[int]
    persist_conns: Optional[int]


@dataclass
class RealServer:
    """One real server of one virtual service.

    weight is 0 when the server is quiesced. Thresholds are connections, 0 for none. counters
    and rates are the kernel's. The last three are the collector's: number is its instance in
    lvsRealTable, counter_offset what was counted before the kernel's counters last began anew,
    continuous_since when the sum of both became continuous (seconds of CLOCK_BOOTTIME).
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

    @cached_property
    def packed(self) -> bytes:
        """The address in network byte order. Raises OSError if it is none."""
        return socket.inet_pton(AF[self.family], self.address)

    @property
    def family(self) -> Family:
        """INET or INET6; a service may have servers of the other family (since Linux 3.18)."""
        return Family.INET6 if ":" in self.address else Family.INET

    @property
    def key(self) -> ServerKey:
        """What makes it itself within its service, in the order that rows have."""
        return self.family, self.packed, self.port

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
    counter_offset: Optional[Traffic] = None
    continuous_since: Optional[float] = None
    real_servers: List[RealServer] = field(default_factory=list)

    @cached_property
    def packed(self) -> bytes:
        """The address in network byte order. Raises OSError or KeyError if it is none."""
        return socket.inet_pton(AF[self.family], self.address)

    @property
    def key(self) -> ServiceKey:
        """What makes it itself, in the order that rows have."""
        return self.family, self.packed, self.protocol, self.fwmark or self.port

    @cached_property
    def name(self) -> str:
        """As ipvsadm -n prints it: TCP 192.0.2.10:443, FWM 5, FWM 5 IPv6; unique in a director."""
        if self.protocol == IpProtocol.FWMARK:
            return f"FWM {self.fwmark}" + (" IPv6" if self.family == Family.INET6 else "")
        protocol = PROTOCOL_NAMES.get(self.protocol, f"IP{self.protocol}")
        return f"{protocol} {_endpoint(self.address, self.port)}"

    @cached_property
    def prefix_length(self) -> Optional[int]:
        """netmask as a prefix length; None for an IPv4 mask with holes."""
        if self.netmask is None:
            return None
        if self.family == Family.INET6:
            return int(self.netmask)
        mask = int.from_bytes(socket.inet_aton(self.netmask), "big")
        length = bin(mask).count("1")
        return length if mask == (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF else None

    @cached_property
    def sums(self) -> Sums:
        """What its real servers add up to. Taken once: delete it when they have been changed."""
        up = _sum(rs.weight and 1 for rs in self.real_servers)
        others = ([getattr(rs, name) for rs in self.real_servers] for name in Sums._fields[1:])
        return Sums(up, *map(_sum, others))


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

    def forget_measurements(self) -> None:
        """Make what is measured unknown, in place: it is too old. What is configured stays.

        Weights are among it, since health checkers change them: an old one would hide a dead
        server. A copy of 60,000 services would stop snmpd for half a second.
        """
        self.totals = self.total_rates = None
        self.cpus = []
        for service in self.services:
            service.counters = service.rates = None
            for rs in service.real_servers:
                rs.weight = rs.active_conns = rs.inact_conns = rs.persist_conns = None
                rs.counters = rs.rates = None
            vars(service).pop("sums", None)


def _sum(values: Iterable[Optional[int]]) -> Optional[int]:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
