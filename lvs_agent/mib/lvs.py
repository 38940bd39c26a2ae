# SPDX-License-Identifier: GPL-3.0-or-later
"""LVS-MIB: each object declared once, in one line, as mibs/LVS-MIB.txt describes it.

The legacy objects are in legacy. A value of None is no instance.
"""

from __future__ import annotations

import socket
import time
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from lvs_agent import __version__
from lvs_agent.codes import AF, Family, Forwarding, ServiceFlag
from lvs_agent.mib import legacy
from lvs_agent.mib.lookup import MibTree
from lvs_agent.mib.smi import (
    Bits,
    Column,
    Counter32,
    Counter64,
    Enumeration,
    Gauge32,
    Index,
    InetAddress,
    InetAddressPrefixLength,
    InetAddressType,
    InetPortNumber,
    Integer32,
    Oid,
    Scalar,
    SnmpAdminString,
    Table,
    TimeStamp,
    TruthValue,
    Unsigned32,
    Value,
    at,
)
from lvs_agent.snapshot import (
    RealServer,
    Snapshot,
    SyncDaemon,
    VirtualService,
)

LVS: Oid = (1, 3, 6, 1, 4, 1, 8225, 4711)

INET_ADDRESS_TYPE: Dict[int, int] = {
    Family.INET: 1,
    Family.INET6: 2,
}  # ipv4(1) and ipv6(2), RFC 4001

# The bits of lvsVsFlags and lvsRsTunnelFlags in their order, by the kernel's IP_VS_SVC_F_* and
# IP_VS_TUNNEL_ENCAP_FLAG_*
VS_FLAGS = (
    ServiceFlag.PERSISTENT,
    ServiceFlag.ONE_PACKET,
    ServiceFlag.SCHED_1,
    ServiceFlag.SCHED_2,
    ServiceFlag.SCHED_3,
)
TUNNEL_FLAGS = (0x01, 0x02)


def tree(snapshot: Snapshot, started: float, with_legacy: bool = True) -> MibTree:
    """Return the objects of one snapshot; see MibTree for started."""
    return MibTree(*objects(with_legacy), snapshot, started)


def objects(with_legacy: bool = True) -> Tuple[List[Scalar], List[Table]]:
    """Return every scalar and every table, the legacy ones if wanted."""
    scalars, tables = [*TOTALS, *DIRECTOR, *AGENT], [VS, RS, CPU, SYNC]
    if with_legacy:
        scalars += legacy.SCALARS
        tables += legacy.TABLES
    return scalars, tables


def _counter(name: str) -> Value:
    """A counter that goes on rising when the kernel's begins anew."""

    def value(row: Any) -> Optional[int]:
        if row.counters is None:
            return None
        counter_offset = getattr(row.counter_offset, name) if row.counter_offset is not None else 0
        return int(getattr(row.counters, name)) + counter_offset

    return value


def _continuous_since(row: Any) -> Optional[float]:
    return None if row.counters is None else row.continuous_since


def _tunnel(name: str) -> Value:
    return lambda rs: getattr(rs, name) if rs.forwarding == Forwarding.TUNNEL else None


def _bits(masks: Sequence[int], flags: Value) -> Value:
    def value(row: Any) -> Optional[bytes]:
        kernel = flags(row)
        if kernel is None:
            return None
        return bytes([sum(0x80 >> bit for bit, mask in enumerate(masks) if kernel & mask)])

    return value


def _index(family: int, packed: bytes, *rest: int) -> Oid:
    return (INET_ADDRESS_TYPE[family], len(packed), *packed, *rest)


def _vs_rows(snapshot: Snapshot) -> Iterator[Tuple[Oid, VirtualService]]:
    return ((_index(*vs.key), vs) for vs in snapshot.services)


def _rs_rows(snapshot: Snapshot) -> Iterator[Tuple[Oid, RealServer]]:
    for vs in snapshot.services:
        index = _index(*vs.key)
        for rs in vs.real_servers:
            yield (*index, *_index(*rs.key)), rs


def _sync_group(daemon: SyncDaemon) -> Tuple[Optional[int], Optional[bytes]]:
    if daemon.group is None:
        return None, None
    family = Family.INET6 if ":" in daemon.group else Family.INET
    return INET_ADDRESS_TYPE[family], socket.inet_pton(AF[family], daemon.group)


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _real_servers(snapshot: Snapshot) -> int:
    return sum(len(vs.real_servers) for vs in snapshot.services)


def _age(snapshot: Snapshot) -> int:
    return _milliseconds(time.clock_gettime(time.CLOCK_BOOTTIME) - snapshot.taken)


TOTALS = [
    Scalar((20, 1), "lvsTotalConns", Counter64, at("totals.conns")),
    Scalar((20, 2), "lvsTotalInPkts", Counter64, at("totals.in_pkts")),
    Scalar((20, 3), "lvsTotalOutPkts", Counter64, at("totals.out_pkts")),
    Scalar((20, 4), "lvsTotalInBytes", Counter64, at("totals.in_bytes")),
    Scalar((20, 5), "lvsTotalOutBytes", Counter64, at("totals.out_bytes")),
    Scalar((20, 6), "lvsTotalConnRate", Gauge32, at("total_rates.conns")),
    Scalar((20, 7), "lvsTotalInPktRate", Gauge32, at("total_rates.in_pkts")),
    Scalar((20, 8), "lvsTotalOutPktRate", Gauge32, at("total_rates.out_pkts")),
    Scalar((20, 9), "lvsTotalInByteRate", Gauge32, at("total_rates.in_bytes")),
    Scalar((20, 10), "lvsTotalOutByteRate", Gauge32, at("total_rates.out_bytes")),
]

VS_INDEX = [
    Index(1, "lvsVsAddrType", InetAddressType),
    Index(2, "lvsVsAddr", InetAddress),
    Index(3, "lvsVsProtocol", Enumeration),
    Index(4, "lvsVsPort", Unsigned32),
]


VS = Table(
    (21,),
    "lvsVsTable",
    "lvsVsEntry",
    VS_INDEX,
    _vs_rows,
    [
        Column(5, "lvsVsName", SnmpAdminString, at("name")),
        Column(6, "lvsVsScheduler", SnmpAdminString, at("scheduler")),
        Column(7, "lvsVsFlags", Bits, _bits(VS_FLAGS, at("flags"))),
        Column(8, "lvsVsPersistTimeout", Unsigned32, at("persist_timeout")),
        Column(9, "lvsVsPersistPrefixLength", InetAddressPrefixLength, at("prefix_length")),
        Column(10, "lvsVsPersistenceEngine", SnmpAdminString, at("persistence_engine")),
        Column(11, "lvsVsRealServers", Gauge32, lambda vs: len(vs.real_servers)),
        Column(12, "lvsVsRealServersUp", Gauge32, at("sums.real_servers_up")),
        Column(13, "lvsVsWeight", Gauge32, at("sums.weight")),
        Column(14, "lvsVsActiveConns", Gauge32, at("sums.active_conns")),
        Column(15, "lvsVsInactConns", Gauge32, at("sums.inact_conns")),
        Column(16, "lvsVsPersistConns", Gauge32, at("sums.persist_conns")),
        Column(17, "lvsVsConns", Counter64, _counter("conns")),
        Column(18, "lvsVsInPkts", Counter64, _counter("in_pkts")),
        Column(19, "lvsVsOutPkts", Counter64, _counter("out_pkts")),
        Column(20, "lvsVsInBytes", Counter64, _counter("in_bytes")),
        Column(21, "lvsVsOutBytes", Counter64, _counter("out_bytes")),
        Column(22, "lvsVsConnRate", Gauge32, at("rates.conns")),
        Column(23, "lvsVsInPktRate", Gauge32, at("rates.in_pkts")),
        Column(24, "lvsVsOutPktRate", Gauge32, at("rates.out_pkts")),
        Column(25, "lvsVsInByteRate", Gauge32, at("rates.in_bytes")),
        Column(26, "lvsVsOutByteRate", Gauge32, at("rates.out_bytes")),
        Column(27, "lvsVsNumber", Unsigned32, at("number")),
        Column(28, "lvsVsDiscontinuityTime", TimeStamp, _continuous_since),
    ],
)


RS_INDEX = [
    *VS_INDEX,
    Index(1, "lvsRsAddrType", InetAddressType),
    Index(2, "lvsRsAddr", InetAddress),
    Index(3, "lvsRsPort", InetPortNumber),
]


RS = Table(
    (22,),
    "lvsRsTable",
    "lvsRsEntry",
    RS_INDEX,
    _rs_rows,
    [
        Column(4, "lvsRsName", SnmpAdminString, at("name")),
        Column(5, "lvsRsForwarding", Enumeration, at("forwarding")),
        Column(6, "lvsRsWeight", Integer32, at("weight")),
        Column(7, "lvsRsUpperThreshold", Unsigned32, at("upper_threshold")),
        Column(8, "lvsRsLowerThreshold", Unsigned32, at("lower_threshold")),
        Column(9, "lvsRsActiveConns", Gauge32, at("active_conns")),
        Column(10, "lvsRsInactConns", Gauge32, at("inact_conns")),
        Column(11, "lvsRsPersistConns", Gauge32, at("persist_conns")),
        Column(12, "lvsRsConns", Counter64, _counter("conns")),
        Column(13, "lvsRsInPkts", Counter64, _counter("in_pkts")),
        Column(14, "lvsRsOutPkts", Counter64, _counter("out_pkts")),
        Column(15, "lvsRsInBytes", Counter64, _counter("in_bytes")),
        Column(16, "lvsRsOutBytes", Counter64, _counter("out_bytes")),
        Column(17, "lvsRsConnRate", Gauge32, at("rates.conns")),
        Column(18, "lvsRsInPktRate", Gauge32, at("rates.in_pkts")),
        Column(19, "lvsRsOutPktRate", Gauge32, at("rates.out_pkts")),
        Column(20, "lvsRsInByteRate", Gauge32, at("rates.in_bytes")),
        Column(21, "lvsRsOutByteRate", Gauge32, at("rates.out_bytes")),
        Column(22, "lvsRsTunnelType", Enumeration, _tunnel("tunnel_type")),
        Column(23, "lvsRsTunnelPort", InetPortNumber, _tunnel("tunnel_port")),
        Column(24, "lvsRsTunnelFlags", Bits, _bits(TUNNEL_FLAGS, _tunnel("tunnel_flags"))),
        Column(25, "lvsRsNumber", Unsigned32, at("number")),
        Column(26, "lvsRsDiscontinuityTime", TimeStamp, _continuous_since),
    ],
)


CPU = Table(
    (23,),
    "lvsCpuTable",
    "lvsCpuEntry",
    [Index(1, "lvsCpuIndex", Unsigned32)],
    lambda snapshot: (((cpu.number,), cpu.counters) for cpu in snapshot.cpus),
    [
        Column(2, "lvsCpuConns", Counter64, at("conns")),
        Column(3, "lvsCpuInPkts", Counter64, at("in_pkts")),
        Column(4, "lvsCpuOutPkts", Counter64, at("out_pkts")),
        Column(5, "lvsCpuInBytes", Counter64, at("in_bytes")),
        Column(6, "lvsCpuOutBytes", Counter64, at("out_bytes")),
    ],
)

SYNC = Table(
    (24,),
    "lvsSyncTable",
    "lvsSyncEntry",
    [Index(1, "lvsSyncState", Enumeration)],
    lambda snapshot: (((daemon.state,), daemon) for daemon in snapshot.daemons),
    [
        Column(2, "lvsSyncInterface", SnmpAdminString, at("interface")),
        Column(3, "lvsSyncId", Unsigned32, at("sync_id")),
        Column(4, "lvsSyncGroupType", InetAddressType, lambda d: _sync_group(d)[0]),
        Column(5, "lvsSyncGroup", InetAddress, lambda d: _sync_group(d)[1]),
        Column(6, "lvsSyncPort", InetPortNumber, at("port")),
        Column(7, "lvsSyncTtl", Unsigned32, at("ttl")),
        Column(8, "lvsSyncMaxLength", Unsigned32, at("max_length")),
    ],
)

DIRECTOR = [
    Scalar((25, 1), "lvsDirectorEstimation", TruthValue, at("director.estimation")),
    Scalar((25, 2), "lvsDirectorDropEntry", Enumeration, at("director.drop_entry")),
    Scalar((25, 3), "lvsDirectorDropPacket", Enumeration, at("director.drop_packet")),
    Scalar((25, 4), "lvsDirectorSecureTcp", Enumeration, at("director.secure_tcp")),
    Scalar((25, 5), "lvsDirectorConnTableSize", Unsigned32, at("director.conn_table_size")),
]

AGENT = [
    Scalar((26, 1), "lvsAgentVersion", SnmpAdminString, lambda s: __version__),
    Scalar((26, 2), "lvsAgentStatus", Enumeration, at("status")),
    Scalar((26, 3), "lvsAgentStatusText", SnmpAdminString, at("text")),
    Scalar((26, 4), "lvsAgentSource", Enumeration, at("source")),
    Scalar((26, 5), "lvsAgentSnapshotAge", Gauge32, _age),
    Scalar((26, 6), "lvsAgentCollectionTime", Gauge32, lambda s: _milliseconds(s.took)),
    Scalar((26, 7), "lvsAgentServices", Gauge32, lambda s: len(s.services)),
    Scalar((26, 8), "lvsAgentRealServers", Gauge32, _real_servers),
    Scalar((26, 9), "lvsAgentErrors", Counter32, at("errors")),
]
