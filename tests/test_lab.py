# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent on a real kernel: the numbers of ipvsadm compared with those of snmpbulkwalk."""

from __future__ import annotations

import json
import statistics
import subprocess
from pathlib import Path
from typing import Dict, List

import pytest

from lvs_agent.codes import Status
from tests.support import ipvsadm, snmpd, walked
from tests.support.expected import read_expected
from tests.support.guests import NO_TIMEOUT, boot
from tests.support.ipvsadm import without_rates
from tests.support.lvsmib import COUNTERS, COUNTERS_2001, RATES, RATES_2001
from tests.support.snmpd import AGENT

pytestmark = [NO_TIMEOUT, pytest.mark.xdist_group("lab")]

SCENARIOS = ["empty", "options", "nat", "frozen", "direct"]
TRAFFIC = ["nat", "frozen", "direct"]

# legacy columns, and the new ones with the same meaning
SAME_OF_SERVICES = {
    "lvsServiceSchedType": "lvsVsScheduler",
    "lvsServiceNumDests": "lvsVsRealServers",
    **{f"lvsService{old}": f"lvsVs{new}" for old, new in zip(COUNTERS_2001, COUNTERS)},
}
SAME_OF_REAL_SERVERS = {
    "lvsRealServerFlags": "lvsRsForwarding",
    **{f"lvsReal{old}": f"lvsRs{new}" for old, new in zip(COUNTERS_2001, COUNTERS)},
}


class Captures:
    """Results of a guest for each scenario, which is booted when first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, scenario: str) -> Path:
        folder = self._folder / scenario
        return folder if folder.exists() else boot(folder, "capture", scenario, AGENT)


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Captures:
    return Captures(tmp_path_factory.mktemp("lab"))


def lines(file: Path) -> List[str]:
    return file.read_text().splitlines()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_number_of_ipvsadm_is_served(captures: Captures, scenario: str) -> None:
    folder = captures.of(scenario)
    said = ipvsadm.read(folder / "ipvsadm")
    served = walked.director(walked.tables(lines(folder / "snmpwalk")))
    if scenario != "frozen":
        said, served = without_rates(said), without_rates(served)
    assert served == said


@pytest.mark.parametrize("scenario", TRAFFIC)
def test_counters_are_those_of_what_was_sent(captures: Captures, scenario: str) -> None:
    folder = captures.of(scenario)
    served = walked.director(walked.tables(lines(folder / "snmpwalk"))).services
    expected = read_expected(folder / "expected.json")
    assert expected
    for key, sent in expected.items():
        assert served[key].stats == sent.stats
        for server, counters in sent.servers.items():
            assert served[key].servers[server].stats == counters


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_sums_of_a_service_are_those_of_its_servers(captures: Captures, scenario: str) -> None:
    folder = captures.of(scenario)
    walk = walked.tables(lines(folder / "snmpwalk"))
    said = ipvsadm.read(folder / "ipvsadm").services
    by_name = {walk["lvsVsName"][at]: at for at in walk["lvsVsName"]}
    assert len(by_name) == len(said)
    for key, service in said.items():
        servers = service.servers.values()
        where = f"[{key.address}]" if key.family == 6 else key.address
        name = f"{key.protocol} {where}:{key.port}"
        if key.protocol == "FWM":
            name = f"FWM {key.port}" + (" IPv6" if key.family == 6 else "")
        at = by_name[name]
        assert walk["lvsVsRealServers"][at] == len(servers)
        assert walk["lvsVsRealServersUp"][at] == sum(server.weight > 0 for server in servers)
        assert walk["lvsVsWeight"][at] == min(sum(server.weight for server in servers), 2**32 - 1)
        assert walk["lvsVsActiveConns"][at] == sum(server.active for server in servers)
        assert walk["lvsVsInactConns"][at] == sum(server.inactive for server in servers)
        assert walk["lvsVsPersistConns"][at] == sum(server.persistent for server in servers)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_original_tables_say_what_the_new_ones_do(captures: Captures, scenario: str) -> None:
    walk = walked.tables(lines(captures.of(scenario) / "snmpwalk"))
    services = {number: at for at, number in walk["lvsVsNumber"].items()}
    assert sorted(walk["lvsServiceNumber"]) == sorted((number,) for number in services)
    for old, new in SAME_OF_SERVICES.items():
        for number, at in services.items():
            assert walk[old][number,] == walk[new][at]  # type: ignore[index]
    pairs = {}
    for at, number in walk["lvsRsNumber"].items():
        service = next(index for index in services.values() if at[: len(index)] == index)
        pairs[walk["lvsVsNumber"][service], number] = at
    assert set(walk["lvsRealServiceNumber"]) == set(pairs)
    for old, new in SAME_OF_REAL_SERVERS.items():
        for pair, at in pairs.items():
            assert walk[old][pair] == walk[new][at]  # type: ignore[index]


@pytest.mark.parametrize("scenario", [*SCENARIOS, "absent"])
def test_lvs_agent_walk_prints_what_snmpwalk_does(captures: Captures, scenario: str) -> None:
    folder = captures.of(scenario)
    if scenario == "frozen":
        assert snmpd.steady(lines(folder / "walk")) == snmpd.steady(lines(folder / "snmpwalk"))
    assert snmpd.oids(lines(folder / "walk")) == snmpd.oids(lines(folder / "snmpwalk"))


@pytest.mark.parametrize("scenario", [*SCENARIOS, "absent"])
def test_a_collector_gives_everything_to_who_has_no_privilege(
    captures: Captures, scenario: str
) -> None:
    folder = captures.of(scenario)
    if scenario == "frozen":
        assert snmpd.steady(lines(folder / "walk-collector")) == snmpd.steady(
            lines(folder / "snmpwalk")
        )
    assert snmpd.oids(lines(folder / "walk-collector")) == snmpd.oids(lines(folder / "snmpwalk"))


@pytest.mark.parametrize("scenario", [*SCENARIOS, "absent"])
def test_a_recording_replays_what_was_there(captures: Captures, scenario: str) -> None:
    folder = captures.of(scenario)
    done = subprocess.run(
        [AGENT, "walk", "--replay", folder / "recording"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    replayed = done.stdout.splitlines()
    assert snmpd.oids(replayed) == snmpd.oids(lines(folder / "walk"))
    if scenario == "frozen":
        assert snmpd.steady(replayed) == snmpd.steady(lines(folder / "walk"))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_without_privilege_structure_is_served_and_no_statistics(
    captures: Captures, scenario: str
) -> None:
    folder = captures.of(scenario)
    full, view = (walked.tables(lines(folder / name)) for name in ("snmpwalk", "walk-unprivileged"))
    assert view["lvsAgentStatus"] == {(0,): Status.NO_STATISTICS}
    assert "CAP_NET_ADMIN" in str(view["lvsAgentStatusText"][0,])
    counted = [f"{table}{each}" for table in ("lvsVs", "lvsRs") for each in COUNTERS + RATES]
    counted += [
        f"{table}{each}"
        for table in ("lvsService", "lvsReal")
        for each in COUNTERS_2001 + RATES_2001
    ]
    assert not [column for column in counted if view[column]]
    for column in (
        *("lvsVsName", "lvsVsScheduler", "lvsVsRealServers", "lvsVsRealServersUp"),
        *("lvsVsWeight", "lvsVsActiveConns", "lvsVsInactConns"),
    ):
        assert set(view[column]) == set(full[column])
    for column in ("lvsRsName", "lvsRsWeight", "lvsRsActiveConns", "lvsRsInactConns"):
        assert view[column] == full[column]
    for each in COUNTERS:
        assert view[f"lvsTotal{each}"] == full[f"lvsTotal{each}"] != {}


@pytest.mark.parametrize(
    ("scenario", "status"),
    [
        ("absent", Status.NO_IPVS),
        ("empty", Status.OK),
        ("options", Status.OK),
        ("nat", Status.OK),
        ("frozen", Status.COUNTERS_FROZEN),
    ],
)
def test_the_status_says_what_state_the_director_is_in(
    captures: Captures, scenario: str, status: Status
) -> None:
    walk = walked.tables(lines(captures.of(scenario) / "snmpwalk"))
    assert walk["lvsAgentStatus"] == {(0,): status}
    assert walk["lvsAgentErrors"] == {(0,): 0}


def test_asking_and_recording_never_load_the_module(captures: Captures) -> None:
    loaded = [line.split()[0] for line in lines(captures.of("absent") / "modules")]
    assert "ip_vs" not in loaded
    assert "ip_vs" in [line.split()[0] for line in lines(captures.of("empty") / "modules")]


@pytest.mark.xdist_group("life")
def test_life_of_a_director(tmp_path: Path) -> None:
    """The module is loaded late, unloaded and loaded again, and the collector is restarted.

    Meanwhile services are edited and dumped in another order.
    """
    folder = boot(tmp_path / "life", "life", AGENT)
    steps = {path.name: walked.tables(lines(path)) for path in (folder / "steps").iterdir()}
    for absent in ("1-absent", "4-unloaded"):
        assert steps[absent]["lvsAgentStatus"] == {(0,): Status.NO_IPVS}
        assert steps[absent]["lvsServiceNumber"] == {}

    def numbers(step: str) -> Dict[object, object]:
        walk = steps[step]
        assert walk["lvsAgentStatus"] == {(0,): Status.OK}, step
        found: Dict[object, object] = {
            walk["lvsVsName"][at]: number for at, number in walk["lvsVsNumber"].items()
        }
        for at, name in walk["lvsRsName"].items():
            service = next(index for index in walk["lvsVsName"] if at[: len(index)] == index)
            found[walk["lvsVsName"][service], name] = walk["lvsRsNumber"][at]
        return found

    first = numbers("2-loaded")
    assert len(first) == 3 + 4
    edited = numbers("3-edited")
    both = first.keys() & edited.keys()
    assert len(both) == 4
    assert {name: edited[name] for name in both} == {name: first[name] for name in both}
    assert not set(edited.values()) - {5, 1, 2, 3, 4}
    assert edited["TCP 10.2.0.9:80"] == 4, "a freed number was reused"
    again = numbers("5-reloaded")
    assert {name: again[name] for name in first} == first
    assert numbers("6-restarted") == again


@pytest.mark.xdist_group("ten thousand")
def test_ten_thousand_real_servers_cost_no_more_than_ipvsadm(tmp_path: Path) -> None:
    folder = boot(tmp_path / "large", "measure", AGENT)
    measured = json.loads((folder / "measured.json").read_text())
    assert measured["services"] == "1000"
    seconds = {name: sorted(values) for name, values in measured["seconds"].items()}
    median = {name: statistics.median(values) for name, values in seconds.items()}
    mebibytes = sum(measured["kilobytes"].values()) / 1024
    for name in ("collection", "snapshot"):
        lowest, highest = (seconds[name][end] / seconds["ipvsadm"][-1 - end] for end in (0, -1))
        ratio = median[name] / median["ipvsadm"]
        print(f"\n{name} / ipvsadm: {ratio:.2f} ({lowest:.2f} to {highest:.2f})", end="")
    print(f"\nresponder and collector: {mebibytes:.0f} MiB")
    assert median["collection"] <= median["ipvsadm"]
    assert mebibytes < 80


@pytest.mark.xdist_group("sixty thousand")
def test_sixty_thousand_services_of_a_real_kernel(tmp_path: Path) -> None:
    folder = boot(tmp_path / "many", "many", AGENT, 60_000, memory="1G")
    files = sorted(folder.glob("agent.*[0-9]"), key=lambda path: int(path.suffix[1:]))
    said = [walked.tables(path.read_text().splitlines()) for path in files]
    assert "no snapshot received yet" in str(said[0]["lvsAgentStatusText"][(0,)])
    assert {walk["lvsAgentStatus"][(0,)] for walk in said[:-1]} == {Status.NO_COLLECTOR}
    assert said[-1]["lvsAgentStatus"][(0,)] == Status.OK
    for number in ("lvsAgentServices", "lvsAgentRealServers"):
        assert said[-1][number][(0,)] == 60_000
    names = [line.partition(" = ")[2] for line in (folder / "names").read_text().splitlines()]
    hosts = ["8.0.1", "8.117.49", "8.234.96"]
    assert names == [f'STRING: "TCP 10.{host}:80"' for host in hosts]
    # user-mode-linux is several times slower than a real machine; tests/faults has the limit
    longest = float((folder / "longest" / "all").read_text())
    print(f"\nsysUpTime beside 60,000 services: {longest:.2f} s at the most")
