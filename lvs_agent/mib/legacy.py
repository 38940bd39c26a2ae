# SPDX-License-Identifier: GPL-3.0-or-later
"""The legacy objects, of the LVS-MIB of 2001, at their OIDs, for existing templates and scripts.

Rows are numbered by the collector's history. Counters are the kernel's own, without the counter
offset; a Counter32 is the value modulo 2^32, so that SNMPv1 pollers keep working.
"""

from __future__ import annotations

from typing import Iterator, Optional, Tuple

from lvs_agent.codes import Family, IpProtocol, Source, Status, SyncState
from lvs_agent.mib import smi
from lvs_agent.mib.smi import Column, Index, Oid, Scalar, Table, Value, at
from lvs_agent.services import RealServer, VirtualService
from lvs_agent.snapshot import Snapshot, SyncDaemon

MAX_WEIGHT = 65535  # the maximum of lvsRealServerWeight; the kernel's weights may be higher
NO_PORT = -1  # fwmark(-1) of lvsServiceProto and lvsServicePort


def _unless_fwmark(name: str) -> Value:
    return lambda vs: NO_PORT if vs.protocol == IpProtocol.FWMARK else getattr(vs, name)


def _service_addr(vs: VirtualService) -> Optional[str]:
    return vs.address if vs.family == Family.INET and vs.protocol != IpProtocol.FWMARK else None


def _daemon(name: str, otherwise: object) -> Value:
    """Return a value of the one sync daemon that the MIB has room for: the master, if both run."""

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
    Scalar((1,), "lvsVersion", smi.SnmpAdminString, at("director.version")),
    Scalar((2,), "lvsNumServices", smi.Integer32, _num_services),
    Scalar((3,), "lvsHashTableSize", smi.Integer32, at("director.conn_table_size")),
    Scalar((4,), "lvsTcpTimeOut", smi.Integer32, at("director.tcp_timeout")),
    Scalar((5,), "lvsTcpFinTimeOut", smi.Integer32, at("director.tcp_fin_timeout")),
    Scalar((6,), "lvsUdpTimeOut", smi.Integer32, at("director.udp_timeout")),
    Scalar((7,), "lvsDaemonState", smi.Enumeration, _daemon("state", 0)),
    Scalar((8,), "lvsMcastInt", smi.SnmpAdminString, _daemon("interface", "")),
]

SERVICE = Table(
    (17,),
    "lvsServiceTable",
    "lvsServiceEntry",
    [Index(1, "lvsServiceNumber", smi.Integer32, accessible=True)],
    _service_rows,
    [
        Column(2, "lvsServiceSchedType", smi.SnmpAdminString, at("scheduler")),
        Column(3, "lvsServiceProto", smi.Enumeration, _unless_fwmark("protocol")),
        Column(4, "lvsServiceAddr", smi.IpAddress, _service_addr),
        Column(5, "lvsServicePort", smi.Integer32, _unless_fwmark("port")),
        Column(6, "lvsServiceFWMark", smi.Integer32, at("fwmark")),
        Column(7, "lvsServicePersistTimeout", smi.Integer32, at("persist_timeout")),
        Column(
            8,
            "lvsServicePersistNetmask",
            smi.IpAddress,
            lambda vs: vs.netmask if vs.family == Family.INET else None,
        ),
        Column(9, "lvsServiceNumDests", smi.Integer32, lambda vs: len(vs.real_servers)),
        Column(10, "lvsServiceStatsConns", smi.Counter32, at("counters.conns")),
        Column(11, "lvsServiceStatsInPkts", smi.Counter32, at("counters.in_pkts")),
        Column(12, "lvsServiceStatsOutPkts", smi.Counter32, at("counters.out_pkts")),
        Column(13, "lvsServiceStatsInBytes", smi.Counter64, at("counters.in_bytes")),
        Column(14, "lvsServiceStatsOutBytes", smi.Counter64, at("counters.out_bytes")),
        Column(15, "lvsServiceRateCps", smi.Gauge32, at("rates.conns")),
        Column(16, "lvsServiceRateInPPS", smi.Gauge32, at("rates.in_pkts")),
        Column(17, "lvsServiceRateOutPPS", smi.Gauge32, at("rates.out_pkts")),
        Column(18, "lvsServiceRateInBPS", smi.Gauge32, at("rates.in_bytes")),
        Column(19, "lvsServiceRateOutBPS", smi.Gauge32, at("rates.out_bytes")),
    ],
)

REAL = Table(
    (18,),
    "lvsRealTable",
    "lvsRealEntry",
    [
        Index(1, "lvsRealServiceNumber", smi.Integer32, accessible=True),
        Index(2, "lvsRealServerNumber", smi.Integer32, accessible=True),
    ],
    _real_rows,
    [
        Column(
            3,
            "lvsRealServerAddr",
            smi.IpAddress,
            lambda rs: rs.address if rs.family == Family.INET else None,
        ),
        Column(4, "lvsRealServerPort", smi.Integer32, at("port")),
        Column(5, "lvsRealServerFlags", smi.Enumeration, at("forwarding")),
        Column(6, "lvsRealServerWeight", smi.Integer32, _weight),
        Column(7, "lvsRealStatsConns", smi.Counter32, at("counters.conns")),
        Column(8, "lvsRealStatsInPkts", smi.Counter32, at("counters.in_pkts")),
        Column(9, "lvsRealStatsOutPkts", smi.Counter32, at("counters.out_pkts")),
        Column(10, "lvsRealStatsInBytes", smi.Counter64, at("counters.in_bytes")),
        Column(11, "lvsRealStatsOutBytes", smi.Counter64, at("counters.out_bytes")),
        Column(12, "lvsRealRateCps", smi.Gauge32, at("rates.conns")),
        Column(13, "lvsRealRateInPPS", smi.Gauge32, at("rates.in_pkts")),
        Column(14, "lvsRealRateOutPPS", smi.Gauge32, at("rates.out_pkts")),
        Column(15, "lvsRealRateInBPS", smi.Gauge32, at("rates.in_bytes")),
        Column(16, "lvsRealRateOutBPS", smi.Gauge32, at("rates.out_bytes")),
    ],
)

TABLES = [SERVICE, REAL]
