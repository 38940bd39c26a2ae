# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of virtual services and real servers.

Numbers are the kernel's own, in its units (include/uapi/linux/ip_vs.h): seconds, bytes,
packets, connections, and for rates these per second. A value that the source does not give is
None, never zero.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from functools import cached_property
from typing import Iterable, List, NamedTuple, Optional, Union

from lvs_agent.codes import AF, PROTOCOL_NAMES, Family, IpProtocol, ServiceFlag
from lvs_agent.names import ServerKey, ServiceKey, endpoint, row_name

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
    is when it was last seen to go down (weight 0) or up, or to appear (seconds since 1970). The
    decoder of a snapshot fills in the name of its service, and AliasFile its alias.
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
    service: str = field(default="", compare=False)
    alias: str = field(default="", compare=False)

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

    @property
    def full_name(self) -> str:
        """The name with that of its service, unique in a director."""
        return row_name(self.service, self.name)

    @property
    def up(self) -> Optional[bool]:
        """True if the weight is above 0; None if it is unknown."""
        return None if self.weight is None else self.weight > 0


@dataclass
class VirtualService:
    """One virtual service and its real servers.

    A firewall-mark service has protocol FWMARK, the unspecified address of its family, and its
    mark in fwmark, which is 0 in other services. persist_timeout is in seconds; netmask is the
    persistence granularity, dotted for IPv4 and a prefix length for IPv6. number, counter_offset
    and continuous_since are as in RealServer; changed is when it was last seen to go down (no
    server up) or up. lost counts the real servers that were there and are gone, None if unknown.
    complete is True if a server that is not in real_servers is not in the kernel's table; only the
    collector has it. AliasFile fills in alias.
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
    alias: str = field(default="", compare=False)

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

    @property
    def persistent(self) -> bool:
        """True if clients keep their real server for persist_timeout."""
        return bool(self.flags & ServiceFlag.PERSISTENT)

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
        up = total(rs.weight and 1 for rs in self.real_servers)
        others = ([getattr(rs, name) for rs in self.real_servers] for name in Sums._fields[1:])
        return Sums(up, *map(total, others))


def total(values: Iterable[Optional[int]]) -> Optional[int]:
    """Return the sum of values; None if one of them is."""
    found = 0
    for value in values:
        if value is None:
            return None
        found += value
    return found


def plus(one: Optional[Traffic], other: Optional[Traffic]) -> Optional[Traffic]:
    """Return the sum of counters that wrap to 0 at 2^64. None counts as zeros."""
    if one is None or other is None:
        return other if one is None else one
    return Traffic(*((a + b) & MAX_COUNTER for a, b in zip(one, other)))


def continued(row: Union[VirtualService, RealServer]) -> Optional[Traffic]:
    """Return the counters of a row, continued when the kernel's are reset; None if unknown."""
    return None if row.counters is None else plus(row.counters, row.counter_offset)
