# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts that Munin sends: its node runs the plugin, and its master judges the values."""

from __future__ import annotations

from typing import Iterator, List

import pytest

from lvs_agent.services import VirtualService
from lvs_agent.snapshot import Snapshot
from tests.support import builders, directors, munin
from tests.support.directors import SimulatedDirector
from tests.support.munin import Master

HTTP, HTTPS = "TCP 192.0.2.10:80", "TCP 192.0.2.10:443"

FIELDS = "".join(
    f"${{loop:{fields}  {state} ${{var:label}} ${{var:value}}}}"
    for fields, state in {"cfields": "CRITICAL", "wfields": "WARNING", "ufields": "UNKNOWN"}.items()
)
CONTACT = f"""
contact.test.command cat >> alerts
contact.test.text ${{var:graph_title}}{FIELDS}
"""


def annotate(snapshot: Snapshot) -> None:
    """Count what the director has lost: all but the present ones of two services."""
    snapshot.lost_services = 2 - len(snapshot.services)
    snapshot.lost_servers = sum(service.lost or 0 for service in snapshot.services)


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    folder = tmp_path_factory.mktemp("director")
    with directors.running(folder, annotate=annotate) as running:
        yield running


@pytest.fixture(scope="module")
def node(director: SimulatedDirector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the Munin node that queries the director."""
    with munin.node(tmp_path_factory.mktemp("node"), director.port) as port:
        yield port


@pytest.fixture
def master(node: int) -> Iterator[Master]:
    with munin.master(node, lines=CONTACT) as made:
        yield made


def alerts(master: Master) -> List[str]:
    """Return the alerts of a poll, one for each graph that needs one."""
    master.run("munin-update")
    master.run("munin-limits")
    path = master.folder / "alerts"
    return sorted(path.read_text().splitlines()) if path.exists() else []


def service(port: int, *weights: int, lost: int = 0) -> VirtualService:
    servers = [
        builders.server(f"192.168.0.{host}", weight=weight, active_conns=1, inact_conns=1)
        for host, weight in enumerate(weights, 1)
    ]
    counters = directors.counted(1)
    return builders.service("192.0.2.10", port, *servers, lost=lost, counters=counters)


def test_a_healthy_director_causes_no_alert(director: SimulatedDirector, master: Master) -> None:
    director.serve(service(80, 1, 0), service(443, 1))
    assert alerts(master) == []


def test_lost_servers_warn_and_no_server_is_critical(
    director: SimulatedDirector, master: Master
) -> None:
    director.serve(service(80, 1, lost=2), service(443, 0))
    assert alerts(master) == [
        f"LVS real servers CRITICAL {HTTPS} 0.00 WARNING {HTTP} 2.00",
    ]


def test_a_lost_service_is_critical(director: SimulatedDirector, master: Master) -> None:
    director.serve(service(443, 1))
    assert alerts(master) == ["LVS lost services and real servers CRITICAL services 1.00"]


def test_losing_all_services_is_critical(director: SimulatedDirector, master: Master) -> None:
    director.serve()
    assert alerts(master) == ["LVS lost services and real servers CRITICAL services 2.00"]
