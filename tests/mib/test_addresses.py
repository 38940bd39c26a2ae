# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of sums over addresses, compared with sums computed by hand."""

from __future__ import annotations

from typing import Dict, List, Optional

import pytest

from lvs_agent.mib.lvs import tree
from lvs_agent.mib.smi import Oid
from lvs_agent.services import Traffic
from lvs_agent.snapshot import AddressSum, Snapshot
from tests.support.builders import fwmark, server, service, snapshot
from tests.support.lvsmib import place
from tests.support.words import said

VIP = (1, 4, 192, 0, 2, 10)
RIP = (1, 4, 192, 168, 0, 1)
SIX = (2, 16, 0x20, 0x01, 0x0D, 0xB8, *(0,) * 11, 0x10)
GAUGES = ["ActiveConns", "InactConns", "PersistConns"]
COUNTERS = ["Conns", "InPkts", "OutPkts", "InBytes", "OutBytes"]
RATES = ["ConnRate", "InPktRate", "OutPktRate", "InByteRate", "OutByteRate"]


def farm(**values: object) -> Snapshot:
    """Return two services at one VIP and a firewall mark, each with a server at the same RIP."""
    return snapshot(
        service(
            "192.0.2.10",
            80,
            server(
                "192.168.0.1",
                80,
                weight=1,
                active_conns=1,
                inact_conns=2,
                persist_conns=3,
                counters=Traffic(1, 20, 300, 4000, 50000),
                rates=Traffic(1, 2, 3, 4, 5),
                continuous_since=1010.0,
            ),
            server("192.168.0.2", 80, weight=0, active_conns=10, inact_conns=0, persist_conns=0),
            counters=Traffic(5, 6, 7, 8, 9),
            rates=Traffic(10, 20, 30, 40, 50),
            continuous_since=1005.0,
        ),
        service(
            "192.0.2.10",
            443,
            server("192.168.0.1", 443, weight=0, active_conns=4, inact_conns=5, persist_conns=6),
            counters=Traffic(100, 200, 300, 400, 500),
            counter_offset=Traffic(1000, 0, 0, 0, 2**64 - 509),
            rates=Traffic(0, 0, 0, 0, 2**32 - 1),
            continuous_since=1000.0,
        ),
        fwmark(
            5,
            server(
                "192.168.0.1",
                0,
                weight=3,
                active_conns=7,
                inact_conns=8,
                persist_conns=9,
                counters=Traffic(2, 2, 2, 2, 2),
                counter_offset=Traffic(5, 0, 0, 0, 0),
                rates=Traffic(1, 1, 1, 1, 1),
                continuous_since=1020.0,
            ),
        ),
        service("2001:db8::10", 53, protocol=17, counters=Traffic(3, 3, 3, 3, 3)),
        **values,
    )


def column(look: Snapshot, names: List[str], instance: Oid) -> List[Optional[str]]:
    objects = tree(look, 900.0)
    found = [objects.get(place(name, *instance)) for name in names]
    return [None if each is None else said(each) for each in found]


def vip(look: Snapshot, *names: str, at: Oid = VIP) -> List[Optional[str]]:
    return column(look, [f"lvsVip{name}" for name in names], at)


def rip(look: Snapshot, *names: str) -> List[Optional[str]]:
    return column(look, [f"lvsRip{name}" for name in names], RIP)


def counters(*values: int) -> List[str]:
    return [f"counter64 {value}" for value in values]


def test_the_services_of_a_vip_are_counted_and_added() -> None:
    look = farm()
    assert vip(look, "Services", "ServicesUp") == ["gauge 2", "gauge 1"]
    assert vip(look, *GAUGES) == ["gauge 15", "gauge 7", "gauge 9"]
    assert vip(look, *COUNTERS) == counters(1105, 206, 307, 408, 0)  # the last wraps at 2^64
    assert vip(look, *RATES) == ["gauge 10", "gauge 20", "gauge 30", "gauge 40", "gauge 4294967295"]
    assert vip(look, "DiscontinuityTime") == ["timeticks 10000"]


def test_the_rows_of_a_rip_are_counted_and_added() -> None:
    look = farm()
    look.services[1].real_servers[0].counters = Traffic(1, 1, 1, 1, 1)
    look.services[1].real_servers[0].rates = Traffic(0, 0, 0, 0, 0)
    look.services[1].real_servers[0].continuous_since = 1030.0
    assert rip(look, "Services", "Up") == ["gauge 3", "gauge 2"]
    assert rip(look, *GAUGES) == ["gauge 12", "gauge 15", "gauge 18"]
    assert rip(look, *COUNTERS) == counters(9, 23, 303, 4003, 50003)
    assert rip(look, *RATES) == ["gauge 2", "gauge 3", "gauge 4", "gauge 5", "gauge 6"]
    assert rip(look, "DiscontinuityTime") == ["timeticks 11000"]


def test_firewall_marks_have_no_vip() -> None:
    assert vip(farm(), "Services", at=(1, 4, 0, 0, 0, 0)) == [None]


def test_other_rows_of_an_address_are_added() -> None:
    look = farm(
        vips={
            "192.0.2.10": AddressSum("192.0.2.10", Traffic(10**6, 1, 1, 1, 1), 950.5),
            "2001:db8::10": AddressSum("2001:db8::10", Traffic(*[2**64 - 1] * 5), 0.0),
        },
        rips={"192.0.2.10": AddressSum("192.0.2.10", Traffic(9, 9, 9, 9, 9), 1.0)},
    )
    assert vip(look, *COUNTERS) == counters(1001105, 207, 308, 409, 1)
    assert vip(look, "DiscontinuityTime") == ["timeticks 5050"]
    assert vip(look, *COUNTERS, at=SIX) == counters(2, 2, 2, 2, 2)
    assert vip(look, "DiscontinuityTime", at=SIX) == ["timeticks 0"]


def test_an_address_whose_other_rows_counted_nothing_has_their_time() -> None:
    look = farm(vips={"192.0.2.10": AddressSum("192.0.2.10", None, 950.5)})
    assert vip(look, "Conns", "DiscontinuityTime") == ["counter64 1105", "timeticks 5050"]


@pytest.mark.parametrize("past", [{}, {"192.0.2.10": AddressSum("192.0.2.10", None, 950.5)}])
def test_no_sum_is_continuous_from_before_the_time_of_all_sums(past: Dict[str, AddressSum]) -> None:
    assert vip(farm(vips=past, sums_since=1500.0), "DiscontinuityTime") == ["timeticks 60000"]


def test_a_counter_that_is_unknown_leaves_the_sum_unknown() -> None:
    look = farm(rips={"192.168.0.1": AddressSum("192.168.0.1", Traffic(9, 9, 9, 9, 9), 1.0)})
    names = [*COUNTERS, *RATES, "DiscontinuityTime"]
    assert rip(look, *names) == [None] * 11


def test_the_numbers_of_lost_rows() -> None:
    look = farm(
        lost_services=2,
        lost_servers=3,
        vips={"192.0.2.10": AddressSum("192.0.2.10", None, 950.5, lost=2)},
        rips={"192.168.0.1": AddressSum("192.168.0.1", None, 950.5, lost=3)},
    )
    assert vip(look, "ServicesLost") == ["gauge 2"]
    assert vip(look, "ServicesLost", at=SIX) == ["gauge 0"]
    assert rip(look, "Lost") == ["gauge 3"]


def test_where_nothing_is_known_of_lost_rows_there_is_no_number() -> None:
    assert vip(farm(), "ServicesLost") == rip(farm(), "Lost") == [None]


def test_an_expired_snapshot_keeps_the_configuration_alone() -> None:
    look = farm(
        lost_services=2,
        lost_servers=3,
        vips={"192.0.2.10": AddressSum("192.0.2.10", Traffic(9, 9, 9, 9, 9), 950.5, lost=2)},
        rips={"192.168.0.1": AddressSum("192.168.0.1", Traffic(9, 9, 9, 9, 9), 950.5, lost=3)},
    )
    look.forget_measurements()
    measured = [*GAUGES, *COUNTERS, *RATES, "DiscontinuityTime"]
    assert vip(look, "Services", "ServicesUp", "ServicesLost") == ["gauge 2", None, None]
    assert rip(look, "Services", "Up", "Lost") == ["gauge 3", None, None]
    assert vip(look, *measured) == rip(look, *measured) == [None] * 14
