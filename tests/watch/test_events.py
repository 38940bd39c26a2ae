# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts and priorities of events, and summaries of many."""

from __future__ import annotations

from typing import List

import pytest

from lvs_agent.codes import Status
from lvs_agent.mib import smi
from lvs_agent.watch.events import ENDS, MOST_EVENTS, Change, Event, Kind, events
from tests.support import builders
from tests.support.looked import lost, service, snapshot

VS = "TCP 192.0.2.1:80"
SERVER = "10.0.0.2:80"


def texts(found: List[Event]) -> List[str]:
    return [event.text for event in found]


def down(number: int) -> List[Change]:
    return [Change(Kind.SERVICE_DOWN, f"TCP 192.0.2.{n}:80") for n in range(1, number + 1)]


@pytest.mark.parametrize(
    ("kind", "server", "text", "priority"),
    [
        (Kind.SERVICE_DOWN, "", f"{VS} is down, 1 of 2 real servers up", 3),
        (Kind.SERVICE_UP, "", f"{VS} is up, 1 of 2 real servers up", 5),
        (Kind.SERVICE_FOUND, "", f"{VS} is found, 1 of 2 real servers up", 5),
        (Kind.SERVER_DOWN, SERVER, f"{VS} -> {SERVER} is down, 1 of 2 real servers up", 4),
        (Kind.SERVER_UP, SERVER, f"{VS} -> {SERVER} is up, 1 of 2 real servers up", 5),
        (Kind.SERVER_FOUND, SERVER, f"{VS} -> {SERVER} is found, 1 of 2 real servers up", 5),
    ],
)
def test_a_row_that_is_there(kind: Kind, server: str, text: str, priority: int) -> None:
    change = Change(kind, VS, server)
    found = events([change], snapshot(service(1, 1, 0)))
    assert found == [Event(change, text, priority, "", 2, 1)]


def test_a_row_that_is_lost_has_the_time_and_what_is_left() -> None:
    since = "missing since 2026-11-29 00:01:00 UTC"
    changes = [Change(Kind.SERVER_LOST, VS, "10.0.0.3:80"), Change(Kind.SERVICE_LOST, "FWM 7")]
    away = lost(1)
    away.service = "FWM 7"
    found = events(changes, snapshot(service(1, 1, 0), lost=[lost(1, 3), away]))
    assert [(event.text, event.priority, event.servers) for event in found] == [
        (f"FWM 7 is lost, {since}", 3, None),
        (f"{VS} -> 10.0.0.3:80 is lost, {since}, 1 of 2 real servers up", 4, 2),
    ]


def test_lost_servers_count_among_those_of_their_service() -> None:
    changes = [Change(Kind.SERVER_LOST, VS, "10.0.0.3:80")]
    (found,) = events(changes, snapshot(service(1, 1, 0, lost=1), lost=[lost(1, 3)]))
    assert found.text.endswith(", 1 of 3 real servers up, 1 lost")


def test_rows_are_in_the_order_of_the_tables() -> None:
    changes = [Change(Kind.SERVICE_UP, f"TCP 192.0.2.{n}:80") for n in (10, 9, 100)]
    services = [service(n, 1) for n in (9, 10, 100)]
    found = [event.change.service for event in events(changes, snapshot(*services))]
    assert found == [each.name for each in services]


def test_aliases_are_named() -> None:
    shop = service(1, 1, 0, alias="shop")
    shop.real_servers[1].alias = "web 2"
    away = lost(1, 3)
    away.alias = "web 3"
    changes = [
        Change(Kind.SERVICE_UP, VS),
        Change(Kind.SERVER_DOWN, VS, "10.0.0.1:80"),
        Change(Kind.SERVER_DOWN, VS, SERVER),
        Change(Kind.SERVER_LOST, VS, "10.0.0.3:80"),
    ]
    found = {event.change: event for event in events(changes, snapshot(shop, lost=[away]))}
    assert [found[change].alias for change in changes] == ["shop", "", "web 2", "web 3"]
    assert found[changes[0]].text.startswith(f"{VS} (shop) is up")
    assert found[changes[2]].text.startswith(f"{VS} -> {SERVER} (web 2) is down")
    assert found[changes[3]].text.startswith(f"{VS} -> 10.0.0.3:80 (web 3) is lost")


@pytest.mark.parametrize(
    ("status", "text", "said", "priority"),
    [
        (
            Status.NO_IPVS,
            "ip_vs is not loaded",
            "agent status is noIpvs(4): ip_vs is not loaded",
            3,
        ),
        (Status.OK, "", "agent status is ok(1)", 5),
    ],
)
def test_the_status(status: Status, text: str, said: str, priority: int) -> None:
    change = Change(Kind.AGENT_STATUS)
    found = events([change], snapshot(status=status, text=text))
    assert found == [Event(change, said, priority)]


def test_up_to_ten_rows_are_told_one_by_one_and_more_in_a_summary() -> None:
    director = snapshot(*(service(n, 0) for n in range(1, 20)))
    assert len(events(down(MOST_EVENTS), director)) == MOST_EVENTS
    status = Change(Kind.AGENT_STATUS)
    ups = [Change(Kind.SERVER_UP, VS, SERVER)]
    found = events([*ups, *down(MOST_EVENTS), status], director)
    assert [event.change.kind for event in found] == [Kind.AGENT_STATUS, Kind.SUMMARY]
    assert found[1].text == (
        "10 services down: TCP 192.0.2.1:80, TCP 192.0.2.2:80, TCP 192.0.2.3:80 and 7 more;"
        f" 1 real server up: {VS} -> {SERVER}"
    )
    assert found[1].priority == 3


def test_an_alias_is_cut_as_in_the_tables() -> None:
    """The journal refuses an entry of hundreds of KiB, and its fields would be missing."""
    named = service(1, 1, alias="é" * 200000)
    (found,) = events([Change(Kind.SERVICE_UP, VS)], snapshot(named))
    assert found.alias == "é" * 32
    assert found.text == f"{VS} ({found.alias}) is up, 1 of 1 real servers up"


def test_services_that_are_all_gone_are_one_event() -> None:
    changes = [Change(Kind.SERVICE_LOST, f"TCP 192.0.2.{n}:80") for n in (1, 2)]
    away = [lost(1), lost(2)]
    (event,) = events(changes, snapshot(lost=away))
    assert event.text == "2 services lost: TCP 192.0.2.1:80, TCP 192.0.2.2:80"
    assert len(events(changes, snapshot(service(3, 1), lost=away))) == 2
    assert len(events(changes[:1], snapshot(lost=away))) == 1


def test_the_lists_of_lost_rows_may_be_cut_off() -> None:
    away = [lost(1, n) for n in range(1, 101)]
    changes = [Change(Kind.SERVER_LOST, row.service, row.server) for row in away]
    (event,) = events(changes, snapshot(service(1, 1), lost=away, lost_servers=1500))
    assert event.text.startswith("100 real servers lost: ")
    assert event.text.endswith(" and 97 more; 0 services and 1500 real servers are lost in all")


def test_a_summary_fits_in_a_notification() -> None:
    """The summary has all kinds of events, with the longest names possible."""
    address = "2001:db8:1111:2222:3333:4444:5555:{:x}"
    services = [builders.service(address.format(n), 65535, protocol=65535) for n in range(4096)]
    servers = f"[{address.format(1)}]:65535"
    changes = [
        Change(kind, each.name, servers if kind.value.startswith("server") else "")
        for kind in (*ENDS, *ENDS.values())
        for each in services
    ]
    (event,) = events(changes, snapshot(*services, lost=[lost(1)], lost_servers=10**9))
    assert len(event.text) <= smi.MAX_TEXT_BYTES
    for noun in ("services", "real servers"):
        for state in ("lost", "down", "found", "up"):
            assert f"4096 {noun} {state}" in event.text
