# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent check of a VIP and of a RIP, against a simulated director and changed answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from pysnmp.proto.api import v2c

from lvs_agent.codes import Source
from lvs_agent.mib.lvs import LVS
from lvs_agent.mib.smi import Oid
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import Director, LostRow, Snapshot
from tests.support import builders, directors, fakes
from tests.support.directors import SimulatedDirector, counted
from tests.support.fakes import Manner, Request
from tests.support.lvsmib import place
from tests.support.plugin import CRITICAL, OK, UNKNOWN, WARNING, Said, check

VIP, RIP = "VIP 192.0.2.10", "RIP 192.168.0.1"
VIP_INDEX, RIP_INDEX = (1, 4, 192, 0, 2, 10), (1, 4, 192, 168, 0, 1)
EVER = ("--age", "999999")


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path_factory.mktemp("director")) as running:
        yield running


def service(port: int, *weights: int, address: str = "192.0.2.10") -> VirtualService:
    """Return a service with a server at 192.168.0.1 and so on for each weight."""
    servers = [
        builders.server(
            f"192.168.0.{host}",
            port,
            weight=weight,
            active_conns=10,
            inact_conns=5,
            counters=counted(100, 200, 3),
        )
        for host, weight in enumerate(weights, 1)
    ]
    return builders.service(address, port, *servers, counters=counted(1000, 2000, 30))


def test_a_vip_is_the_sum_of_its_services(director: SimulatedDirector, conf: Path) -> None:
    director.serve(service(443, 1, 1), service(80, 1), service(25, 0, address="192.0.2.11"))
    for words in (["VIP", "192.0.2.10"], [VIP.lower()], ["192.0.2.10"]):
        said = check(director.address, conf, *words)
        assert said[:2] == (OK, f"LVS OK - {VIP}: 2 of 2 services up")
        del said.data["snapshot_age"]
        assert said.data == {
            f"{VIP} up": "2;2:;2:;0;2",
            f"{VIP} active": "30;;;0",
            f"{VIP} inactive": "15;;;0",
            f"{VIP} conns": "60c;;;0",
            f"{VIP} in_bytes": "2000c;;;0",
            f"{VIP} out_bytes": "4000c;;;0",
        }


def test_a_rip_is_the_sum_of_its_rows(director: SimulatedDirector, conf: Path) -> None:
    director.serve(service(443, 1, 1), service(80, 0), service(25, 1, address="192.0.2.11"))
    said = check(director.address, conf, "RIP", "192.168.0.1")
    assert said[:2] == (WARNING, f"LVS WARNING - {RIP}: up in 2 of 3 services")
    del said.data["snapshot_age"]
    assert said.data == {
        f"{RIP} up": "2;3:;1:;0;3",
        f"{RIP} active": "30;;;0",
        f"{RIP} inactive": "15;;;0",
        f"{RIP} conns": "9c;;;0",
        f"{RIP} in_bytes": "300c;;;0",
        f"{RIP} out_bytes": "600c;;;0",
    }


# the weights of each service, options, the exit statuses for the VIP and for the RIP
THRESHOLDS: List[Tuple[Tuple[int, ...], str, int, int]] = [
    ((1, 1, 1), "", OK, OK),
    # a service without a server is critical, as in a check of the services
    ((1, 1, 0), "", CRITICAL, WARNING),
    ((0, 0, 0), "", CRITICAL, CRITICAL),
    ((1, 1, 0), "-c 1:", WARNING, WARNING),
    ((1, 1, 0), "-w 50%: -c 1:", OK, OK),
    ((1, 0, 0), "-c 2:", CRITICAL, CRITICAL),
    ((0, 0, 0), "-w 0: -c 0:", CRITICAL, CRITICAL),
]


@pytest.mark.parametrize(("weights", "options", "vip", "rip"), THRESHOLDS)
def test_thresholds_are_of_services_or_of_rows(
    director: SimulatedDirector,
    conf: Path,
    weights: Tuple[int, ...],
    options: str,
    vip: int,
    rip: int,
) -> None:
    director.serve(*(service(port, weight) for port, weight in enumerate(weights, 1)))
    assert check(director.address, conf, VIP, *options.split()).status == vip
    assert check(director.address, conf, RIP, *options.split()).status == rip


def test_an_address_that_is_missing_is_critical(director: SimulatedDirector, conf: Path) -> None:
    director.serve(service(443, 1))
    for name in ("VIP 192.0.2.11", "RIP 192.0.2.10"):
        said = check(director.address, conf, name)
        text = f"{name}: no such {name[:3]} on the director"
        assert said[:2] == (CRITICAL, f"LVS CRITICAL - {text}")
        assert list(said.data) == ["snapshot_age"]
    director.serve()
    assert check(director.address, conf, VIP).status == CRITICAL
    said = check(director.address, conf, VIP, "--standby")
    assert said[:2] == (OK, f"LVS OK - {VIP}: no services, as on a standby director")


def test_sums_are_those_of_the_address(director: SimulatedDirector, conf: Path) -> None:
    director.serve(service(443, 1))
    sums = check(director.address, conf, VIP, "--perfdata", "sums")
    assert sums.data.keys() == check(director.address, conf, VIP).data.keys()
    assert check(director.address, conf, VIP, "--perfdata", "none").data == {}


def look(*services: VirtualService, lost: Tuple[str, ...] = ()) -> Snapshot:
    return builders.snapshot(
        *services,
        source=Source.NETLINK,
        director=Director(estimation=True),
        lost=[LostRow(name, "", None, 0.0) for name in lost],
        lost_services=len(lost),
        lost_servers=0,
    )


def also(values: Dict[Tuple[str, Oid], Any]) -> Manner:
    """Return a manner that changes the values of objects, by name and instance."""

    def manner(request: Request) -> List[bytes]:
        for (name, instance), value in values.items():
            request.values[LVS + place(name, *instance)] = value
        return [*fakes.honest(request)]

    return manner


def checked(conf: Path, snapshot: Snapshot, manner: Manner, *words: str) -> Tuple[Said, List[bool]]:
    """Check; return the output, and for each request True if it was a getbulk."""
    with fakes.running(snapshot, manner) as fake:
        said = check(fake.address, conf, *words, *EVER)
        return said, [request.bulk for request in fake.requests]


def test_one_request_reads_an_address(conf: Path) -> None:
    for name in (VIP, RIP):
        said, bulk = checked(conf, look(service(443, 1)), fakes.honest, name)
        assert said.status == OK
        assert bulk == [False, False]  # the agent, the address


def test_lost_services_of_a_vip_are_critical_and_named(conf: Path) -> None:
    lost = look(service(443, 1), lost=("TCP 192.0.2.10:80", "TCP 192.0.2.11:80"))
    manner = also({("lvsVipServicesLost", VIP_INDEX): v2c.Gauge32(1)})
    said, bulk = checked(conf, lost, manner, VIP, "-w", "0:", "-c", "0:")
    assert said[:2] == (
        CRITICAL,
        f"LVS CRITICAL - {VIP}: 1 of 2 services up, 1 lost: TCP 192.0.2.10:80",
    )
    assert bulk == [False, True, False]


def test_services_of_a_vip_that_are_down_are_named(conf: Path) -> None:
    odd = service(25)
    odd.alias = "mail"
    services = service(443, 1), service(80, 0, 0), odd, service(81, 0, address="192.0.2.11")
    said, bulk = checked(
        conf, look(*sorted(services, key=lambda each: each.key)), fakes.honest, VIP
    )
    assert said[:2] == (
        CRITICAL,
        f"LVS CRITICAL - {VIP}: 1 of 3 services up, down: TCP 192.0.2.10:25 (mail),"
        " TCP 192.0.2.10:80",
    )
    assert bulk == [False, False, True]


def test_a_vip_that_has_lost_all_services_names_them(conf: Path) -> None:
    lost = look(service(443, 1, address="192.0.2.11"), lost=("TCP 192.0.2.10:80",))
    said, _ = checked(conf, lost, fakes.honest, VIP)
    assert said[:2] == (
        CRITICAL,
        f"LVS CRITICAL - {VIP}: 1 of 1 services lost: TCP 192.0.2.10:80",
    )


def test_lost_rows_of_a_rip_are_counted(conf: Path) -> None:
    manner = also({("lvsRipLost", RIP_INDEX): v2c.Gauge32(2)})
    said, _ = checked(conf, look(service(443, 1)), manner, RIP)
    assert said[:2] == (WARNING, f"LVS WARNING - {RIP}: up in 1 of 3 services, 2 lost")


def test_an_alias_is_in_the_text_alone(conf: Path) -> None:
    manner = also(
        {
            ("lvsVipAlias", VIP_INDEX): v2c.OctetString("entrance"),
            ("lvsRipAlias", RIP_INDEX): v2c.OctetString("web1"),
        }
    )
    said, _ = checked(conf, look(service(443, 1)), manner, VIP)
    assert said.line == f"LVS OK - {VIP} (entrance): 1 of 1 services up"
    assert f"{VIP} up" in said.data
    said, _ = checked(conf, look(service(443, 1)), manner, RIP)
    assert said.line == f"LVS OK - {RIP} (web1): up in 1 of 1 services"


def older(request: Request) -> List[bytes]:
    """Answer as an agent without VIPs, RIPs and aliases."""
    columns = [place("lvsVsAlias"), place("lvsRsAlias")]
    tables = [place("lvsVipServices")[:1], place("lvsRipServices")[:1]]
    for oid in list(request.values):
        if oid[8:11] in columns or oid[8:9] in tables:
            del request.values[oid]
    return [*fakes.honest(request)]


@pytest.mark.parametrize("name", [VIP, RIP])
def test_an_agent_without_the_table_is_named(conf: Path, name: str) -> None:
    said, _ = checked(conf, look(service(443, 1)), older, name)
    table = f"lvs{name[:3].capitalize()}Table"
    assert said.status == UNKNOWN
    assert said.line.endswith(f": the agent has no {table}; update lvs-agent on the director")


def test_values_that_are_too_old_are_unknown(conf: Path) -> None:
    snapshot = look(service(443, 1))
    snapshot.forget_measurements()
    snapshot.text = "too old"
    said, _ = checked(conf, snapshot, fakes.honest, VIP)
    assert said[:2] == (UNKNOWN, f"LVS UNKNOWN - {VIP}: weights unknown: too old")
