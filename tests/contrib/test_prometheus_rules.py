# SPDX-License-Identifier: GPL-3.0-or-later
"""contrib/prometheus/lvs-rules.yml in the real Prometheus, with the metrics of a director."""

from __future__ import annotations

import time
from typing import Iterator, Set, Tuple

import pytest

from lvs_agent.codes import Status
from lvs_agent.snapshot import Snapshot
from tests.support import directors, exporters, prometheus
from tests.support.directors import SimulatedDirector
from tests.support.prometheus import Prometheus

HTTP, HTTPS, DNS = "TCP 192.0.2.10:80", "TCP 192.0.2.10:443", "UDP 192.0.2.53:53"

# name, instance, summary without the instance
Alert = Tuple[str, str, str]


def annotate(snapshot: Snapshot) -> None:
    """Count what the director has lost: all but the present ones of five services."""
    for service in snapshot.services:
        service.lost = service.lost or 0
    snapshot.lost_services = 5 - len(snapshot.services)


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    folder = tmp_path_factory.mktemp("director")
    with directors.running(folder, annotate=annotate) as running:
        yield running


@pytest.fixture(scope="module")
def dead() -> str:
    """The address of a director that does not answer."""
    return exporters.free_address()


@pytest.fixture(scope="module")
def server(
    director: SimulatedDirector, dead: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    director.follow(lambda: directors.farm(int(time.monotonic() * 10)))
    program, _ = exporters.EXPORTERS["lvs.yml"]
    with (
        exporters.running(program, prometheus.FOLDER / "lvs.yml", folder) as exporter,
        prometheus.running(folder, exporter, [director.address, dead]) as running,
    ):
        yield running


def alerts(server: Prometheus) -> Set[Alert]:
    """Return the alerts of an evaluation that has begun after this call, firing or not yet."""
    before = evaluated(server)
    while evaluated(server) <= before:
        pass
    found = set()
    for alert in server.get("alerts")["alerts"]:
        name, instance = alert["labels"]["alertname"], alert["labels"]["instance"]
        summary = alert["annotations"]["summary"]
        assert summary.startswith(instance)
        found.add((name, instance, summary[len(instance) :].lstrip(": ")))
    return found


def evaluated(server: Prometheus) -> str:
    """Return the time of the alerts' last evaluation."""
    groups = {group["name"]: group for group in server.get("rules")["groups"]}
    errors = {rule.get("lastError", "") for group in groups.values() for rule in group["rules"]}
    assert errors == {""}
    last: str = groups["lvs"]["lastEvaluation"]
    return last


def test_each_row_has_rates(server: Prometheus) -> None:
    for level, count in {"director": 1, "service": 5, "server": 10, "vip": 3, "rip": 10}.items():
        while len(server.rows(f"lvs_{level}:out_bits:rate5m > 0")) != count:
            pass


def test_alerts_are_what_is_wrong_with_the_director(
    director: SimulatedDirector, dead: str, server: Prometheus
) -> None:
    absent = ("LvsAgentAbsent", dead, "does not answer, or does not serve LVS-MIB")
    while alerts(server) != {absent}:
        pass
    # one service is down, one has lost servers, one has servers at weight 0, and one is lost
    http, https, dns, *rest = directors.farm()[:-1]
    http.lost = 2
    for each in (*https.real_servers, dns.real_servers[0]):
        each.weight = 0
    director.status = Status.DEGRADED
    director.serve(http, https, dns, *rest)
    expected = {
        absent,
        ("LvsServiceDown", director.address, f"no real server of {HTTPS} is up"),
        ("LvsRealServersLost", director.address, f"{HTTP} has lost 2 real servers"),
        ("LvsRealServersWeightZero", director.address, f"1 real servers of {DNS} have weight 0"),
        ("LvsServicesLost", director.address, "1 services are lost"),
        ("LvsAgentNotOk", director.address, "the status of the agent is degraded"),
    }
    while (found := alerts(server)) != expected:
        # on a busy machine a scrape may fail meanwhile
        assert {alert for alert in found if not alert[0].endswith("Absent")} <= expected
