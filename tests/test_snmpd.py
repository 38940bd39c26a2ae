# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent through a real snmpd, queried with net-snmp's own tools."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Iterator, List

import pytest

from lvs_agent.codes import Status
from tests.support import collectors, snmpd
from tests.support.lvsmib import BASE, COUNTERS, oid
from tests.support.paths import DATA
from tests.support.snmpd import AGENT, SYS_UP_TIME, Snmpd

pytestmark = pytest.mark.xdist_group("snmpd")

DIRECTORS = sorted((DATA / "directors").iterdir())

COUNTER64_LIMITS = [0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1]


@pytest.fixture(scope="module", params=DIRECTORS, ids=lambda folder: folder.name)
def recording(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture(scope="module")
def agent(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    folder = tmp_path_factory.mktemp("snmpd")
    with snmpd.running(folder, f"{AGENT} pass-persist --replay {recording}") as running:
        yield running


@pytest.fixture(scope="module")
def walk(agent: Snmpd) -> List[str]:
    lines = agent.walk()
    assert lines
    # printed when snmpd has nothing after the agent's subtree
    return [line for line in lines if "No more variables" not in line]


def batches(lines: List[str], size: int = 40) -> Iterator[List[str]]:
    for start in range(0, len(lines), size):
        yield lines[start : start + size]


def test_lvs_agent_walk_prints_what_snmpwalk_does(walk: List[str], recording: Path) -> None:
    done = subprocess.run(
        [AGENT, "walk", "--replay", recording], stdout=subprocess.PIPE, text=True, check=True
    )
    assert snmpd.steady(done.stdout.splitlines()) == snmpd.steady(walk)


def test_a_walk_of_a_recorded_director_is_the_golden_one(walk: List[str], recording: Path) -> None:
    golden = DATA / "walks" / recording.name
    assert snmpd.steady(walk) == golden.read_text().splitlines()


def test_a_walk_is_in_order_and_complete(agent: Snmpd, walk: List[str]) -> None:
    oids = [snmpd.numbers(each) for each in snmpd.oids(walk)]
    assert oids == sorted(set(oids))
    assert snmpd.oids(agent.ask("snmpwalk", BASE).splitlines()) == snmpd.oids(walk)


def test_get_of_each_oid_of_a_walk_returns_the_same(agent: Snmpd, walk: List[str]) -> None:
    for batch in batches(walk):
        assert snmpd.steady(agent.get(*snmpd.oids(batch))) == snmpd.steady(batch)


def test_getnext_of_each_oid_of_a_walk_returns_its_successor(agent: Snmpd, walk: List[str]) -> None:
    for here, successors in zip(batches(walk[:-1]), batches(walk[1:])):
        assert snmpd.steady(agent.get_next(*snmpd.oids(here))) == snmpd.steady(successors)


def test_getnext_before_between_and_after(agent: Snmpd, walk: List[str]) -> None:
    first, second, last = snmpd.oids([walk[0], walk[1], walk[-1]])
    for each in (BASE, f"{BASE}.0", ".1.3.6.1.4.1.8225.4710.5"):
        assert snmpd.oids(agent.get_next(each)) == [first]
    for each in (f"{first}.0", f"{first}.4294967295.5"):
        assert snmpd.oids(agent.get_next(each)) == [second]
    for each in (last, f"{BASE}.4294967295"):
        assert not agent.get_next(each)[0].startswith(BASE + ".")


def test_odd_oids_are_answered_and_leave_snmpd_well(agent: Snmpd, walk: List[str]) -> None:
    first = snmpd.oids(walk)[0]
    long = first + ".4294967295" * (127 - first.count("."))
    assert "No Such Instance" in agent.get(long)[0]
    assert snmpd.oids(agent.get_next(long)) == [snmpd.oids(walk)[1]]
    for each in (BASE, f"{BASE}.17", oid("lvsServiceSchedType"), f"{BASE}.999.1.0"):
        assert "No Such" in agent.get(each)[0]
    assert "Timeticks" in agent.value(SYS_UP_TIME)


def test_set_is_not_writable_and_leaves_snmpd_in_step(agent: Snmpd, walk: List[str]) -> None:
    for each in (oid("lvsAgentVersion", 0), oid("lvsNumServices", 0), f"{BASE}.999.0"):
        for kind, value in (("i", "5"), ("s", "text with\nlines\nPING"), ("x", "00ff")):
            said = agent.ask("snmpset", each, kind, value, community="private")
            assert "notWritable" in said or "noAccess" in said
            assert snmpd.steady(agent.get(snmpd.oids(walk)[0])) == [walk[0]]


def test_snmpv1_skips_counter64_and_goes_on(agent: Snmpd, walk: List[str]) -> None:
    v1 = agent.ask("snmpwalk", "-v1", BASE).splitlines()
    expected = [line for line in walk if "Counter64" not in line]
    assert [line for line in snmpd.steady(v1) if line.startswith(BASE)] == snmpd.steady(expected)


@pytest.mark.parametrize("value", COUNTER64_LIMITS)
def test_counter64_is_exact(tmp_path: Path, value: int) -> None:
    row = (1, 4, 192, 0, 2, 1, 6, 80)
    path = tmp_path / "collector.sock"

    def answer(connection: collectors.Connection) -> None:
        connection.sendall(collectors.encoded(collectors.service(1, value)))

    with (
        collectors.at(path, answer),
        snmpd.running(tmp_path / "snmpd", f"{AGENT} pass-persist --collector {path}") as agent,
    ):
        for each in COUNTERS:
            assert agent.value(oid(f"lvsVs{each}", *row)) == f"Counter64: {value}"
            at_server = agent.value(oid(f"lvsRs{each}", *row, 1, 4, 10, 0, 0, 1, 80))
            assert at_server == f"Counter64: {value}"
        assert agent.value(oid("lvsServiceStatsInBytes", 1)) == f"Counter64: {value}"
        assert agent.value(oid("lvsServiceStatsConns", 1)) == f"Counter32: {value % 2**32}"


@pytest.mark.parametrize(
    ("rate", "shown"), [(2**32 - 1, 2**32 - 1), (2**32, 2**32 - 1), (2**64 - 1, 2**32 - 1)]
)
def test_gauges_and_integers_saturate(tmp_path: Path, rate: int, shown: int) -> None:
    path = tmp_path / "collector.sock"
    service = collectors.service(1, 0, rate)
    service.real_servers[0].weight = rate

    def answer(connection: collectors.Connection) -> None:
        connection.sendall(collectors.encoded(service))

    with (
        collectors.at(path, answer),
        snmpd.running(tmp_path / "snmpd", f"{AGENT} pass-persist --collector {path}") as agent,
    ):
        row = (1, 4, 192, 0, 2, 1, 6, 80)
        assert agent.value(oid("lvsVsConnRate", *row)) == f"Gauge32: {shown}"
        assert agent.value(oid("lvsVsWeight", *row)) == f"Gauge32: {shown}"
        weight = agent.value(oid("lvsRsWeight", *row, 1, 4, 10, 0, 0, 1, 80))
        assert weight == f"INTEGER: {2**31 - 1}"
        assert agent.value(oid("lvsRealServerWeight", 1, 1)) == "INTEGER: 65535"


def test_rows_that_go_while_it_is_walked_end_no_walk(tmp_path: Path) -> None:
    path = tmp_path / "collector.sock"
    turn = [0]

    def answer(connection: collectors.Connection) -> None:
        turn[0] += 1
        hosts = [host for host in range(1, 200) if host % 3 != turn[0] % 3]
        connection.sendall(collectors.encoded(*map(collectors.service, hosts)))

    with (
        collectors.at(path, answer),
        snmpd.running(
            tmp_path / "snmpd", f"{AGENT} pass-persist --max-age 0 --collector {path}"
        ) as agent,
    ):
        for _ in range(3):
            lines = agent.walk()
            oids = [snmpd.numbers(each) for each in snmpd.oids(lines) if each.startswith(BASE)]
            assert oids == sorted(set(oids))
            last = snmpd.numbers(oid("lvsRipServices"))[:-1]  # the last table's entry
            assert oids[-1][: len(last)] == last
            assert len(oids) > 100 * 50
    assert turn[0] > 5


def test_no_legacy_leaves_out_the_objects_of_2001(tmp_path: Path) -> None:
    command = f"{AGENT} pass-persist --no-legacy --replay {DIRECTORS[0]}"
    with snmpd.running(tmp_path / "snmpd", command) as agent:
        oids = [snmpd.numbers(each) for each in snmpd.oids(agent.walk()) if each.startswith(BASE)]
    assert oids
    assert min(oids) > snmpd.numbers(f"{BASE}.18.4294967295")


def test_without_a_collector_snmpd_stays_responsive_and_the_status_says_so(
    tmp_path: Path,
) -> None:
    command = f"{AGENT} pass-persist --collector {tmp_path}/nobody.sock"
    with snmpd.running(tmp_path / "snmpd", command) as agent:
        assert agent.value(oid("lvsAgentStatus", 0)) == f"INTEGER: {int(Status.NO_COLLECTOR)}"
        assert "nobody.sock" in agent.value(oid("lvsAgentStatusText", 0))
        assert agent.value(oid("lvsAgentServices", 0)) == "Gauge32: 0"
        assert "Timeticks" in agent.value(SYS_UP_TIME)


def test_a_collector_that_goes_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "collector.sock"
    command = f"{AGENT} pass-persist --max-age 0 --expire 1 --collector {path}"
    conns = oid("lvsVsConns", 1, 4, 192, 0, 2, 1, 6, 80)
    name = oid("lvsVsName", 1, 4, 192, 0, 2, 1, 6, 80)
    status = oid("lvsAgentStatus", 0)

    def answer(connection: collectors.Connection) -> None:
        connection.sendall(collectors.encoded(collectors.service(1, 7)))

    with snmpd.running(tmp_path / "snmpd", command) as agent:

        def eventually(what: str, value: str) -> None:
            until = time.monotonic() + 20
            while (now := agent.value(what)) != value:
                assert time.monotonic() < until, f"{what} is {now}, not {value}"

        with collectors.at(path, answer):
            eventually(status, f"INTEGER: {int(Status.OK)}")
            assert agent.value(conns) == "Counter64: 7"
        eventually(status, f"INTEGER: {int(Status.NO_COLLECTOR)}")
        eventually(status, f"INTEGER: {int(Status.EXPIRED)}")
        assert "No Such Instance" in agent.value(conns)
        assert agent.value(name) == 'STRING: "TCP 192.0.2.1:80"'
        with collectors.at(path, answer):
            eventually(status, f"INTEGER: {int(Status.OK)}")
            assert agent.value(conns) == "Counter64: 7"
