# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent check where services or real servers are lost, against a simulated director."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

import pytest

from lvs_agent.codes import Source, Status
from lvs_agent.pollers import wording
from lvs_agent.pollers.naming import Server, Service
from lvs_agent.pollers.services import Gone
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import Director, LostRow, Snapshot
from tests.support import builders, directors, fakes
from tests.support.directors import SimulatedDirector
from tests.support.fakes import Request
from tests.support.plugin import CRITICAL, OK, WARNING, check, check_timed

HOURS = 3600.0
# a minute more, so that the hours are whole while a test runs
TWO_HOURS = 2 * HOURS + 60
HTTPS = "TCP 192.0.2.10:443"


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    with directors.running(
        tmp_path_factory.mktemp("director"), annotate=lambda look: None
    ) as running:
        yield running


def service(port: int, *weights: int, lost: int = 0) -> VirtualService:
    """Return a service that went up or down, as its servers did, three hours ago."""
    changed = time.time() - 3 * HOURS - 60
    servers = [
        builders.server(f"192.168.0.{host}", port, weight=weight, changed=changed, active_conns=10)
        for host, weight in enumerate(weights, 1)
    ]
    return builders.service("192.0.2.10", port, *servers, lost=lost, changed=changed)


def gone(name: str, age: float = TWO_HOURS) -> LostRow:
    """Return a lost service, or a lost server of a service ("SERVICE -> SERVER")."""
    of, _, server = name.partition(" -> ")
    return LostRow(of, server, None, time.time() - age)


def servers(count: int, of: str = HTTPS) -> List[LostRow]:
    port = of.rpartition(":")[2]
    return [gone(f"{of} -> 192.168.0.{9 - place}:{port}") for place in range(count)]


@contextmanager
def losing(
    director: SimulatedDirector, *rows: LostRow, services: Optional[int] = None
) -> Iterator[None]:
    """Have these rows listed as lost. services is the number of lost services, if not theirs."""

    def annotate(look: Snapshot) -> None:
        of_services = sum(not row.server for row in rows)
        look.lost = sorted(rows, key=lambda row: row.since, reverse=True)
        look.lost_services = of_services if services is None else services
        look.lost_servers = len(rows) - of_services

    before = director.annotate
    director.annotate = annotate
    try:
        yield
    finally:
        director.annotate = before


def test_lost_servers_are_counted_and_named(director: SimulatedDirector, conf: Path) -> None:
    with losing(director, *servers(2)):
        director.serve(service(443, 1, 0, lost=2))
        said = check_timed(director.address, conf, *HTTPS.split())
    assert said[:2] == (
        WARNING,
        f"LVS WARNING - {HTTPS}: 1 of 4 real servers up, 2 lost:"
        " 192.168.0.8:443 since TIME (2 h), 192.168.0.9:443 since TIME (2 h),"
        " weight 0: 192.168.0.2:443 since TIME (3 h)",
    )
    assert said.data[f"{HTTPS} up"] == "1;4:;1:;0;4"


# weights, lost servers, options, exit status
THRESHOLDS: List[Tuple[Tuple[int, ...], int, str, int]] = [
    ((1,), 3, "", WARNING),
    ((1,), 3, "-w 1: -c 1:", OK),
    ((1,), 3, "-w 25%: -c 25%:", OK),
    ((1,), 3, "-w 26%:", WARNING),
    ((1,), 3, "-w 100%: -c 50%:", CRITICAL),
    ((1, 1), 2, "-w 100%: -c 50%:", WARNING),
    ((1, 1), 2, "-w 100%: -c 2:", WARNING),
    ((1, 1), 2, "-w 100%: -c 3:", CRITICAL),
    ((1, 1), 2, "-w 3: -c 50%:", WARNING),
    ((1, 0), 2, "-w 3: -c 50%:", CRITICAL),
    ((), 3, "-w 0: -c 0:", CRITICAL),
    ((), 0, "-w 0: -c 0:", CRITICAL),
    ((0,), 3, "-w 0%: -c 0%:", CRITICAL),
]


@pytest.mark.parametrize(("weights", "lost", "options", "status"), THRESHOLDS)
def test_thresholds_are_of_what_is_present_or_lost(
    director: SimulatedDirector,
    conf: Path,
    weights: Tuple[int, ...],
    lost: int,
    options: str,
    status: int,
) -> None:
    with losing(director, *servers(lost)):
        director.serve(service(443, *weights, lost=lost))
        said = check(director.address, conf, *HTTPS.split(), *options.split())
    assert said.status == status
    assert f"{HTTPS}: {sum(weights)} of {len(weights) + lost} real servers up" in said.line


def test_a_service_that_is_down_has_the_time(director: SimulatedDirector, conf: Path) -> None:
    with losing(director, *servers(5)):
        director.serve(service(443, lost=120))
        said = check_timed(director.address, conf)
    assert said[:2] == (
        CRITICAL,
        f"LVS CRITICAL - {HTTPS}: 0 of 120 real servers up since TIME (3 h), 120 lost:"
        " 192.168.0.5:443 since TIME (2 h), 192.168.0.6:443 since TIME (2 h),"
        " 192.168.0.7:443 since TIME (2 h) and 117 more",
    )


def test_a_lost_service_is_critical(director: SimulatedDirector, conf: Path) -> None:
    with losing(director, gone("TCP 192.0.2.10:80")):
        director.serve(service(443, 1), service(25, 1))
        said = check_timed(director.address, conf, "-w", "0:", "-c", "0:")
        named = check_timed(director.address, conf, "TCP 192.0.2.10:80")
        by_address = check_timed(director.address, conf, "TCP 192.0.2.10")
        assert check(director.address, conf, *HTTPS.split()).status == OK
        assert check(director.address, conf, "UDP 192.0.2.10:443").line == (
            "LVS CRITICAL - UDP 192.0.2.10:443: no such service on the director"
        )
    lost = "1 of 3 services lost: TCP 192.0.2.10:80 since TIME (2 h)"
    assert said[:2] == (CRITICAL, f"LVS CRITICAL - {lost}")
    assert named[:2] == (
        CRITICAL,
        "LVS CRITICAL - TCP 192.0.2.10:80: lost since TIME (2 h)",
    )
    assert by_address[:2] == (CRITICAL, f"LVS CRITICAL - TCP 192.0.2.10: {lost}")


def test_lost_services_come_before_those_that_are_down(
    director: SimulatedDirector, conf: Path
) -> None:
    with losing(director, gone("TCP 192.0.2.10:80")):
        director.serve(service(443, 1), service(25), service(26))
        said = check(director.address, conf)
    assert said[:2] == (
        CRITICAL,
        "LVS CRITICAL - 1 of 4 services lost: TCP 192.0.2.10:80; 2 of 3 services critical;"
        " TCP 192.0.2.10:25: 0 of 0 real servers up; TCP 192.0.2.10:26: 0 of 0 real servers up",
    )


def test_more_services_are_lost_than_are_listed(director: SimulatedDirector, conf: Path) -> None:
    rows = [gone(f"TCP 192.0.2.10:{port}", TWO_HOURS + (5 - port) * HOURS) for port in (1, 2, 3, 4)]
    with losing(director, *rows, services=1200):
        director.serve(service(443, 1))
        said = check_timed(director.address, conf, "-v")
    assert said.line == (
        "LVS CRITICAL - 1200 of 1201 services lost: TCP 192.0.2.10:4 since TIME (3 h),"
        " TCP 192.0.2.10:3 since TIME (4 h), TCP 192.0.2.10:2 since TIME (5 h) and 1197 more"
    )
    assert "TCP 192.0.2.10:1: lost since TIME (6 h)" in said.more


def test_a_service_that_returns_during_a_check_is_not_lost(
    director: SimulatedDirector, conf: Path
) -> None:
    with losing(director, gone(HTTPS)):
        director.serve(service(443, 1))
        said = check(director.address, conf)
        named = check(director.address, conf, *HTTPS.split())
    assert (said.status, named.status) == (OK, OK)


def test_all_services_lost_are_one_problem(director: SimulatedDirector, conf: Path) -> None:
    rows = [gone(f"TCP 192.0.2.10:{port}", TWO_HOURS + port) for port in range(12)]
    with losing(director, *rows):
        director.serve()
        said = check_timed(director.address, conf)
        by_address = check_timed(director.address, conf, "TCP 192.0.2.10")
        standby = check_timed(director.address, conf, "--standby")
    lost = "all 12 services are lost since TIME (2 h)"
    assert said[:2] == (CRITICAL, f"LVS CRITICAL - {lost}")
    assert by_address[:2] == (CRITICAL, f"LVS CRITICAL - TCP 192.0.2.10: {lost}")
    assert standby[:2] == (OK, f"LVS OK - no services, as on a standby director; {lost}")


def test_a_standby_director_may_be_empty(director: SimulatedDirector, conf: Path) -> None:
    director.serve()
    empty = "no services, as on a standby director"
    assert check(director.address, conf, "--standby")[:2] == (OK, f"LVS OK - {empty}")
    said = check(director.address, conf, "--standby", *HTTPS.split())
    assert said[:2] == (OK, f"LVS OK - {HTTPS}: {empty}")
    director.serve(service(443, 0))
    assert check(director.address, conf, "--standby").status == CRITICAL
    other = check(director.address, conf, "--standby", "TCP 192.0.2.10:80")
    assert other.line == "LVS CRITICAL - TCP 192.0.2.10:80: no such service on the director"


def test_a_standby_director_may_be_without_ip_vs(conf: Path) -> None:
    look = builders.snapshot(source=Source.NONE, status=Status.NO_IPVS, text="no ip_vs")
    with fakes.running(look, fakes.honest) as fake:
        said = check(fake.address, conf, "--age", "999999")
        assert said[:2] == (CRITICAL, "LVS CRITICAL - no ip_vs")
        assert check(fake.address, conf, "--standby", "--age", "999999").status == OK


def test_performance_data_may_be_sums(director: SimulatedDirector, conf: Path) -> None:
    with losing(director, gone("TCP 192.0.2.10:80"), *servers(2)):
        director.serve(service(443, 1, 0, lost=2), service(25, 1))
        sums = check(director.address, conf, "--perfdata", "sums")
        none = check(director.address, conf, "--perfdata=none", "-v")
    del sums.data["snapshot_age"]
    assert sums.data == {
        "services": "2;;;0",
        "services_lost": "1;;;0",
        "real_servers": "3;;;0",
        "up": "2;;;0",
        "lost": "2;;;0",
        "active": "30;;;0",
    }
    assert (sums.status, none.status, none.data) == (CRITICAL, CRITICAL, {})


def test_an_agent_without_the_objects_is_checked_as_before(conf: Path) -> None:
    requests: List[Request] = []

    def manner(request: Request) -> List[bytes]:
        requests.append(request)
        return [*fakes.honest(request)]

    server = builders.server(weight=0)
    look = builders.snapshot(
        builders.service("192.0.2.10", 443, server, builders.server("192.168.0.2")),
        source=Source.NETLINK,
        director=Director(estimation=True),
    )
    with fakes.running(look, manner) as fake:
        said = check_timed(fake.address, conf, HTTPS, "--age", "999999", "--perfdata", "sums")
    assert said[:2] == (
        WARNING,
        f"LVS WARNING - {HTTPS}: 1 of 2 real servers up, weight 0: 192.168.0.1:8080",
    )
    assert {"services_lost", "lost"} & said.data.keys() == set()
    # the agent, the service, its servers' weights
    assert len(requests) == 3


def test_lost_rows_cost_one_walk(conf: Path) -> None:
    requests: List[Request] = []

    def manner(request: Request) -> List[bytes]:
        requests.append(request)
        return [*fakes.honest(request)]

    look = builders.snapshot(
        service(443, 1, lost=3),
        source=Source.NETLINK,
        director=Director(estimation=True),
        lost=sorted(servers(3), key=lambda row: row.server),
        lost_services=0,
        lost_servers=3,
    )
    with fakes.running(look, manner) as fake:
        said = check(fake.address, conf, HTTPS, "--age", "999999")
    assert said.line.endswith("3 lost: 192.168.0.7:443, 192.168.0.8:443, 192.168.0.9:443")
    assert [request.bulk for request in requests] == [False, True, False]


# an age in seconds and its text at 12:34:56 local time on 29 November
TIMES = [
    (0, " since 12:34 (0 s)"),
    (59, " since 12:33 (59 s)"),
    (60, " since 12:33 (1 min)"),
    (12 * 3600, " since 00:34 (12 h)"),
    (13 * 3600, " since 2026-11-28 23:34 (13 h)"),
    (86400 - 1, " since 2026-11-28 12:34 (23 h)"),
    (86400, " since 2026-11-28 12:34 (1 d)"),
    (None, ""),
]


@pytest.mark.parametrize(("age", "text"), TIMES)
def test_a_time_is_local_with_its_date_unless_today(
    monkeypatch: pytest.MonkeyPatch, age: Optional[int], text: str
) -> None:
    now = time.mktime((2026, 11, 29, 12, 34, 56, 0, 0, -1))
    monkeypatch.setattr(time, "time", lambda: now)
    assert wording.since(age) == text
    assert wording.since(2**32 - 1).endswith(" (49710 d)")


def test_names_are_bounded() -> None:
    rows = [Gone(Server(2, f"192.168.0.{host}", 80), None) for host in range(1, 6)]
    assert wording.names(rows, 5) == ": 192.168.0.1:80, 192.168.0.2:80, 192.168.0.3:80 and 2 more"
    assert wording.names(rows[:2], 1) == ": 192.168.0.1:80, 192.168.0.2:80"
    assert wording.names([], 4) == ""
    one = [Gone(Service(2, "192.0.2.10", 6, 80), None)]
    assert wording.lost_services(one, 1, 0) == "1 of 1 services lost: TCP 192.0.2.10:80"
