# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of the LVS-MIB of 2001, at their OIDs, for the templates and scripts in use.

Rows are numbered by the collector's history. Counters are the kernel's own, nothing is carried
over a reset; a Counter32 is its value modulo 2^32, so that SNMPv1 pollers keep working.
"""

from __future__ import annotations

from typing import Iterator, Optional, Tuple

from lvs_agent.codes import Family, IpProtocol, Source, Status, SyncState
from lvs_agent.mib.smi import (
    Column,
    Counter32,
    Counter64,
    Enumeration,
    Gauge32,
    Index,
    Integer32,
    IpAddress,
    Oid,
    Scalar,
    SnmpAdminString,
    Table,
    Value,
    at,
)
from lvs_agent.snapshot import RealServer, Snapshot, SyncDaemon, VirtualService

MAX_WEIGHT = 65535  # of lvsRealServerWeight; the kernel's are not bound to it
NO_PORT = -1  # fwmark(-1) of lvsServiceProto and lvsServicePort


def _unless_fwmark(name: str) -> Value:
    return lambda vs: NO_PORT if vs.protocol == IpProtocol.FWMARK else getattr(vs, name)


def _service_addr(vs: VirtualService) -> Optional[str]:
    return vs.address if vs.family == Family.INET and vs.protocol != IpProtocol.FWMARK else None


def _daemon(name: str, otherwise: object) -> Value:
    """Of the one sync daemon there is room for: the master, if both run."""

    def value(snapshot: Snapshot) -> object:
        if snapshot.source != Source.NETLINK:
            return None
        daemons = sorted(snapshot.daemons, key=_backup_last)
        return getattr(daemons[0], name) if daemons else otherwise

    return value


def _num_services(snapshot: Snapshot) -> Optional[int]:
    return len(snapshot.services) if _was_taken(snapshot) else None


def _was_taken(snapshot: Snapshot) -> bool:
    return snapshot.source != Source.NONE or snapshot.status == Status.NO_IPVS


def _weight(rs: RealServer) -> Optional[int]:
    return None if rs.weight is None else min(max(rs.weight, 0), MAX_WEIGHT)


def _backup_last(daemon: SyncDaemon) -> bool:
    return daemon.state != SyncState.MASTER


def _service_rows(snapshot: Snapshot) -> Iterator[Tuple[Oid, VirtualService]]:
    for vs in snapshot.services:
        if vs.number is not None:
            yield (vs.number,), vs


def _real_rows(snapshot: Snapshot) -> Iterator[Tuple[Oid, RealServer]]:
    for (number,), vs in _service_rows(snapshot):
        for rs in vs.real_servers:
            if rs.number is not None:
                yield (number, rs.number), rs


SCALARS = [
    Scalar((1,), "lvsVersion", SnmpAdminString, at("director.version")),
    Scalar((2,), "lvsNumServices", Integer32, _num_services),
    Scalar((3,), "lvsHashTableSize", Integer32, at("director.conn_table_size")),
    Scalar((4,), "lvsTcpTimeOut", Integer32, at("director.tcp_timeout")),
    Scalar((5,), "lvsTcpFinTimeOut", Integer32, at("director.tcp_fin_timeout")),
    Scalar((6,), "lvsUdpTimeOut", Integer32, at("director.udp_timeout")),
    Scalar((7,), "lvsDaemonState", Enumeration, _daemon("state", 0)),
    Scalar((8,), "lvsMcastInt", SnmpAdminString, _daemon("interface", "")),
]

SERVICE = Table(
    (17,),
    "lvsServiceTable",
    "lvsServiceEntry",
    [Index(1, "lvsServiceNumber", Integer32, accessible=True)],
    _service_rows,
    [
        Column(2, "lvsServiceSchedType", SnmpAdminString, at("scheduler")),
        Column(3, "lvsServiceProto", Enumeration, _unless_fwmark("protocol")),
        Column(4, "lvsServiceAddr", IpAddress, _service_addr),
        Column(5, "lvsServicePort", Integer32, _unless_fwmark("port")),
        Column(6, "lvsServiceFWMark", Integer32, at("fwmark")),
        Column(7, "lvsServicePersistTimeout", Integer32, at("persist_timeout")),
        Column(
            8,
            "lvsServicePersistNetmask",
            IpAddress,
            lambda vs: vs.netmask if vs.family == Family.INET else None,
        ),
        Column(9, "lvsServiceNumDests", Integer32, lambda vs: len(vs.real_servers)),
        Column(10, "lvsServiceStatsConns", Counter32, at("counters.conns")),
        Column(11, "lvsServiceStatsInPkts", Counter32, at("counters.in_pkts")),
        Column(12, "lvsServiceStatsOutPkts", Counter32, at("counters.out_pkts")),
        Column(13, "lvsServiceStatsInBytes", Counter64, at("counters.in_bytes")),
        Column(14, "lvsServiceStatsOutBytes", Counter64, at("counters.out_bytes")),
        Column(15, "lvsServiceRateCps", Gauge32, at("rates.conns")),
        Column(16, "lvsServiceRateInPPS", Gauge32, at("rates.in_pkts")),
        Column(17, "lvsServiceRateOutPPS", Gauge32, at("rates.out_pkts")),
        Column(18, "lvsServiceRateInBPS", Gauge32, at("rates.in_bytes")),
        Column(19, "lvsServiceRateOutBPS", Gauge32, at("rates.out_bytes")),
    ],
)

REAL = Table(
    (18,),
    "lvsRealTable",
    "lvsRealEntry",
    [
        Index(1, "lvsRealServiceNumber", Integer32, accessible=True),
        Index(2, "lvsRealServerNumber", Integer32, accessible=True),
    ],
    _real_rows,
    [
        Column(
            3,
            "lvsRealServerAddr",
            IpAddress,
            lambda rs: rs.address if rs.family == Family.INET else None,
        ),
        Column(4, "lvsRealServerPort", Integer32, at("port")),
        Column(5, "lvsRealServerFlags", Enumeration, at("forwarding")),
        Column(6, "lvsRealServerWeight", Integer32, _weight),
        Column(7, "lvsRealStatsConns", Counter32, at("counters.conns")),
        Column(8, "lvsRealStatsInPkts", Counter32, at("counters.in_pkts")),
        Column(9, "lvsRealStatsOutPkts", Counter32, at("counters.out_pkts")),
        Column(10, "lvsRealStatsInBytes", Counter64, at("counters.in_bytes")),
        Column(11, "lvsRealStatsOutBytes", Counter64, at("counters.out_bytes")),
        Column(12, "lvsRealRateCps", Gauge32, at("rates.conns")),
        Column(13, "lvsRealRateInPPS", Gauge32, at("rates.in_pkts")),
        Column(14, "lvsRealRateOutPPS", Gauge32, at("rates.out_pkts")),
        Column(15, "lvsRealRateInBPS", Gauge32, at("rates.in_bytes")),
        Column(16, "lvsRealRateOutBPS", Gauge32, at("rates.out_bytes")),
    ],
)

TABLES = [SERVICE, REAL]
