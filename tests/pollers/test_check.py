# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent check as a process, against a simulated director in each of its states."""

from __future__ import annotations

import re
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

import pytest

from lvs_agent.codes import Family, Source, Status
from lvs_agent.pollers import services
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import Director, Snapshot
from tests.support import builders, directors, files, snmpd
from tests.support.directors import SimulatedDirector, counted
from tests.support.lvsmib import oid
from tests.support.plugin import CRITICAL, OK, UNKNOWN, WARNING, check
from tests.support.snmpd import AGENT

STATUS = oid("lvsAgentStatus", 0)
HTTPS = "TCP 192.0.2.10:443"

Change = Callable[[Snapshot], None]


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path_factory.mktemp("director")) as running:
        yield running


def service(port: int, *weights: int) -> VirtualService:
    """Return a service of 192.0.2.10 with a server of each weight, with 10 active connections."""
    servers = [
        builders.server(f"192.168.0.{host}", port, weight=weight, active_conns=10, inact_conns=5)
        for host, weight in enumerate(weights, 1)
    ]
    return builders.service("192.0.2.10", port, *servers, counters=counted(1000, 2000, 30))


@contextmanager
def changed(director: SimulatedDirector, change: Change) -> Iterator[None]:
    """Have the director serve one healthy service, with a change applied to each snapshot."""
    before = director.annotate

    def annotate(snapshot: Snapshot) -> None:
        before(snapshot)
        change(snapshot)

    director.annotate = annotate
    director.serve(service(443, 1, 1))
    try:
        yield
    finally:
        director.annotate = before
        director.serve(service(443, 1, 1))


def test_one_service_is_well(director: SimulatedDirector, conf: Path) -> None:
    director.serve(service(443, 1, 1), service(80, 0))
    said = check(director.address, conf, *HTTPS.split())
    assert said[:2] == (OK, f"LVS OK - {HTTPS}: 2 of 2 real servers up")
    age = said.data.pop("snapshot_age")
    assert re.fullmatch(r"[\d.]+s;30;;0", age)
    assert said.data == {
        f"{HTTPS} up": "2;2:;1:;0;2",
        f"{HTTPS} active": "20;;;0",
        f"{HTTPS} inactive": "10;;;0",
        f"{HTTPS} conns": "30c;;;0",
        f"{HTTPS} in_bytes": "1000c;;;0",
        f"{HTTPS} out_bytes": "2000c;;;0",
    }


def test_all_services_are_looked_at_without_a_name(director: SimulatedDirector, conf: Path) -> None:
    mark = builders.fwmark(5, builders.server(weight=1), family=Family.INET6)
    director.serve(service(443, 1, 1), service(80, 1), mark)
    said = check(director.address, conf, "-c", "0:")
    assert said[:2] == (OK, "LVS OK - 3 services, 4 of 4 real servers up")
    assert said.data["TCP 192.0.2.10:80 up"] == "1;1:;;0;1"
    assert said.data["FWM 5 IPv6 up"] == "1;1:;;0;1"
    assert "TCP 192.0.2.10:80 conns" not in said.data


def test_a_protocol_without_a_name_hides_no_outage(director: SimulatedDirector, conf: Path) -> None:
    odd = builders.service("192.0.2.10", 80, builders.server(weight=1), protocol=99)
    director.serve(service(443, 0), odd)
    said = check(director.address, conf)
    assert said.status == CRITICAL
    assert said.data["IP99 192.0.2.10:80 up"] == "1;1:;1:;0;1"
    assert f"{HTTPS}: 0 of 1" in said.line
    assert check(director.address, conf, "IP99", "192.0.2.10:80").status == OK


def test_an_address_stands_for_all_its_ports(director: SimulatedDirector, conf: Path) -> None:
    director.serve(service(443, 1), service(80, 0), builders.service("192.0.2.11", 80))
    said = check(director.address, conf, "-t", "192.0.2.10")
    assert said[:2] == (
        CRITICAL,
        "LVS CRITICAL - TCP 192.0.2.10:80: 0 of 1 real servers up, weight 0: 192.168.0.1:80",
    )
    assert check(director.address, conf, "UDP", "192.0.2.10").status == CRITICAL


# weights, options, exit status
THRESHOLDS: List[Tuple[Tuple[int, ...], str, int]] = [
    ((1, 1, 1, 1), "", OK),
    ((1, 1, 1, 0), "", WARNING),
    ((0, 0, 0, 0), "", CRITICAL),
    ((), "", CRITICAL),
    ((1, 1, 1, 0), "-w 3:", OK),
    ((1, 1, 0, 0), "-w 3:", WARNING),
    ((1, 1, 0, 0), "-w 50%: -c 25%:", OK),
    ((1, 0, 0, 0), "-w 50%: -c 25%:", WARNING),
    ((0, 0, 0, 0), "-w 50%: -c 25%:", CRITICAL),
    ((1, 1, 1, 0), "--warning 4: --critical 4:", CRITICAL),
    ((1, 1, 1, 1), "-w 0:3", WARNING),
    ((1, 1, 1, 1), "-w @4", WARNING),
    # keepalived deletes a failed server, so an outage is 0 of 0
    ((), "-w 100%: -c 50%:", CRITICAL),
    ((), "-w 0: -c 0:", CRITICAL),
    ((0, 0), "-w 0: -c 0:", CRITICAL),
]


@pytest.mark.parametrize(("weights", "options", "status"), THRESHOLDS)
def test_thresholds_are_ranges_of_servers_or_shares(
    director: SimulatedDirector,
    conf: Path,
    weights: Tuple[int, ...],
    options: str,
    status: int,
) -> None:
    director.serve(service(443, *weights))
    said = check(director.address, conf, *HTTPS.split(), *options.split())
    assert said.status == status
    up = sum(weight > 0 for weight in weights)
    assert f"{HTTPS}: {up} of {len(weights)} real servers up" in said.line


def test_servers_of_weight_0_are_named(director: SimulatedDirector, conf: Path) -> None:
    director.serve(service(443, 1, 0, 0))
    said = check(director.address, conf, *HTTPS.split())
    text = f"{HTTPS}: 1 of 3 real servers up, weight 0: 192.168.0.2:443, 192.168.0.3:443"
    assert said[:2] == (WARNING, f"LVS WARNING - {text}")


def test_the_worst_services_come_first_and_not_all(director: SimulatedDirector, conf: Path) -> None:
    director.serve(service(1, 1, 0), *(service(port, 0) for port in range(2, 10)))
    said = check(director.address, conf)
    assert said.status == CRITICAL
    assert said.line.startswith("LVS CRITICAL - 8 of 9 services critical; TCP 192.0.2.10:2: 0 of 1")
    assert said.line.endswith(
        "192.0.2.10:6: 0 of 1 real servers up, weight 0: 192.168.0.1:6; and 3 more"
    )
    said = check(director.address, conf, "-v")
    assert len(said.more) == 9
    assert "warning: TCP 192.0.2.10:1: 1 of 2 real servers up, weight 0: 192.168.0.2:1" in said.more


def test_a_service_that_is_missing_is_critical(director: SimulatedDirector, conf: Path) -> None:
    director.serve(service(80, 1))
    said = check(director.address, conf, *HTTPS.split())
    assert said[:2] == (CRITICAL, f"LVS CRITICAL - {HTTPS}: no such service on the director")
    assert list(said.data) == ["snapshot_age"]


def test_a_director_without_services_is_critical(director: SimulatedDirector, conf: Path) -> None:
    director.serve()
    said = check(director.address, conf, "-w", "0:", "-c", "0:")
    assert said[:2] == (CRITICAL, "LVS CRITICAL - no services on the director")
    assert list(said.data) == ["snapshot_age"]


def frozen(snapshot: Snapshot) -> None:
    snapshot.status, snapshot.text = Status.COUNTERS_FROZEN, "run_estimation is 0"
    snapshot.director.estimation = False


def frozen_and_degraded(snapshot: Snapshot) -> None:
    frozen(snapshot)
    degraded(snapshot)


def degraded(snapshot: Snapshot) -> None:
    snapshot.status, snapshot.text = Status.DEGRADED, "a row could not be read"


def unprivileged(snapshot: Snapshot) -> None:
    snapshot.status, snapshot.text = Status.NO_STATISTICS, "CAP_NET_ADMIN is needed"
    snapshot.services[0].counters = None


def without_ip_vs(snapshot: Snapshot) -> None:
    snapshot.status, snapshot.text = Status.NO_IPVS, "ip_vs is not loaded"
    snapshot.source, snapshot.director = Source.NONE, Director()
    snapshot.services = []


def older(seconds: float) -> Change:
    def change(snapshot: Snapshot) -> None:
        snapshot.taken -= seconds

    return change


STATES: List[Tuple[Change, int, str]] = [
    (frozen, WARNING, "WARNING - run_estimation is 0"),
    (degraded, WARNING, "a row could not be read"),
    (
        frozen_and_degraded,
        WARNING,
        "a row could not be read; statistics are frozen: the director's estimation is off",
    ),
    (unprivileged, WARNING, "CAP_NET_ADMIN is needed"),
    (without_ip_vs, CRITICAL, f"ip_vs is not loaded; {HTTPS}: no such service on the director"),
    (older(40), WARNING, " s old (outside range 0:30)"),
    (older(1000), UNKNOWN, "weights unknown"),
]


@pytest.mark.parametrize(
    ("change", "status", "said"), STATES, ids=lambda each: getattr(each, "__name__", None)
)
def test_what_ails_the_agent_is_told(
    director: SimulatedDirector, conf: Path, change: Change, status: int, said: str
) -> None:
    with changed(director, change):
        found = check(director.address, conf, *HTTPS.split())
    assert found.status == status
    assert said in found.line
    assert check(director.address, conf, *HTTPS.split()).status == OK


@pytest.mark.parametrize("age", ["50", "1000000", "86400000.5"])
def test_an_older_snapshot_may_be_allowed(
    age: str, director: SimulatedDirector, conf: Path
) -> None:
    with changed(director, older(40)):
        assert check(director.address, conf, *HTTPS.split(), "--age", age).status == OK


def test_a_collector_that_is_gone_is_told(conf: Path, tmp_path: Path) -> None:
    with directors.running(tmp_path / "director") as director:
        director.serve(service(443, 1, 1))

        def gone(snapshot: Snapshot) -> None:
            raise OSError

        director.annotate = gone
        while director.snmpd.value(STATUS) != f"INTEGER: {Status.NO_COLLECTOR:d}":
            pass
        said = check(director.address, conf, *HTTPS.split())
    assert said.status == WARNING
    assert "the collector" in said.line


def test_services_that_were_never_seen_are_unknown(conf: Path, tmp_path: Path) -> None:
    collector = tmp_path / "nobody.sock"
    with snmpd.running(
        tmp_path / "snmpd", f"{AGENT} pass-persist --collector {collector}"
    ) as alone:
        said = check(alone.address, conf, *HTTPS.split())
        assert said.status == UNKNOWN
        assert "services unknown" in said.line


REFUSED: Dict[str, str] = {
    "127.0.0.1:9": "127.0.0.1:9: no answer from UDP port 9 within 4 s",
    "nosuch.invalid": "nosuch.invalid: cannot resolve this name",
    "director1:x": "not a director: 'director1:x'; write HOST, HOST:PORT or [ADDRESS]:PORT",
    "director1 lvs": "unexpected 'lvs'",
    "director1 TCP 192.0.2.10:443 -r 10.0.0.1": "name a service only;",
    "director1 -w x": "x: not a range such as 2: or 50%:",
    "director1 -c 3:2": "3:2: not a range",
    "director1 --age x": "argument --age",
    "director1 --age=-5": "not a number of seconds: -5",
    "director1 --community public": "unknown option: --community",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_can_not_be_checked_is_unknown_in_one_line(conf: Path, words: str) -> None:
    done = files.run(str(AGENT), "check", *words.split(), "--snmp-conf", str(conf))
    assert (done.returncode, done.stderr) == (UNKNOWN, "")
    assert done.stdout.startswith("LVS UNKNOWN - ")
    assert REFUSED[words] in done.stdout
    assert done.stdout.count("\n") == 1


def test_wrong_communities_and_other_agents_are_unknown(tmp_path: Path) -> None:
    file = tmp_path / "wrong.conf"
    file.write_text("defCommunity wrong\ntimeout 1\nretries 0\n")
    with snmpd.running(tmp_path / "snmpd", "/bin/false") as other:
        said = check(other.address, file)
        assert said.status == UNKNOWN
        assert "or the community is wrong" in said.line
        file.write_text("defCommunity public\n")
        said = check(other.address, file)
        assert said.status == UNKNOWN
        assert "snmpd answers, but shows no LVS-MIB" in said.line


def test_without_nagiosplugin_it_is_unknown_and_says_what_is_needed() -> None:
    """It runs Python without a virtual environment's packages, as on a director."""
    done = subprocess.run(
        ["/usr/bin/python3", "-m", "lvs_agent", "check", "director1"],
        cwd=Path(services.__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == UNKNOWN
    assert done.stdout.startswith("LVS UNKNOWN - No module named")
    assert (
        "; in a virtual environment, run pip install '.[pollers]' in a checkout, or " in done.stdout
    )
