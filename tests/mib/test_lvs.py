# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of LVS-MIB by value; the expected values follow RFC 2578 and RFC 4001."""

from __future__ import annotations

import re
import time
from typing import Dict, List, Optional, Set, Tuple

import pytest

from lvs_agent import __version__
from lvs_agent.codes import Family, Forwarding, Source, Status, SyncState
from lvs_agent.mib.lvs import tree
from lvs_agent.mib.smi import Oid, Varbind
from lvs_agent.services import RealServer, Traffic, VirtualService
from lvs_agent.snapshot import Snapshot, SyncDaemon
from tests.support.builders import director, fwmark, server, service, snapshot, traffic
from tests.support.lvsmib import COUNTERS, RATES, TABLE_OF, place, split
from tests.support.snmpd import numbers
from tests.support.words import said

V6 = (0x20, 0x01, 0x0D, 0xB8)
WEB = (1, 4, 192, 0, 2, 10, 6, 443)
SIP = (2, 16, *V6, *(0,) * 11, 0x10, 132, 5060)


def walk(look: Snapshot, started: float = 700.0) -> Dict[Tuple[str, Oid], Varbind]:
    """Return the varbinds by name and instance."""
    varbinds = tree(look, started, with_legacy=False).walk()
    return {split(numbers(varbind.oid)): varbind for varbind in varbinds}


def cell(look: Snapshot, name: str, *instance: int, started: float = 700.0) -> Optional[str]:
    """Return an instance as type and value, or None if there is none."""
    found = tree(look, started).get(place(name, *instance))
    return None if found is None else said(found)


def row(look: Snapshot, table: str, *instance: int) -> Dict[str, str]:
    """Return the values of a table's row by column."""
    return {
        name: said(varbind)
        for (name, at), varbind in walk(look).items()
        if TABLE_OF.get(name) == table and at == instance
    }


@pytest.fixture
def _ten_past_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the clock to 2026-11-29 01:10:00 UTC."""
    monkeypatch.setattr(time, "time", lambda: 1795914600.0)


@pytest.mark.usefixtures("_ten_past_one")
def test_a_virtual_services_row() -> None:
    assert row(director(), "lvsVsTable", *WEB) == {
        "lvsVsName": "string TCP 192.0.2.10:443",
        "lvsVsScheduler": "string wlc",
        "lvsVsFlags": "octet 80",
        "lvsVsPersistTimeout": "gauge 360",
        "lvsVsPersistPrefixLength": "gauge 24",
        "lvsVsPersistenceEngine": "string sip",
        "lvsVsRealServers": "gauge 3",
        "lvsVsRealServersUp": "gauge 3",
        "lvsVsWeight": "gauge 600",
        "lvsVsActiveConns": "gauge 609",
        "lvsVsInactConns": "gauge 612",
        "lvsVsPersistConns": "gauge 615",
        **{f"lvsVs{each}": f"counter64 {2020 + 2 * at}" for at, each in enumerate(COUNTERS)},
        **{f"lvsVs{each}": f"gauge {1010 + at}" for at, each in enumerate(RATES)},
        "lvsVsNumber": "gauge 1",
        "lvsVsDiscontinuityTime": "timeticks 10025",
        "lvsVsAlias": "string shop 1",
        "lvsVsRealServersLost": "gauge 1",
        "lvsVsPersistent": "integer 1",
        "lvsVsLastChange": "octet 07 ea 0b 1b 11 14 01 00 2b 00 00",
        "lvsVsStateAge": "gauge 114599",
    }


@pytest.mark.usefixtures("_ten_past_one")
def test_a_real_servers_row() -> None:
    assert row(director(), "lvsRsTable", *WEB, 1, 4, 192, 168, 0, 2, 8080) == {
        "lvsRsName": "string 192.168.0.2:8080",
        "lvsRsForwarding": "integer 2",
        "lvsRsWeight": "integer 200",
        "lvsRsUpperThreshold": "gauge 201",
        "lvsRsLowerThreshold": "gauge 202",
        "lvsRsActiveConns": "gauge 203",
        "lvsRsInactConns": "gauge 204",
        "lvsRsPersistConns": "gauge 205",
        **{f"lvsRs{each}": f"counter64 {440 + 2 * at}" for at, each in enumerate(COUNTERS)},
        **{f"lvsRs{each}": f"gauge {220 + at}" for at, each in enumerate(RATES)},
        "lvsRsTunnelType": "integer 1",
        "lvsRsTunnelPort": "gauge 6080",
        "lvsRsTunnelFlags": "octet 80",
        "lvsRsNumber": "gauge 2",
        "lvsRsDiscontinuityTime": "timeticks 20050",
        "lvsRsFullName": "string TCP 192.0.2.10:443 -> 192.168.0.2:8080",
        "lvsRsAlias": "string web 200",
        "lvsRsUp": "integer 1",
        "lvsRsLastChange": "octet 07 ea 0b 1c 15 0a 00 00 2b 00 00",
        "lvsRsStateAge": "gauge 14400",
    }


def test_services_and_servers_are_indexed_by_address_in_order() -> None:
    found = [(name, at, varbind.value) for (name, at), varbind in walk(director()).items()]
    assert [(at, value) for name, at, value in found if name == "lvsVsName"] == [
        ((1, 4, 0, 0, 0, 0, 0, 5), "FWM 5"),
        (WEB, "TCP 192.0.2.10:443"),
        ((1, 4, 192, 0, 2, 10, 17, 0), "UDP 192.0.2.10:0"),
        ((2, 16, *(0,) * 16, 0, 4294967295), "FWM 4294967295 IPv6"),
        (SIP, "SCTP [2001:db8::10]:5060"),
    ]
    far = (2, 16, *V6, 0, 1, *(0,) * 9)
    assert [(at, value) for name, at, value in found if name == "lvsRsName"] == [
        ((1, 4, 0, 0, 0, 0, 0, 5, 1, 4, 192, 168, 0, 9, 0), "192.168.0.9:0"),
        ((*WEB, 1, 4, 192, 168, 0, 1, 8080), "192.168.0.1:8080"),
        ((*WEB, 1, 4, 192, 168, 0, 2, 8080), "192.168.0.2:8080"),
        ((*WEB, *far, 1, 8080), "[2001:db8:1::1]:8080"),
        ((*SIP, *far, 2, 5060), "[2001:db8:1::2]:5060"),
    ]


ADDRESS_TABLES = (
    *("lvsVsTable", "lvsRsTable", "lvsLostVsTable", "lvsLostRsTable"),
    *("lvsVipTable", "lvsRipTable"),
)


def test_totals_cpus_daemons_settings_and_the_agent() -> None:
    shown = {name: said(found) for name, found in walk(director()).items()}
    age = shown.pop(("lvsAgentSnapshotAge", (0,)))
    assert age.startswith("gauge ")
    scalars = {
        "lvsTotalConns": "counter64 18446744073709551615",
        **{f"lvsTotal{COUNTERS[at]}": f"counter64 {at}" for at in range(1, 5)},
        **{f"lvsTotal{each}": f"gauge {10 + at}" for at, each in enumerate(RATES)},
        "lvsDirectorEstimation": "integer 2",
        "lvsDirectorDropEntry": "integer 0",
        "lvsDirectorDropPacket": "integer 1",
        "lvsDirectorSecureTcp": "integer 2",
        "lvsDirectorConnTableSize": "gauge 4096",
        "lvsAgentVersion": f"string {__version__}",
        "lvsAgentStatus": "integer 2",
        "lvsAgentStatusText": "string the counters stand still: réglage",
        "lvsAgentSource": "integer 1",
        "lvsAgentCollectionTime": "gauge 250",
        "lvsAgentServices": "gauge 5",
        "lvsAgentRealServers": "gauge 5",
        "lvsAgentErrors": "counter 3",
        "lvsAgentLostServices": "gauge 2",
        "lvsAgentLostRealServers": "gauge 1",
    }
    daemons = {
        "lvsSyncInterface": ("string eth1", "string eth1"),
        "lvsSyncId": ("gauge 7", "gauge 7"),
        "lvsSyncGroupType": ("integer 1", "integer 2"),
        "lvsSyncGroup": ("octet e0 00 00 51", "octet ff 02" + " 00" * 13 + " 81"),
        "lvsSyncPort": ("gauge 8848", "gauge 8848"),
        "lvsSyncTtl": ("gauge 1", "gauge 1"),
        "lvsSyncMaxLength": ("gauge 1472", "gauge 1472"),
    }
    expected: Dict[Tuple[str, Oid], str] = {
        **{(name, (0,)): value for name, value in scalars.items()},
        **{
            (f"lvsCpu{each}", (cpu,)): f"counter64 {first + at}"
            for cpu, first in ((0, 20), (31, 30))
            for at, each in enumerate(COUNTERS)
        },
        **{
            (name, (state,)): values[state - 1]
            for name, values in daemons.items()
            for state in (SyncState.MASTER, SyncState.BACKUP)
        },
    }
    rest = {
        (name, at): value
        for (name, at), value in shown.items()
        if TABLE_OF.get(name) not in ADDRESS_TABLES
    }
    assert rest == expected


def test_the_age_is_in_milliseconds_since_the_snapshot_was_begun() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    shown = cell(snapshot(taken=before - 2.5), "lvsAgentSnapshotAge", 0)
    after = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert shown is not None
    assert 2500 <= int(shown.split()[1]) <= 2500 + (after - before) * 1000


@pytest.mark.parametrize(
    ("flags", "octet"),
    [
        (0x00, "00"),
        (0x01, "80"),
        (0x02, "00"),  # IP_VS_SVC_F_HASHED is not an option
        (0x04, "40"),
        (0x08, "20"),
        (0x10, "10"),
        (0x20, "08"),
        (0xFFFFFFFF, "f8"),
    ],
)
def test_flags_are_bits_counted_from_the_highest(flags: int, octet: str) -> None:
    assert cell(snapshot(service(flags=flags)), "lvsVsFlags", *WEB) == f"octet {octet}"


@pytest.mark.parametrize(("flags", "octet"), [(0, "00"), (1, "80"), (2, "40"), (3, "c0")])
def test_tunnel_flags_are_bits_too(flags: int, octet: str) -> None:
    look = snapshot(
        service("192.0.2.10", 443, server(forwarding=Forwarding.TUNNEL, tunnel_flags=flags))
    )
    assert cell(look, "lvsRsTunnelFlags", *WEB, 1, 4, 192, 168, 0, 1, 8080) == f"octet {octet}"


def test_only_a_tunnel_has_a_tunnels_columns() -> None:
    rs = server(forwarding=Forwarding.LOCAL, tunnel_type=0, tunnel_port=0, tunnel_flags=0)
    look = snapshot(service("192.0.2.10", 443, rs))
    columns = row(look, "lvsRsTable", *WEB, 1, 4, 192, 168, 0, 1, 8080)
    assert columns["lvsRsForwarding"] == "integer 1"
    assert not {"lvsRsTunnelType", "lvsRsTunnelPort", "lvsRsTunnelFlags"} & set(columns)


@pytest.mark.parametrize(
    ("netmask", "family", "length"),
    [
        ("255.255.255.255", 4, "gauge 32"),
        ("255.255.255.0", 4, "gauge 24"),
        ("128.0.0.0", 4, "gauge 1"),
        ("0.0.0.0", 4, "gauge 0"),
        ("255.0.255.0", 4, None),
        ("0.0.0.255", 4, None),
        ("128", 6, "gauge 128"),
        ("1", 6, "gauge 1"),
        (None, 4, None),
    ],
)
def test_a_mask_is_a_prefix_length_unless_it_has_holes(
    netmask: Optional[str], family: int, length: Optional[str]
) -> None:
    look = snapshot(fwmark(5, family=family, netmask=netmask))
    index = (2, 16, *(0,) * 16) if family == Family.INET6 else (1, 4, *(0,) * 4)
    assert cell(look, "lvsVsPersistPrefixLength", *index, 0, 5) == length


@pytest.mark.parametrize(
    ("since", "ticks"),
    [(100.0, "0"), (700.0, "0"), (712.5, "1250"), (700.0 + 400 * 86400, "3456000000")],
)
def test_continuity_is_told_in_hundredths_since_snmpd_started(since: float, ticks: str) -> None:
    look = snapshot(service(counters=traffic(0), continuous_since=since))
    assert cell(look, "lvsVsDiscontinuityTime", *WEB, started=700.0) == f"timeticks {ticks}"


def test_continuity_after_497_days_wraps_as_sysuptime_does() -> None:
    look = snapshot(service(counters=traffic(0), continuous_since=500 * 86400.0))
    shown = cell(look, "lvsVsDiscontinuityTime", *WEB, started=0.0)
    assert shown == f"timeticks {500 * 8640000 - 2**32}"


def test_counters_that_are_carried_wrap_as_a_counter64_does() -> None:
    vs = service(
        counters=Traffic(2**64 - 1, 5, 0, 0, 0), counter_offset=Traffic(3, 2**64 - 5, 0, 0, 0)
    )
    assert cell(snapshot(vs), "lvsVsConns", *WEB) == "counter64 2"
    assert cell(snapshot(vs), "lvsVsInPkts", *WEB) == "counter64 0"


def columns_of(look: Snapshot, table: str) -> List[str]:
    """Return the columns that have instances, in order."""
    return list(dict.fromkeys(name for name, _at in walk(look) if TABLE_OF.get(name) == table))


def groups_of(look: Snapshot) -> Set[str]:
    """Return the tables and groups of scalars that have instances."""
    names = {name for name, _at in walk(look)}
    return {TABLE_OF.get(name) or re.findall("lvs[A-Z][a-z]+", name)[0] for name in names}


def test_what_the_source_did_not_tell_has_no_instance() -> None:
    rs = RealServer("192.168.0.1", 80, Forwarding.TUNNEL, 1, active_conns=0, inact_conns=0)
    vs = VirtualService(4, 6, "192.0.2.10", 443, 0, "wlc", 0, real_servers=[rs])
    look = snapshot(vs, source=Source.PROCFS, status=Status.NO_STATISTICS)
    assert columns_of(look, "lvsVsTable") == [
        *("lvsVsName", "lvsVsScheduler", "lvsVsFlags", "lvsVsRealServers", "lvsVsRealServersUp"),
        *("lvsVsWeight", "lvsVsActiveConns", "lvsVsInactConns", "lvsVsAlias", "lvsVsPersistent"),
    ]
    assert columns_of(look, "lvsRsTable") == [
        *("lvsRsName", "lvsRsForwarding", "lvsRsWeight", "lvsRsActiveConns", "lvsRsInactConns"),
        *("lvsRsFullName", "lvsRsAlias", "lvsRsUp"),
    ]
    assert groups_of(look) == {
        *("lvsVsTable", "lvsRsTable", "lvsVipTable", "lvsRipTable", "lvsAgent"),
    }


def test_an_expired_snapshot_tells_what_is_configured_and_nothing_measured() -> None:
    look = director()
    look.services = [vs for vs in look.services if vs.real_servers]
    look.status = Status.EXPIRED
    look.forget_measurements()
    assert columns_of(look, "lvsVsTable") == [
        *("lvsVsName", "lvsVsScheduler", "lvsVsFlags", "lvsVsPersistTimeout"),
        *("lvsVsPersistPrefixLength", "lvsVsPersistenceEngine", "lvsVsRealServers", "lvsVsNumber"),
        *("lvsVsAlias", "lvsVsPersistent"),
    ]
    assert columns_of(look, "lvsRsTable") == [
        *("lvsRsName", "lvsRsForwarding", "lvsRsUpperThreshold", "lvsRsLowerThreshold"),
        *("lvsRsTunnelType", "lvsRsTunnelPort", "lvsRsTunnelFlags", "lvsRsNumber"),
        *("lvsRsFullName", "lvsRsAlias"),
    ]
    assert groups_of(look) == {
        "lvsVsTable",
        "lvsRsTable",
        "lvsSyncTable",
        "lvsDirector",
        "lvsAgent",
        "lvsLostVsTable",
        "lvsLostRsTable",
        "lvsVipTable",
        "lvsRipTable",
    }
    assert cell(look, "lvsAgentStatus", 0) == "integer 6"


def test_a_sync_daemon_of_a_kernel_before_4_3_has_two_columns() -> None:
    look = snapshot(daemons=[SyncDaemon(SyncState.MASTER, "eth0", 0)])
    assert columns_of(look, "lvsSyncTable") == ["lvsSyncInterface", "lvsSyncId"]


def test_a_service_is_up_by_the_weights_of_its_servers() -> None:
    servers = [server(f"192.168.0.{weight}", weight=weight) for weight in (0, 1, 2)]
    up = snapshot(service("192.0.2.10", 443, *servers))
    assert cell(up, "lvsVsRealServersUp", *WEB) == "gauge 2"
    assert cell(snapshot(service("192.0.2.10", 443)), "lvsVsRealServersUp", *WEB) == "gauge 0"


def test_the_objects_of_2001_can_be_left_out() -> None:
    assert next(tree(director(), 0.0).walk()).oid == "1.0"
    assert next(tree(director(), 0.0, with_legacy=False).walk()).oid == "20.1.0"
