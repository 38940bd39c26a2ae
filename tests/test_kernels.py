# SPDX-License-Identifier: GPL-3.0-or-later
"""A distribution's kernel with several processors: LAB_KERNEL, see tests/support/guests.py.

The guests' directors are compared with ipvsadm, and with the traffic as counted on the wire.
ipvsadm 1.31 prints 0 for the connections and packets of real servers on big-endian machines.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Dict, Iterable, List, Set, Tuple

import pytest

from lvs_agent.codes import Status
from tests.support import ipvsadm, snmpd, walked
from tests.support.expected import Expected, read_expected
from tests.support.guests import NO_TIMEOUT, GuestError, run
from tests.support.ipvsadm import Counters, Director, ServiceKey, without_rates
from tests.support.lvsmib import COUNTERS, COUNTERS_2001
from tests.support.paths import TESTS
from tests.support.snmpd import AGENT

pytestmark = [NO_TIMEOUT, pytest.mark.xdist_group("kernels")]

POSSIBLE, ONLINE = 6, 4
EDIT_SECONDS = 20
# the first Linux with a sysctl
SYSCTLS = {"run_estimation": (5, 16), "est_cpulist": (6, 2), "est_nice": (6, 2)}
STEPS = {
    "run_estimation": {"frozen", "thawed"},
    "est_cpulist": {"no-estimating-processor", "one-estimating-processor"},
}
FROZEN = {"frozen", "no-estimating-processor"}


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of tests/kernels/checks."""
    folder = tmp_path_factory.mktemp("kernels") / "checks"
    run(folder, TESTS / "kernels" / "checks", AGENT, "processors", "estimation", "namespaces")
    return folder


def walk(file: Path) -> walked.Tables:
    return walked.tables(file.read_text().splitlines())


def steps(guest: Path) -> Dict[str, Tuple[walked.Tables, ipvsadm.Director]]:
    """Return the walk and what ipvsadm showed, by step."""
    found = {
        folder.name: (walk(folder / "walk"), ipvsadm.read(folder / "ipvsadm"))
        for folder in (guest / "steps").iterdir()
    }
    assert found
    return found


def sysctls(guest: Path) -> Set[str]:
    """Return the sysctls of estimation that this kernel must have."""
    release = (guest / "release").read_text()
    version = tuple(
        int(word) for word in release.replace("-", ".").replace("+", ".").split(".")[:2]
    )
    return {name for name, first in SYSCTLS.items() if version >= first}


def sent(guest: Path, until: int) -> List[Tuple[int, Dict[ServiceKey, Expected]]]:
    """Return the processor and the traffic of each portion up to one."""
    found = []
    for file in (guest / "sent").iterdir():
        portion, processor = (int(word) for word in file.name.split("."))
        if portion <= until:
            found.append((processor, read_expected(file)))
    return found


def added(every: Iterable[Counters]) -> Counters:
    return Counters(*map(sum, zip(Counters(0, 0, 0, 0, 0), *every)))


def cpus(guest: Path, until: int) -> Dict[int, Counters]:
    """Return what each processor counted of the traffic up to a portion."""
    portions = sent(guest, until)
    return {
        each: added(
            seen.stats for on, services in portions for seen in services.values() if on == each
        )
        for each in range(POSSIBLE)
    }


def comparable(guest: Path, director: Director) -> Director:
    """Return the director without rates, and without what ipvsadm gets wrong on this machine."""
    director = without_rates(director)
    if (guest / "machine").read_text() == "s390x\n":
        for service in director.services.values():
            for server in service.servers.values():
                assert server.stats
                server.stats = server.stats._replace(conns=0, inpkts=0, outpkts=0)
    return director


def test_every_number_of_ipvsadm_is_served(guest: Path) -> None:
    for name, (served, said) in steps(guest).items():
        assert comparable(guest, walked.director(served)) == comparable(guest, said), name
        assert served["lvsAgentErrors"] == {(0,): 0}
        status = Status.COUNTERS_FROZEN if name in FROZEN else Status.OK
        assert served["lvsAgentStatus"] == {(0,): status}, name


@pytest.mark.parametrize(
    ("step", "portion", "online"),
    [
        ("processors", 4, "0-3"),
        ("unplugged", 4, "0-2"),
        ("unplugged-sent", 5, "0-2"),
        ("plugged", 6, "0-3"),
    ],
)
def test_a_processors_row_has_its_traffic(
    guest: Path, step: str, portion: int, online: str
) -> None:
    """A row exists for each processor that is possible, whether or not it is online."""
    assert (guest / "possible").read_text() == f"0-{POSSIBLE - 1}\n"
    assert (guest / "steps" / step / "online").read_text() == f"{online}\n"
    expected = cpus(guest, portion)
    assert all(expected[processor].inbytes for processor in range(ONLINE))
    assert walked.director(steps(guest)[step][0]).cpus == expected


def test_services_and_servers_have_their_traffic(guest: Path) -> None:
    """Of all portions until the counters were zeroed."""
    portions = [services for _, services in sent(guest, 6)]
    assert len(portions) == 6
    director = walked.director(steps(guest)["plugged"][0])
    assert director.services.keys() == portions[0].keys()
    for key, service in director.services.items():
        assert service.stats == added(services[key].stats for services in portions)
        assert service.servers.keys() == portions[0][key].servers.keys()
        for name, server in service.servers.items():
            assert server.stats == added(services[key].servers[name] for services in portions)
            assert all(server.stats)


def test_counters_continue_after_they_are_zeroed(guest: Path) -> None:
    before, after = steps(guest)["plugged"][0], walk(guest / "zeroed")
    for column in [f"{table}{each}" for table in ("lvsVs", "lvsRs") for each in COUNTERS]:
        assert after[column] == before[column]
        assert all(after[column].values())
    for each in COUNTERS_2001:
        assert set(after[f"lvsService{each}"].values()) == {0}
        assert set(after[f"lvsReal{each}"].values()) == {0}
    assert walked.director(after).cpus == walked.director(before).cpus


def test_estimation_has_the_sysctls_of_this_kernel(guest: Path) -> None:
    there = (guest / "sysctls").read_text().split()
    assert {name for name in SYSCTLS if name in there} == sysctls(guest)


def test_estimation_was_switched_off_where_it_can_be(guest: Path) -> None:
    names = {path.name for path in (guest / "steps").iterdir()}
    for name, of_sysctl in STEPS.items():
        assert names & of_sysctl == (of_sysctl if name in sysctls(guest) else set())


def test_a_network_namespace_has_its_own_director(guest: Path) -> None:
    seen = steps(guest)
    inside, outside = (
        walked.director(seen[name][0]) for name in ("network-namespace", "beside-network-namespace")
    )
    names: List[str] = sorted(f"{key.protocol} {key.port}" for key in inside.services)
    assert names == ["FWM 257", "UDP 53"]
    assert inside.totals[:2] == (3, 3)
    assert not inside.services.keys() & outside.services.keys()
    last = max(int(path.name.split(".")[0]) for path in (guest / "sent").iterdir())
    assert outside.cpus == cpus(guest, last)


def test_a_user_namespace_gets_no_statistics(guest: Path) -> None:
    """Netlink's read commands need CAP_NET_ADMIN in the initial user namespace."""
    seen = steps(guest)["beside-network-namespace"][0]
    inside = walk(guest / "user")
    assert inside["lvsAgentStatus"] == {(0,): Status.NO_STATISTICS}
    assert inside["lvsVsName"] == seen["lvsVsName"] != {}
    assert inside["lvsRsWeight"] == seen["lvsRsWeight"] != {}
    assert inside["lvsCpuConns"] == seen["lvsCpuConns"]
    empty = walk(guest / "user-network")
    assert empty["lvsAgentStatus"] == {(0,): Status.NO_STATISTICS}
    assert empty["lvsVsName"] == {}


def test_a_kernel_without_ipv6(tmp_path: Path) -> None:
    script = TESTS / "kernels" / "checks"
    run(tmp_path / "ipv4", script, AGENT, "ipv4", append="ipv6.disable=1")
    ((served, said),) = steps(tmp_path / "ipv4").values()
    assert len(said.services) == 3
    assert without_rates(walked.director(served)) == without_rates(said)
    assert served["lvsAgentStatus"] == {(0,): Status.OK}


def test_a_recording_is_replayed_on_this_machine_too(tmp_path: Path) -> None:
    """Which may be of the other byte order."""
    guest = tmp_path / "recording"
    run(guest, TESTS / "kernels" / "checks", AGENT, "recording")
    there = (guest / "replayed").read_text().splitlines()
    here = subprocess.check_output(
        [str(AGENT), "walk", "--replay", str(guest / "recording")], text=True
    ).splitlines()
    assert snmpd.steady(here) == snmpd.steady(there)
    served = walked.director(walked.tables(here)).services
    for key, expected in read_expected(guest / "expected.json").items():
        assert served[key].stats == expected.stats
        assert {name: row.stats for name, row in served[key].servers.items()} == expected.servers


def test_services_that_nobody_edits_are_in_every_snapshot(tmp_path: Path) -> None:
    """Others are added and deleted, so that a dump of the kernel skips rows."""
    run(tmp_path / "edits", TESTS / "kernels" / "edits", EDIT_SECONDS)
    measured = json.loads((tmp_path / "edits" / "edits.json").read_text())
    print()
    for each in measured:
        print(each)
    assert [each["rate"] for each in measured] == [2, 20, 200]
    for each in measured:
        assert each["lacking"] == 0, each
        assert each["edits"] > each["rate"] * EDIT_SECONDS / 2, each
        assert sum(each["statuses"].values()) >= 3, each


@pytest.mark.parametrize(
    ("line", "status", "deaths"),
    [("echo b > /proc/sysrq-trigger; sleep 60", 125, 1), ("echo said; exit 3", 3, 0)],
)
def test_a_guest_that_dies_is_started_once_more_but_no_script(
    tmp_path: Path, line: str, status: int, deaths: int
) -> None:
    script = tmp_path / "script"
    script.write_text(f"{line}\n")
    with pytest.raises(GuestError) as error:
        run(tmp_path / "guest", script)
    said = str(error.value)
    assert f"boot: exit status {status};" in said
    assert said.count("the guest died; once more") == deaths
    assert ("said\n" in said) == (deaths == 0)
