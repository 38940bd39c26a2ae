# SPDX-License-Identifier: GPL-3.0-or-later
"""LVS-MIB: each object declared once, in one line, as mibs/LVS-MIB.txt describes it.

The legacy objects are in mib.legacy, the tables of lost rows in mib.lost, those of addresses in
mib.addresses. An object whose value is None has no instance.
"""

from __future__ import annotations

import socket
import time
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from lvs_agent import __version__
from lvs_agent.codes import AF, Family, Forwarding, ServiceFlag
from lvs_agent.mib import addresses, legacy, lost, smi
from lvs_agent.mib.index import INET_ADDRESS_TYPE, RS_INDEX, VS_INDEX, instance
from lvs_agent.mib.lookup import MibTree
from lvs_agent.mib.smi import Column, Index, Oid, Scalar, Table, Value, at
from lvs_agent.services import RealServer, VirtualService
from lvs_agent.snapshot import Snapshot, SyncDaemon

LVS: Oid = (1, 3, 6, 1, 4, 1, 8225, 4711)

# The kernel's IP_VS_SVC_F_* and IP_VS_TUNNEL_ENCAP_FLAG_*, in the order of the bits of lvsVsFlags
# and lvsRsTunnelFlags
VS_FLAGS = tuple(ServiceFlag)
TUNNEL_FLAGS = (0x01, 0x02)


def tree(snapshot: Snapshot, started: float, with_legacy: bool = True) -> MibTree:
    """Return the objects of one snapshot; see MibTree for started."""
    return MibTree(*objects(with_legacy), snapshot, started)


def objects(with_legacy: bool = True) -> Tuple[List[Scalar], List[Table]]:
    """Return every scalar and every table, including the legacy ones if with_legacy."""
    scalars = [*TOTALS, *DIRECTOR, *AGENT]
    tables = [VS, RS, CPU, SYNC, lost.VS, lost.RS, addresses.VIP, addresses.RIP]
    if with_legacy:
        scalars += legacy.SCALARS
        tables += legacy.TABLES
    return scalars, tables


def _counter(name: str) -> Value:
    """Return a counter that keeps rising when the kernel's is reset."""

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


def _vs_rows(snapshot: Snapshot) -> Iterator[Tuple[Oid, VirtualService]]:
    return ((instance(*vs.key), vs) for vs in snapshot.services)


def _rs_rows(snapshot: Snapshot) -> Iterator[Tuple[Oid, RealServer]]:
    for vs in snapshot.services:
        index = instance(*vs.key)
        for rs in vs.real_servers:
            yield (*index, *instance(*rs.key)), rs


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
    Scalar((20, 1), "lvsTotalConns", smi.Counter64, at("totals.conns")),
    Scalar((20, 2), "lvsTotalInPkts", smi.Counter64, at("totals.in_pkts")),
    Scalar((20, 3), "lvsTotalOutPkts", smi.Counter64, at("totals.out_pkts")),
    Scalar((20, 4), "lvsTotalInBytes", smi.Counter64, at("totals.in_bytes")),
    Scalar((20, 5), "lvsTotalOutBytes", smi.Counter64, at("totals.out_bytes")),
    Scalar((20, 6), "lvsTotalConnRate", smi.Gauge32, at("total_rates.conns")),
    Scalar((20, 7), "lvsTotalInPktRate", smi.Gauge32, at("total_rates.in_pkts")),
    Scalar((20, 8), "lvsTotalOutPktRate", smi.Gauge32, at("total_rates.out_pkts")),
    Scalar((20, 9), "lvsTotalInByteRate", smi.Gauge32, at("total_rates.in_bytes")),
    Scalar((20, 10), "lvsTotalOutByteRate", smi.Gauge32, at("total_rates.out_bytes")),
]

VS = Table(
    (21,),
    "lvsVsTable",
    "lvsVsEntry",
    VS_INDEX,
    _vs_rows,
    [
        Column(5, "lvsVsName", smi.SnmpAdminString, at("name")),
        Column(6, "lvsVsScheduler", smi.SnmpAdminString, at("scheduler")),
        Column(7, "lvsVsFlags", smi.Bits, _bits(VS_FLAGS, at("flags"))),
        Column(8, "lvsVsPersistTimeout", smi.Unsigned32, at("persist_timeout")),
        Column(9, "lvsVsPersistPrefixLength", smi.InetAddressPrefixLength, at("prefix_length")),
        Column(10, "lvsVsPersistenceEngine", smi.SnmpAdminString, at("persistence_engine")),
        Column(11, "lvsVsRealServers", smi.Gauge32, lambda vs: len(vs.real_servers)),
        Column(12, "lvsVsRealServersUp", smi.Gauge32, at("sums.real_servers_up")),
        Column(13, "lvsVsWeight", smi.Gauge32, at("sums.weight")),
        Column(14, "lvsVsActiveConns", smi.Gauge32, at("sums.active_conns")),
        Column(15, "lvsVsInactConns", smi.Gauge32, at("sums.inact_conns")),
        Column(16, "lvsVsPersistConns", smi.Gauge32, at("sums.persist_conns")),
        Column(17, "lvsVsConns", smi.Counter64, _counter("conns")),
        Column(18, "lvsVsInPkts", smi.Counter64, _counter("in_pkts")),
        Column(19, "lvsVsOutPkts", smi.Counter64, _counter("out_pkts")),
        Column(20, "lvsVsInBytes", smi.Counter64, _counter("in_bytes")),
        Column(21, "lvsVsOutBytes", smi.Counter64, _counter("out_bytes")),
        Column(22, "lvsVsConnRate", smi.Gauge32, at("rates.conns")),
        Column(23, "lvsVsInPktRate", smi.Gauge32, at("rates.in_pkts")),
        Column(24, "lvsVsOutPktRate", smi.Gauge32, at("rates.out_pkts")),
        Column(25, "lvsVsInByteRate", smi.Gauge32, at("rates.in_bytes")),
        Column(26, "lvsVsOutByteRate", smi.Gauge32, at("rates.out_bytes")),
        Column(27, "lvsVsNumber", smi.Unsigned32, at("number")),
        Column(28, "lvsVsDiscontinuityTime", smi.TimeStamp, _continuous_since),
        Column(29, "lvsVsAlias", smi.Alias, at("alias")),
        Column(30, "lvsVsRealServersLost", smi.Gauge32, at("lost")),
        Column(31, "lvsVsPersistent", smi.TruthValue, at("persistent")),
        Column(32, "lvsVsLastChange", smi.DateAndTime, at("changed")),
        Column(33, "lvsVsStateAge", smi.Gauge32, lost.seconds_since("changed")),
    ],
)


RS = Table(
    (22,),
    "lvsRsTable",
    "lvsRsEntry",
    RS_INDEX,
    _rs_rows,
    [
        Column(4, "lvsRsName", smi.SnmpAdminString, at("name")),
        Column(5, "lvsRsForwarding", smi.Enumeration, at("forwarding")),
        Column(6, "lvsRsWeight", smi.Integer32, at("weight")),
        Column(7, "lvsRsUpperThreshold", smi.Unsigned32, at("upper_threshold")),
        Column(8, "lvsRsLowerThreshold", smi.Unsigned32, at("lower_threshold")),
        Column(9, "lvsRsActiveConns", smi.Gauge32, at("active_conns")),
        Column(10, "lvsRsInactConns", smi.Gauge32, at("inact_conns")),
        Column(11, "lvsRsPersistConns", smi.Gauge32, at("persist_conns")),
        Column(12, "lvsRsConns", smi.Counter64, _counter("conns")),
        Column(13, "lvsRsInPkts", smi.Counter64, _counter("in_pkts")),
        Column(14, "lvsRsOutPkts", smi.Counter64, _counter("out_pkts")),
        Column(15, "lvsRsInBytes", smi.Counter64, _counter("in_bytes")),
        Column(16, "lvsRsOutBytes", smi.Counter64, _counter("out_bytes")),
        Column(17, "lvsRsConnRate", smi.Gauge32, at("rates.conns")),
        Column(18, "lvsRsInPktRate", smi.Gauge32, at("rates.in_pkts")),
        Column(19, "lvsRsOutPktRate", smi.Gauge32, at("rates.out_pkts")),
        Column(20, "lvsRsInByteRate", smi.Gauge32, at("rates.in_bytes")),
        Column(21, "lvsRsOutByteRate", smi.Gauge32, at("rates.out_bytes")),
        Column(22, "lvsRsTunnelType", smi.Enumeration, _tunnel("tunnel_type")),
        Column(23, "lvsRsTunnelPort", smi.InetPortNumber, _tunnel("tunnel_port")),
        Column(24, "lvsRsTunnelFlags", smi.Bits, _bits(TUNNEL_FLAGS, _tunnel("tunnel_flags"))),
        Column(25, "lvsRsNumber", smi.Unsigned32, at("number")),
        Column(26, "lvsRsDiscontinuityTime", smi.TimeStamp, _continuous_since),
        Column(27, "lvsRsFullName", smi.SnmpAdminString, at("full_name")),
        Column(28, "lvsRsAlias", smi.Alias, at("alias")),
        Column(29, "lvsRsUp", smi.TruthValue, at("up")),
        Column(30, "lvsRsLastChange", smi.DateAndTime, at("changed")),
        Column(31, "lvsRsStateAge", smi.Gauge32, lost.seconds_since("changed")),
    ],
)


CPU = Table(
    (23,),
    "lvsCpuTable",
    "lvsCpuEntry",
    [Index(1, "lvsCpuIndex", smi.Unsigned32)],
    lambda snapshot: (((cpu.number,), cpu.counters) for cpu in snapshot.cpus),
    [
        Column(2, "lvsCpuConns", smi.Counter64, at("conns")),
        Column(3, "lvsCpuInPkts", smi.Counter64, at("in_pkts")),
        Column(4, "lvsCpuOutPkts", smi.Counter64, at("out_pkts")),
        Column(5, "lvsCpuInBytes", smi.Counter64, at("in_bytes")),
        Column(6, "lvsCpuOutBytes", smi.Counter64, at("out_bytes")),
    ],
)

SYNC = Table(
    (24,),
    "lvsSyncTable",
    "lvsSyncEntry",
    [Index(1, "lvsSyncState", smi.Enumeration)],
    lambda snapshot: (((daemon.state,), daemon) for daemon in snapshot.daemons),
    [
        Column(2, "lvsSyncInterface", smi.SnmpAdminString, at("interface")),
        Column(3, "lvsSyncId", smi.Unsigned32, at("sync_id")),
        Column(4, "lvsSyncGroupType", smi.InetAddressType, lambda d: _sync_group(d)[0]),
        Column(5, "lvsSyncGroup", smi.InetAddress, lambda d: _sync_group(d)[1]),
        Column(6, "lvsSyncPort", smi.InetPortNumber, at("port")),
        Column(7, "lvsSyncTtl", smi.Unsigned32, at("ttl")),
        Column(8, "lvsSyncMaxLength", smi.Unsigned32, at("max_length")),
    ],
)

DIRECTOR = [
    Scalar((25, 1), "lvsDirectorEstimation", smi.TruthValue, at("director.estimation")),
    Scalar((25, 2), "lvsDirectorDropEntry", smi.Enumeration, at("director.drop_entry")),
    Scalar((25, 3), "lvsDirectorDropPacket", smi.Enumeration, at("director.drop_packet")),
    Scalar((25, 4), "lvsDirectorSecureTcp", smi.Enumeration, at("director.secure_tcp")),
    Scalar((25, 5), "lvsDirectorConnTableSize", smi.Unsigned32, at("director.conn_table_size")),
]

AGENT = [
    Scalar((26, 1), "lvsAgentVersion", smi.SnmpAdminString, lambda s: __version__),
    Scalar((26, 2), "lvsAgentStatus", smi.Enumeration, at("status")),
    Scalar((26, 3), "lvsAgentStatusText", smi.SnmpAdminString, at("text")),
    Scalar((26, 4), "lvsAgentSource", smi.Enumeration, at("source")),
    Scalar((26, 5), "lvsAgentSnapshotAge", smi.Gauge32, _age),
    Scalar((26, 6), "lvsAgentCollectionTime", smi.Gauge32, lambda s: _milliseconds(s.took)),
    Scalar((26, 7), "lvsAgentServices", smi.Gauge32, lambda s: len(s.services)),
    Scalar((26, 8), "lvsAgentRealServers", smi.Gauge32, _real_servers),
    Scalar((26, 9), "lvsAgentErrors", smi.Counter32, at("errors")),
    Scalar((26, 10), "lvsAgentLostServices", smi.Gauge32, at("lost_services")),
    Scalar((26, 11), "lvsAgentLostRealServers", smi.Gauge32, at("lost_servers")),
]
