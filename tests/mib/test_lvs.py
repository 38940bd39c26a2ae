# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of LVS-MIB by value; expected are RFC 2578's and RFC 4001's forms of what goes in."""

from __future__ import annotations

import time
from typing import Dict, List, Optional

import pytest

from lvs_agent import __version__
from lvs_agent.codes import Family, Forwarding, Source, Status, SyncState
from lvs_agent.mib.lvs import tree
from lvs_agent.mib.smi import Oid, Varbind
from lvs_agent.snapshot import RealServer, Snapshot, SyncDaemon, Traffic, VirtualService
from tests.support.builders import director, fwmark, server, service, snapshot, traffic
from tests.support.snmpd import numbers
from tests.support.words import said

V6 = (0x20, 0x01, 0x0D, 0xB8)
WEB = (1, 4, 192, 0, 2, 10, 6, 443)
SIP = (2, 16, *V6, *(0,) * 11, 0x10, 132, 5060)


def walk(look: Snapshot, started: float = 700.0) -> Dict[Oid, Varbind]:
    return {
        numbers(varbind.oid): varbind for varbind in tree(look, started, with_legacy=False).walk()
    }


def cell(look: Snapshot, *oid: int, started: float = 700.0) -> Optional[str]:
    """An instance as its type and value; None if it is not there."""
    found = tree(look, started).get(oid)
    return None if found is None else said(found)


def row(look: Snapshot, table: int, *instance: int) -> Dict[int, str]:
    """A row's instances by column."""
    return {
        oid[2]: said(varbind)
        for oid, varbind in walk(look).items()
        if oid[0] == table and oid[3:] == instance
    }


def test_a_virtual_services_row() -> None:
    assert row(director(), 21, *WEB) == {
        5: "string TCP 192.0.2.10:443",
        6: "string wlc",
        7: "octet 80",
        8: "gauge 360",
        9: "gauge 24",
        10: "string sip",
        11: "gauge 3",
        12: "gauge 3",
        13: "gauge 600",
        14: "gauge 609",
        15: "gauge 612",
        16: "gauge 615",
        **{17 + place: f"counter64 {2020 + 2 * place}" for place in range(5)},
        **{22 + place: f"gauge {1010 + place}" for place in range(5)},
        27: "gauge 1",
        28: "timeticks 10025",
    }


def test_a_real_servers_row() -> None:
    assert row(director(), 22, *WEB, 1, 4, 192, 168, 0, 2, 8080) == {
        4: "string 192.168.0.2:8080",
        5: "integer 2",
        6: "integer 200",
        7: "gauge 201",
        8: "gauge 202",
        9: "gauge 203",
        10: "gauge 204",
        11: "gauge 205",
        **{12 + place: f"counter64 {440 + 2 * place}" for place in range(5)},
        **{17 + place: f"gauge {220 + place}" for place in range(5)},
        22: "integer 1",
        23: "gauge 6080",
        24: "octet 80",
        25: "gauge 2",
        26: "timeticks 20050",
    }


def test_services_and_servers_are_indexed_by_address_in_order() -> None:
    names = {oid: found.value for oid, found in walk(director()).items()}
    assert [(oid[3:], name) for oid, name in names.items() if oid[:3] == (21, 1, 5)] == [
        ((1, 4, 0, 0, 0, 0, 0, 5), "FWM 5"),
        (WEB, "TCP 192.0.2.10:443"),
        ((1, 4, 192, 0, 2, 10, 17, 0), "UDP 192.0.2.10:0"),
        ((2, 16, *(0,) * 16, 0, 4294967295), "FWM 4294967295 IPv6"),
        (SIP, "SCTP [2001:db8::10]:5060"),
    ]
    far = (2, 16, *V6, 0, 1, *(0,) * 9)
    assert [(oid[3:], name) for oid, name in names.items() if oid[:3] == (22, 1, 4)] == [
        ((1, 4, 0, 0, 0, 0, 0, 5, 1, 4, 192, 168, 0, 9, 0), "192.168.0.9:0"),
        ((*WEB, 1, 4, 192, 168, 0, 1, 8080), "192.168.0.1:8080"),
        ((*WEB, 1, 4, 192, 168, 0, 2, 8080), "192.168.0.2:8080"),
        ((*WEB, *far, 1, 8080), "[2001:db8:1::1]:8080"),
        ((*SIP, *far, 2, 5060), "[2001:db8:1::2]:5060"),
    ]


def test_totals_cpus_daemons_settings_and_the_agent() -> None:
    shown = {oid: said(found) for oid, found in walk(director()).items()}
    age = shown.pop((26, 5, 0))
    assert age.startswith("gauge ")
    expected: Dict[Oid, str] = {
        (20, 1, 0): "counter64 18446744073709551615",
        **{(20, 1 + place, 0): f"counter64 {place}" for place in range(1, 5)},
        **{(20, 6 + place, 0): f"gauge {10 + place}" for place in range(5)},
        **{(23, 1, 2 + place, 0): f"counter64 {20 + place}" for place in range(5)},
        **{(23, 1, 2 + place, 31): f"counter64 {30 + place}" for place in range(5)},
        **{(24, 1, 2, state): "string eth1" for state in (1, 2)},
        **{(24, 1, 3, state): "gauge 7" for state in (1, 2)},
        (24, 1, 4, 1): "integer 1",
        (24, 1, 4, 2): "integer 2",
        (24, 1, 5, 1): "octet e0 00 00 51",
        (24, 1, 5, 2): "octet ff 02" + " 00" * 13 + " 81",
        **{(24, 1, 6, state): "gauge 8848" for state in (1, 2)},
        **{(24, 1, 7, state): "gauge 1" for state in (1, 2)},
        **{(24, 1, 8, state): "gauge 1472" for state in (1, 2)},
        (25, 1, 0): "integer 2",
        (25, 2, 0): "integer 0",
        (25, 3, 0): "integer 1",
        (25, 4, 0): "integer 2",
        (25, 5, 0): "gauge 4096",
        (26, 1, 0): f"string {__version__}",
        (26, 2, 0): "integer 2",
        (26, 3, 0): "string the counters stand still: réglage",
        (26, 4, 0): "integer 1",
        (26, 6, 0): "gauge 250",
        (26, 7, 0): "gauge 5",
        (26, 8, 0): "gauge 5",
        (26, 9, 0): "counter 3",
    }
    assert {oid: value for oid, value in shown.items() if oid[0] not in (21, 22)} == expected


def test_the_age_is_in_milliseconds_since_the_snapshot_was_begun() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    shown = cell(snapshot(taken=before - 2.5), 26, 5, 0)
    after = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert shown is not None
    assert 2500 <= int(shown.split()[1]) <= 2500 + (after - before) * 1000


@pytest.mark.parametrize(
    ("flags", "octet"),
    [
        (0x00, "00"),
        (0x01, "80"),
        (0x02, "00"),  # IP_VS_SVC_F_HASHED is no option
        (0x04, "40"),
        (0x08, "20"),
        (0x10, "10"),
        (0x20, "08"),
        (0xFFFFFFFF, "f8"),
    ],
)
def test_flags_are_bits_counted_from_the_highest(flags: int, octet: str) -> None:
    assert cell(snapshot(service(flags=flags)), 21, 1, 7, *WEB) == f"octet {octet}"


@pytest.mark.parametrize(("flags", "octet"), [(0, "00"), (1, "80"), (2, "40"), (3, "c0")])
def test_tunnel_flags_are_bits_too(flags: int, octet: str) -> None:
    look = snapshot(
        service("192.0.2.10", 443, server(forwarding=Forwarding.TUNNEL, tunnel_flags=flags))
    )
    assert cell(look, 22, 1, 24, *WEB, 1, 4, 192, 168, 0, 1, 8080) == f"octet {octet}"


def test_only_a_tunnel_has_a_tunnels_columns() -> None:
    rs = server(forwarding=Forwarding.LOCAL, tunnel_type=0, tunnel_port=0, tunnel_flags=0)
    columns = row(snapshot(service("192.0.2.10", 443, rs)), 22, *WEB, 1, 4, 192, 168, 0, 1, 8080)
    assert not {22, 23, 24} & set(columns)


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
    assert cell(look, 21, 1, 9, *index, 0, 5) == length


@pytest.mark.parametrize(
    ("since", "ticks"),
    [(100.0, "0"), (700.0, "0"), (712.5, "1250"), (700.0 + 400 * 86400, "3456000000")],
)
def test_continuity_is_told_in_hundredths_since_snmpd_started(since: float, ticks: str) -> None:
    look = snapshot(service(counters=traffic(0), continuous_since=since))
    assert cell(look, 21, 1, 28, *WEB, started=700.0) == f"timeticks {ticks}"


def test_continuity_after_497_days_wraps_as_sysuptime_does() -> None:
    look = snapshot(service(counters=traffic(0), continuous_since=500 * 86400.0))
    assert cell(look, 21, 1, 28, *WEB, started=0.0) == f"timeticks {500 * 8640000 - 2**32}"


def test_counters_that_are_carried_wrap_as_a_counter64_does() -> None:
    vs = service(
        counters=Traffic(2**64 - 1, 5, 0, 0, 0), counter_offset=Traffic(3, 2**64 - 5, 0, 0, 0)
    )
    assert cell(snapshot(vs), 21, 1, 17, *WEB) == "counter64 2"
    assert cell(snapshot(vs), 21, 1, 18, *WEB) == "counter64 0"


def columns_of(look: Snapshot, table: int) -> List[int]:
    return sorted({oid[2] for oid in walk(look) if oid[0] == table})


def test_what_the_source_did_not_tell_has_no_instance() -> None:
    rs = RealServer("192.168.0.1", 80, Forwarding.TUNNEL, 1, active_conns=0, inact_conns=0)
    vs = VirtualService(4, 6, "192.0.2.10", 443, 0, "wlc", 0, real_servers=[rs])
    look = snapshot(vs, source=Source.PROCFS, status=Status.NO_STATISTICS)
    assert columns_of(look, 21) == [5, 6, 7, 11, 12, 13, 14, 15]
    assert columns_of(look, 22) == [4, 5, 6, 9, 10]
    assert {oid[0] for oid in walk(look)} == {21, 22, 26}


def test_an_expired_snapshot_tells_what_is_configured_and_nothing_measured() -> None:
    look = director()
    look.services = [vs for vs in look.services if vs.real_servers]
    look.status = Status.EXPIRED
    look.forget_measurements()
    assert columns_of(look, 21) == [5, 6, 7, 8, 9, 10, 11, 27]
    assert columns_of(look, 22) == [4, 5, 7, 8, 22, 23, 24, 25]
    assert {oid[0] for oid in walk(look)} == {21, 22, 24, 25, 26}
    assert cell(look, 26, 2, 0) == "integer 6"


def test_a_sync_daemon_of_a_kernel_before_4_3_has_two_columns() -> None:
    assert columns_of(snapshot(daemons=[SyncDaemon(SyncState.MASTER, "eth0", 0)]), 24) == [2, 3]


def test_a_service_is_up_by_the_weights_of_its_servers() -> None:
    servers = [server(f"192.168.0.{weight}", weight=weight) for weight in (0, 1, 2)]
    assert cell(snapshot(service("192.0.2.10", 443, *servers)), 21, 1, 12, *WEB) == "gauge 2"
    assert cell(snapshot(service("192.0.2.10", 443)), 21, 1, 12, *WEB) == "gauge 0"


def test_the_objects_of_2001_can_be_left_out() -> None:
    assert next(tree(director(), 0.0).walk()).oid == "1.0"
    assert next(tree(director(), 0.0, with_legacy=False).walk()).oid == "20.1.0"
