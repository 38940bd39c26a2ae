# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of LVS-MIB with the sums over the services of VIPs and the servers at RIPs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from lvs_agent.codes import IpProtocol
from lvs_agent.mib import smi
from lvs_agent.mib.index import instance
from lvs_agent.mib.smi import Column, Index, Oid, Table, at
from lvs_agent.services import RealServer, Traffic, VirtualService, continued, total
from lvs_agent.snapshot import AddressSum, Snapshot


@dataclass
class AddressRow:
    """An address with its present rows: virtual services, or real servers.

    past is what the collector remembers of its other rows, None if there are none. lost is the
    number of lost rows, None if it is unknown. sums_since is the time before which no sum is
    continuous (seconds of CLOCK_BOOTTIME).
    """

    rows: List[Any]
    past: Optional[AddressSum] = None
    lost: Optional[int] = None
    sums_since: float = 0.0
    alias: str = ""

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.rows)

    @cached_property
    def counters(self) -> Optional[Traffic]:
        """The sums of the counters of all rows; None if those of a present row are unknown."""
        counted = [continued(row) for row in self.rows]
        if self.past is not None and self.past.counters is not None:
            counted.append(self.past.counters)
        return _added(counted)

    @cached_property
    def rates(self) -> Optional[Traffic]:
        """The sums of the rates; None if those of a row are unknown."""
        return _added(row.rates for row in self.rows)

    @property
    def continuous_since(self) -> Optional[float]:
        """The time since which the counters are continuous (seconds of CLOCK_BOOTTIME)."""
        if self.counters is None:
            return None
        if self.past is not None:
            return max(self.past.continuous_since, self.sums_since)
        return max(min(row.continuous_since or 0.0 for row in self.rows), self.sums_since)


def _added(parts: Iterable[Optional[Traffic]]) -> Optional[Traffic]:
    found = []
    for part in parts:
        if part is None:
            return None
        found.append(part)
    return Traffic(*map(sum, zip(*found)))


def _sum(path: str) -> Callable[[AddressRow], Optional[int]]:
    get = at(path)
    return lambda address: total(get(row) for row in address.rows)


def _vip_rows(snapshot: Snapshot) -> Iterator[Tuple[Oid, AddressRow]]:
    found: Dict[Oid, List[VirtualService]] = {}
    for vs in snapshot.services:
        if vs.protocol != IpProtocol.FWMARK:
            found.setdefault(instance(vs.family, vs.packed), []).append(vs)
    return _rows(found, snapshot, snapshot.vips, snapshot.lost_services)


def _rip_rows(snapshot: Snapshot) -> Iterator[Tuple[Oid, AddressRow]]:
    found: Dict[Oid, List[RealServer]] = {}
    for vs in snapshot.services:
        for rs in vs.real_servers:
            found.setdefault(instance(rs.family, rs.packed), []).append(rs)
    return _rows(found, snapshot, snapshot.rips, snapshot.lost_servers)


def _rows(
    found: Mapping[Oid, List[Any]],
    snapshot: Snapshot,
    past: Mapping[str, AddressSum],
    lost: Optional[int],
) -> Iterator[Tuple[Oid, AddressRow]]:
    """Yield the row of each address; lost is the number of lost rows of all addresses."""
    for index, rows in found.items():
        own = past.get(rows[0].address)
        own_lost = None if lost is None else own.lost if own is not None else 0
        alias = snapshot.address_aliases.get(rows[0].packed, "")
        yield index, AddressRow(rows, own, own_lost, snapshot.sums_since, alias)


def _services_up(address: AddressRow) -> Optional[int]:
    up = [vs.sums.real_servers_up for vs in address.rows]
    return total(None if each is None else each > 0 for each in up)


VIP = Table(
    (29,),
    "lvsVipTable",
    "lvsVipEntry",
    [
        Index(1, "lvsVipAddrType", smi.InetAddressType),
        Index(2, "lvsVipAddr", smi.InetAddress),
    ],
    _vip_rows,
    [
        Column(3, "lvsVipAlias", smi.Alias, at("alias")),
        Column(4, "lvsVipServices", smi.Gauge32, at("count")),
        Column(5, "lvsVipServicesUp", smi.Gauge32, _services_up),
        Column(6, "lvsVipServicesLost", smi.Gauge32, at("lost")),
        Column(7, "lvsVipActiveConns", smi.Gauge32, _sum("sums.active_conns")),
        Column(8, "lvsVipInactConns", smi.Gauge32, _sum("sums.inact_conns")),
        Column(9, "lvsVipPersistConns", smi.Gauge32, _sum("sums.persist_conns")),
        Column(10, "lvsVipConns", smi.Counter64, at("counters.conns")),
        Column(11, "lvsVipInPkts", smi.Counter64, at("counters.in_pkts")),
        Column(12, "lvsVipOutPkts", smi.Counter64, at("counters.out_pkts")),
        Column(13, "lvsVipInBytes", smi.Counter64, at("counters.in_bytes")),
        Column(14, "lvsVipOutBytes", smi.Counter64, at("counters.out_bytes")),
        Column(15, "lvsVipConnRate", smi.Gauge32, at("rates.conns")),
        Column(16, "lvsVipInPktRate", smi.Gauge32, at("rates.in_pkts")),
        Column(17, "lvsVipOutPktRate", smi.Gauge32, at("rates.out_pkts")),
        Column(18, "lvsVipInByteRate", smi.Gauge32, at("rates.in_bytes")),
        Column(19, "lvsVipOutByteRate", smi.Gauge32, at("rates.out_bytes")),
        Column(20, "lvsVipDiscontinuityTime", smi.TimeStamp, at("continuous_since")),
    ],
)

RIP = Table(
    (30,),
    "lvsRipTable",
    "lvsRipEntry",
    [
        Index(1, "lvsRipAddrType", smi.InetAddressType),
        Index(2, "lvsRipAddr", smi.InetAddress),
    ],
    _rip_rows,
    [
        Column(3, "lvsRipAlias", smi.Alias, at("alias")),
        Column(4, "lvsRipServices", smi.Gauge32, at("count")),
        Column(5, "lvsRipUp", smi.Gauge32, _sum("up")),
        Column(6, "lvsRipLost", smi.Gauge32, at("lost")),
        Column(7, "lvsRipActiveConns", smi.Gauge32, _sum("active_conns")),
        Column(8, "lvsRipInactConns", smi.Gauge32, _sum("inact_conns")),
        Column(9, "lvsRipPersistConns", smi.Gauge32, _sum("persist_conns")),
        Column(10, "lvsRipConns", smi.Counter64, at("counters.conns")),
        Column(11, "lvsRipInPkts", smi.Counter64, at("counters.in_pkts")),
        Column(12, "lvsRipOutPkts", smi.Counter64, at("counters.out_pkts")),
        Column(13, "lvsRipInBytes", smi.Counter64, at("counters.in_bytes")),
        Column(14, "lvsRipOutBytes", smi.Counter64, at("counters.out_bytes")),
        Column(15, "lvsRipConnRate", smi.Gauge32, at("rates.conns")),
        Column(16, "lvsRipInPktRate", smi.Gauge32, at("rates.in_pkts")),
        Column(17, "lvsRipOutPktRate", smi.Gauge32, at("rates.out_pkts")),
        Column(18, "lvsRipInByteRate", smi.Gauge32, at("rates.in_bytes")),
        Column(19, "lvsRipOutByteRate", smi.Gauge32, at("rates.out_bytes")),
        Column(20, "lvsRipDiscontinuityTime", smi.TimeStamp, at("continuous_since")),
    ],
)
