# SPDX-License-Identifier: GPL-3.0-or-later
"""The records' names, order and sums, and the parts of an old snapshot that remain."""

from __future__ import annotations

import copy
import enum
import random
import re
import socket
from dataclasses import fields, replace
from typing import Any, Dict, List, Optional, Type

import pytest

from lvs_agent.codes import Family, Forwarding, IpProtocol, ServiceFlag, Source, Status, SyncState
from lvs_agent.services import VirtualService
from tests.support.builders import director, fwmark, server, service
from tests.support.mibs import MIB


def test_numbers_are_the_kernels() -> None:
    """Sources: linux/in.h; IP_VS_SVC_F_*, IP_VS_CONN_F_* and IP_VS_STATE_* of linux/ip_vs.h."""
    assert (IpProtocol.TCP, IpProtocol.UDP, IpProtocol.SCTP) == (
        socket.IPPROTO_TCP,
        socket.IPPROTO_UDP,
        socket.IPPROTO_SCTP,
    )
    assert (ServiceFlag.PERSISTENT, ServiceFlag.ONE_PACKET) == (0x0001, 0x0004)
    assert (
        ServiceFlag.SCHED_1,
        ServiceFlag.SCHED_2,
        ServiceFlag.SCHED_3,
    ) == (0x0008, 0x0010, 0x0020)
    ways = (
        Forwarding.MASQ,
        Forwarding.LOCAL,
        Forwarding.TUNNEL,
        Forwarding.ROUTE,
        Forwarding.BYPASS,
    )
    assert ways == (0, 1, 2, 3, 4)
    assert (SyncState.MASTER, SyncState.BACKUP) == (0x0001, 0x0002)


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (service("192.0.2.10", 443), "TCP 192.0.2.10:443"),
        (service("192.0.2.10", 0, protocol=IpProtocol.UDP), "UDP 192.0.2.10:0"),
        (service("2001:db8::1", 443), "TCP [2001:db8::1]:443"),
        (service("::", 36412, protocol=IpProtocol.SCTP), "SCTP [::]:36412"),
        (service("192.0.2.10", 5, protocol=47), "IP47 192.0.2.10:5"),
        (fwmark(5), "FWM 5"),
        (fwmark(5, family=Family.INET6), "FWM 5 IPv6"),
        (fwmark(2**32 - 1), "FWM 4294967295"),
    ],
)
def test_a_service_is_named_as_ipvsadm_prints_it(of: VirtualService, name: str) -> None:
    assert of.name == name


@pytest.mark.parametrize(
    ("address", "port", "name", "family"),
    [
        ("192.168.0.1", 8080, "192.168.0.1:8080", Family.INET),
        ("2001:db8::2", 443, "[2001:db8::2]:443", Family.INET6),
        ("::ffff:192.0.2.1", 0, "[::ffff:192.0.2.1]:0", Family.INET6),
    ],
)
def test_a_real_server_is_named_as_ipvsadm_prints_it(
    address: str, port: int, name: str, family: int
) -> None:
    assert (server(address, port).name, server(address, port).family) == (name, family)


@pytest.mark.parametrize(
    ("address", "netmask", "length"),
    [
        ("192.0.2.10", None, None),
        ("192.0.2.10", "255.255.255.255", 32),
        ("192.0.2.10", "255.255.254.0", 23),
        ("192.0.2.10", "128.0.0.0", 1),
        ("192.0.2.10", "0.0.0.0", 0),
        ("192.0.2.10", "255.0.255.0", None),
        ("192.0.2.10", "0.0.0.255", None),
        ("192.0.2.10", "127.255.255.255", None),
        ("2001:db8::1", None, None),
        ("2001:db8::1", "128", 128),
        ("2001:db8::1", "1", 1),
    ],
)
def test_a_netmask_is_a_prefix_unless_it_has_holes(
    address: str, netmask: Optional[str], length: Optional[int]
) -> None:
    assert service(address, netmask=netmask).prefix_length == length


@pytest.mark.parametrize(
    ("weights", "up", "total"),
    [([], 0, 0), ([0], 0, 0), ([0, 1, 65535], 2, 65536), ([2, None], None, None)],
)
def test_real_servers_are_up_while_their_weight_is_above_zero(
    weights: List[Optional[int]], up: Optional[int], total: Optional[int]
) -> None:
    of = service("192.0.2.10", 443, *[server(weight=weight) for weight in weights])
    assert (of.sums.real_servers_up, of.sums.weight) == (up, total)


@pytest.mark.parametrize("what", ["active_conns", "inact_conns", "persist_conns"])
def test_a_service_adds_its_servers_up_and_does_not_know_what_one_does_not_tell(what: str) -> None:
    conns: Dict[str, Any] = {"active_conns": 100, "inact_conns": 100, "persist_conns": 100}
    known = [server(port=80, **{**conns, what: 1}), server(port=80, **{**conns, what: 2})]
    assert getattr(service("192.0.2.10", 443, *known).sums, what) == 3
    assert getattr(service("192.0.2.10", 443).sums, what) == 0
    untold = server(port=80, **{**conns, what: None})
    assert getattr(service("192.0.2.10", 443, *known, untold).sums, what) is None


def test_services_are_in_the_order_of_lvs_mibs_index() -> None:
    """By family, address as bytes, protocol, then port or mark."""
    ordered = [
        fwmark(3),
        fwmark(20),
        fwmark(2**32 - 1),
        service("0.0.0.0", 80),
        service("9.255.255.255", 443),
        service("10.0.0.1", 79),
        service("10.0.0.1", 80),
        service("10.0.0.1", 443),
        service("10.0.0.1", 7, protocol=IpProtocol.UDP),
        service("10.0.0.1", 1, protocol=IpProtocol.SCTP),
        service("100.0.0.1", 80),
        fwmark(3, family=Family.INET6),
        service("2001:db8::9", 80),
        service("2001:db8::10", 80),
        service("2001:db8:1::", 80, protocol=IpProtocol.TCP),
    ]
    for seed in range(20):
        shuffled = random.Random(seed).sample(ordered, len(ordered))
        assert sorted(shuffled, key=lambda each: each.key) == ordered
    assert len({each.key for each in ordered}) == len(ordered)


def test_real_servers_are_in_the_order_of_lvs_mibs_index() -> None:
    ordered = [
        server("9.0.0.1", 80),
        server("10.0.0.1", 9),
        server("10.0.0.1", 80),
        server("192.168.0.1", 0),
        server("2001:db8::9", 80),
        server("2001:db8::10", 80),
    ]
    for seed in range(20):
        shuffled = random.Random(seed).sample(ordered, len(ordered))
        assert sorted(shuffled, key=lambda each: each.key) == ordered
    assert len({each.key for each in ordered}) == len(ordered)


MEASURED = [
    "changed",
    "weight",
    "active_conns",
    "inact_conns",
    "persist_conns",
    "counters",
    "rates",
]


def test_a_snapshot_too_old_keeps_what_is_configured_and_loses_what_is_measured() -> None:
    whole = director()
    old = copy.deepcopy(whole)
    old.forget_measurements()
    assert (old.totals, old.total_rates, old.cpus) == (None, None, [])
    assert (old.lost_services, old.lost_servers) == (None, None)
    kept = ["taken", "took", "source", "status", "text", "errors", "director", "daemons"]
    kept += ["lost", "complete", "loaded", "sums_since", "vips", "rips", "address_aliases"]
    for name in kept:
        assert getattr(old, name) == getattr(whole, name), name
    assert len(kept) + 6 == len(fields(old))
    for was, service_now in zip(whole.services, old.services):
        gone = dict.fromkeys(["counters", "rates", "changed", "lost"])
        gone["real_servers"] = service_now.real_servers
        assert service_now == replace(was, **gone)  # type: ignore[arg-type]
        for rs_was, rs_now in zip(was.real_servers, service_now.real_servers):
            nothing = dict.fromkeys(MEASURED)
            assert rs_now == replace(rs_was, **nothing)  # type: ignore[arg-type]
        assert len(service_now.real_servers) == len(was.real_servers)
    assert len(old.services) == len(whole.services)


def test_sums_known_before_are_unknown_once_a_snapshot_is_too_old() -> None:
    whole = director()
    assert None not in whole.services[0].sums
    whole.forget_measurements()
    assert set(whole.services[0].sums) == {None}


@pytest.mark.parametrize(
    ("object_", "values"), [("lvsAgentStatus", Status), ("lvsAgentSource", Source)]
)
def test_the_values_of_an_enumeration_are_those_of_the_mib(
    object_: str, values: Type[enum.IntEnum]
) -> None:
    declared = re.search(rf"{object_} OBJECT-TYPE\s+SYNTAX\s+INTEGER {{([^}}]*)}}", MIB.read_text())
    assert declared
    labels = re.findall(r"(\w+)\((\d+)\)", declared[1])
    assert {label.lower(): int(number) for label, number in labels} == {
        each.name.replace("_", "").lower(): each.value for each in values
    }
