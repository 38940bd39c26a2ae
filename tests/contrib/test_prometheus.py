# SPDX-License-Identifier: GPL-3.0-or-later
"""Two versions of the real snmp_exporter with the modules in contrib/prometheus."""

from __future__ import annotations

import ipaddress
import os
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import pytest

from lvs_agent.snapshot import LostRow, Snapshot
from tests.support import directors, exporters, files
from tests.support.directors import SimulatedDirector
from tests.support.lvsmib import oid
from tests.support.paths import CONTRIB

FOLDER = CONTRIB / "prometheus"

Labels = Tuple[Tuple[str, str], ...]
Metrics = Dict[str, Dict[Labels, float]]

PROTOCOLS = {"0": "fwmark", "6": "tcp", "17": "udp"}
VS_COLUMNS = [
    *("lvsVsRealServers", "lvsVsRealServersUp", "lvsVsRealServersLost"),
    *("lvsVsActiveConns", "lvsVsInactConns"),
    *("lvsVsConns", "lvsVsInPkts", "lvsVsOutPkts", "lvsVsInBytes", "lvsVsOutBytes"),
    "lvsVsInByteRate",
]
RS_COLUMNS = ["lvsRsWeight", "lvsRsActiveConns", "lvsRsConns", "lvsRsInBytes", "lvsRsOutBytes"]
ADDRESS_COLUMNS = [
    *("lvsVipServices", "lvsVipServicesUp", "lvsVipActiveConns", "lvsVipOutBytes"),
    *("lvsRipServices", "lvsRipUp", "lvsRipLost"),
]

LOST_SERVICE, LOST_SERVER = "TCP 192.0.2.99:443", "TCP 192.0.2.10:80 -> 10.0.1.3:80"
LAST_SEEN, SINCE, CHANGED = 1795914000, 1795914300, 1795914400  # seconds since 1970


def annotate(snapshot: Snapshot) -> None:
    """Add what is lost and when rows have changed, each with its own time."""
    snapshot.lost = [
        LostRow("TCP 192.0.2.10:80", "10.0.1.3:80", LAST_SEEN + 1, SINCE + 1),
        LostRow(LOST_SERVICE, "", LAST_SEEN, SINCE),
    ]
    snapshot.lost_services = snapshot.lost_servers = 1
    for place, service in enumerate(snapshot.services):
        service.lost = place
        service.changed = float(CHANGED + place)


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    folder = tmp_path_factory.mktemp("director")
    with directors.running(folder, annotate=directors.after_history(annotate)) as running:
        running.aliases.write_text("TCP 192.0.2.10:80 Café\n10.0.1.3 web3\n", "utf-8")
        running.serve(*directors.farm())
        yield running


@pytest.fixture(scope="module", params=exporters.EXPORTERS)
def modules(
    director: SimulatedDirector,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Dict[str, Metrics]:
    """The metrics of each module, without the exporter's own."""
    program, query = exporters.EXPORTERS[request.param]
    folder = tmp_path_factory.mktemp("exporter")
    with exporters.running(program, FOLDER / request.param, folder) as address:
        url = f"http://{address}/snmp?target={director.address}{query}&module="
        return {name: scraped(url + name) for name in ("lvs", "lvs_services", "lvs_servers")}


@pytest.fixture
def metrics(modules: Dict[str, Metrics]) -> Metrics:
    return modules["lvs"]


def scraped(url: str) -> Metrics:
    """Return the values of each of our metrics by its labels; as in Prometheus, none is empty."""
    found: Metrics = {}
    with urllib.request.urlopen(url, timeout=30) as answer:
        text = answer.read().decode()
    for line in text.splitlines():
        if line.startswith("lvs"):
            name, labels, value = re.findall(r"^(\w+)(?:{(.*)})? (\S+)$", line)[0]
            pairs = re.findall(r'(\w+)="([^"]+)"', labels)
            found.setdefault(name, {})[tuple(sorted(pairs))] = float(value)
    return found


def walked(director: SimulatedDirector, column: str) -> Dict[Labels, float]:
    """Return the values of a column by the labels that the exporter gives them, from snmpwalk."""
    services, servers = (
        director.snmpd.column(oid("lvsVsName")),
        director.snmpd.column(oid("lvsRsName")),
    )
    found = {}
    for instance, value in director.snmpd.column(oid(column)).items():
        address, rest = address_of(instance.split("."))
        if column.startswith(("lvsVip", "lvsRip")):
            labels = {f"{column[:6]}Addr": address}
        else:
            labels = {"lvsVsAddr": address, "lvsVsProtocol": PROTOCOLS[rest[0]]}
            labels["lvsVsPort"], rest = rest[1], rest[2:]
            labels["lvsVsName"] = services[instance.removesuffix("".join(f".{x}" for x in rest))]
        if rest:
            address, (port,) = address_of(rest)
            labels.update(lvsRsAddr=address, lvsRsPort=port, lvsRsName=servers[instance])
        found[tuple(sorted(labels.items()))] = float(value)
    return found


def address_of(instance: List[str]) -> Tuple[str, List[str]]:
    """Return the address at the start of an instance, as the exporter writes it, and the rest."""
    length = int(instance[1])
    address = ipaddress.ip_address(bytes(int(part) for part in instance[2 : 2 + length]))
    return address.exploded.upper(), instance[2 + length :]


@pytest.mark.parametrize("column", VS_COLUMNS)
def test_services_are_as_snmpwalk_has_them(
    director: SimulatedDirector, metrics: Metrics, column: str
) -> None:
    expected = walked(director, column)
    assert len(expected) == len(directors.farm())
    assert metrics[column] == expected


@pytest.mark.parametrize("column", RS_COLUMNS)
def test_real_servers_are_as_snmpwalk_has_them(
    director: SimulatedDirector, metrics: Metrics, column: str
) -> None:
    expected = walked(director, column)
    assert len(expected) == 2 * len(directors.farm())
    assert metrics[column] == expected


@pytest.mark.parametrize("column", ADDRESS_COLUMNS)
def test_sums_over_addresses_are_as_snmpwalk_has_them(
    director: SimulatedDirector, metrics: Metrics, column: str
) -> None:
    expected = walked(director, column)
    assert len(expected) == (3 if "Vip" in column else 2 * len(directors.farm()))
    assert metrics[column] == expected


def test_labels_can_be_read(metrics: Metrics) -> None:
    labels = {"lvsVsAddr": "2001:0DB8:0000:0000:0000:0000:0000:0010", "lvsVsPort": "443"}
    labels.update(lvsVsProtocol="tcp", lvsVsName="TCP [2001:db8::10]:443")
    assert tuple(sorted(labels.items())) in metrics["lvsVsInBytes"]
    assert metrics["lvsVsName"][tuple(sorted(labels.items()))] == 1
    names = {dict(row)["lvsRsName"] for row in metrics["lvsRsWeight"]}
    assert {"10.0.1.1:80", "[2001:db8:1::1]:80"} <= names


def test_services_and_servers_can_be_scraped_apart(modules: Dict[str, Metrics]) -> None:
    every, services, servers = (modules[name] for name in ("lvs", "lvs_services", "lvs_servers"))
    assert not services.keys() & servers.keys()
    columns = {name: row for name, row in every.items() if not name.startswith(("lvsRs", "lvsRip"))}
    assert services.keys() == columns.keys()
    assert servers.keys() <= every.keys() - services.keys()
    assert {*RS_COLUMNS, "lvsRsAlias", "lvsRsLastChange", "lvsRipAlias"} <= servers.keys()
    for name, values in {**services, **servers}.items():
        assert values.keys() == every[name].keys()


def test_the_director_and_its_agent_are_there(metrics: Metrics) -> None:
    assert metrics["lvsNumServices"] == {(): 5}
    assert metrics["lvsTotalConns"] == {(): 15 * 10**6}
    assert metrics["lvsAgentStatus"][(("lvsAgentStatus", "ok"),)] == 1
    assert metrics["lvsAgentStatus"][(("lvsAgentStatus", "noCollector"),)] == 0


def test_times_are_in_seconds_since_1970(metrics: Metrics) -> None:
    assert sorted(metrics["lvsVsLastChange"].values()) == [CHANGED + place for place in range(5)]
    assert len(metrics["lvsRsLastChange"]) == 2 * len(directors.farm())
    assert abs(min(metrics["lvsRsLastChange"].values()) - time.time()) < 3600
    assert [*metrics["lvsLostVsLastSeen"].values()] == [LAST_SEEN]
    assert [*metrics["lvsLostVsSince"].values()] == [SINCE]
    assert [*metrics["lvsLostRsLastSeen"].values()] == [LAST_SEEN + 1]
    assert [*metrics["lvsLostRsSince"].values()] == [SINCE + 1]


def test_what_is_lost_is_counted_and_named(metrics: Metrics) -> None:
    assert (metrics["lvsAgentLostServices"], metrics["lvsAgentLostRealServers"]) == (
        {(): 1},
        {(): 1},
    )
    (service,), (server,) = metrics["lvsLostVsName"], metrics["lvsLostRsName"]
    of_service = {"lvsVsAddr": "192.0.2.99", "lvsVsPort": "443", "lvsVsProtocol": "tcp"}
    assert dict(service) == {**of_service, "lvsLostVsName": LOST_SERVICE}
    of_server = {"lvsVsAddr": "192.0.2.10", "lvsVsPort": "80", "lvsVsProtocol": "tcp"}
    assert dict(server) == {
        **of_server,
        "lvsVsName": "TCP 192.0.2.10:80",
        "lvsRsAddr": "10.0.1.3",
        "lvsRsPort": "80",
        "lvsLostRsName": LOST_SERVER,
    }


def test_an_alias_is_a_label_of_one_metric_that_has_each_service(metrics: Metrics) -> None:
    found = {frozenset(labels) for labels in metrics["lvsVsAlias"]}
    assert len(found) == len(directors.farm())
    of_service = {"lvsVsAddr": "192.0.2.10", "lvsVsPort": "80", "lvsVsProtocol": "tcp"}
    of_service["lvsVsName"] = "TCP 192.0.2.10:80"
    assert frozenset({**of_service, "lvsVsAlias": "Café"}.items()) in found
    (server,) = metrics["lvsLostRsAlias"]
    assert dict(server)["lvsLostRsAlias"] == "web3"
    labelled = [name for name in metrics for row in metrics[name] if "lvsVsAlias" in dict(row)]
    assert set(labelled) == {"lvsVsAlias"}


def test_every_object_that_is_walked_is_declared(metrics: Metrics) -> None:
    declared = set(re.findall(r"- name: (\w+)", (FOLDER / "lvs.yml").read_text()))
    served = {re.sub("_info$", "", name) for name in metrics if name.startswith("lvs")}
    assert served <= declared
    # no real server here uses a tunnel
    assert declared - served == {"lvsRsTunnelType", "lvsRsTunnelPort", "lvsRsTunnelFlags"}


@pytest.mark.parametrize("name", exporters.EXPORTERS)
def test_an_unknown_community_is_an_error_and_not_an_empty_page(
    director: SimulatedDirector, tmp_path: Path, name: str
) -> None:
    program, query = exporters.EXPORTERS[name]
    text = (FOLDER / name).read_text()
    text = files.put(text, {"community: public": "community: wrong"})
    config = tmp_path / name
    config.write_text(
        re.sub(r"^( *)walk:", r"\1retries: 0\n\1timeout: 1s\n\1walk:", text, flags=re.M)
    )
    with exporters.running(program, config, tmp_path) as address:
        url = f"http://{address}/snmp?target={director.address}&module=lvs{query}"
        with pytest.raises(urllib.error.HTTPError, match="500"):
            scraped(url)


def test_the_modules_are_what_the_generator_makes(tmp_path: Path) -> None:
    path = f"{files.BOOKWORM}/usr/bin:{os.environ['PATH']}"
    assert files.run(str(FOLDER / "generate"), str(tmp_path), PATH=path).stderr == ""
    for name in exporters.EXPORTERS:
        assert (tmp_path / name).read_text() == (FOLDER / name).read_text()
