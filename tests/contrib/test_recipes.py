# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipes: scripts on net-snmp's tools, SNMPv3, and traps to a real snmptrapd."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import pytest

from lvs_agent.codes import Status
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import LostRow, Snapshot
from tests.support import builders, directors, files
from tests.support.directors import SimulatedDirector
from tests.support.lvsmib import BASE, oid
from tests.support.paths import CONTRIB

RECIPES = CONTRIB / "recipes"
V3 = (RECIPES / "snmpv3-director.conf").read_text()
SYSTEM, INTERFACES, SOFTIRQ = ".1.3.6.1.2.1.1", ".1.3.6.1.2.1.2", ".1.3.6.1.4.1.2021.11.61"

# Replaces this machine's softirqs by those of two busy CPUs. Not with "pass": snmpd caches that.
BUSY = """#!/bin/sh
while read -r command; do
    if [ "$command" = PING ]; then
        echo PONG
    else
        read -r _
        printf '%s\\n' {oid}.0 counter $(($(date +%s%2N) * 2 % 4294967296))
    fi
done
"""


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    folder = tmp_path_factory.mktemp("director")
    busy = folder / "busy"
    busy.write_text(BUSY.format(oid=SOFTIRQ))
    busy.chmod(0o755)
    hidden = f"view lvsalone included {BASE}\nrocommunity lvsalone 127.0.0.1 -V lvsalone"
    with directors.running(folder, V3, hidden, f"pass_persist -p 10 {SOFTIRQ}.0 {busy}") as running:
        running.serve(*directors.farm())
        yield running


class Poller:
    """net-snmp's tools with a snmp.conf, so that no secret is on a command line."""

    def __init__(self, folder: Path, config: str) -> None:
        (folder / "snmp.conf").write_text(config)
        self._environment = {
            "MIBS": "",
            "SNMPCONFPATH": str(folder),
            "SNMP_PERSISTENT_DIR": str(folder / "persistent"),
        }
        (folder / "persistent" / "cert_indexes").mkdir(parents=True)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return files.run(*command, **self._environment)

    def recipe(self, file: str, replaced: Dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run the command in a recipe's comment."""
        program, *arguments = files.command(f"recipes/{file}", file, replaced)
        return self.run(str(RECIPES / program), *arguments)


@pytest.fixture
def poller(tmp_path: Path) -> Poller:
    return Poller(tmp_path, (RECIPES / "snmpv3-poller.conf").read_text())


def test_the_rate_of_a_vip_is_that_of_all_its_ports(
    director: SimulatedDirector, poller: Poller
) -> None:
    done = poller.recipe("vip-rate", {"director1": director.address})
    # the sums of the farm's first and second service
    assert done.stdout == f"in {(1 + 2) * 1000 * 8} out {(1 + 2) * 2000 * 8} bit/s\n"
    assert done.stderr == ""


def test_the_rate_of_a_vip_with_ipv6(director: SimulatedDirector, poller: Poller) -> None:
    prefix = "2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.16"
    done = poller.recipe("vip-rate", {"director1": director.address, "1.4.192.0.2.10": prefix})
    assert done.stdout == f"in {5 * 1000 * 8} out {5 * 2000 * 8} bit/s\n"


@pytest.mark.parametrize("prefix", ["1.4.192.0.2.1", "1.4.192.0.2.10.17"])
def test_a_vip_that_is_not_there_has_no_rate(
    director: SimulatedDirector, poller: Poller, prefix: str
) -> None:
    done = poller.recipe("vip-rate", {"director1": director.address, "1.4.192.0.2.10": prefix})
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"vip-rate: {director.address} has no rates of {prefix}\n"


def test_the_load_of_a_director_beside_its_traffic(
    director: SimulatedDirector, poller: Poller
) -> None:
    began = time.monotonic()
    director.follow(lambda: directors.farm(int((time.monotonic() - began) * 1000)))
    done = poller.recipe("director-load", {"director1 60": f"{director.address} 2 1"})
    director.serve(*directors.farm())
    heading, line = done.stdout.splitlines()
    assert heading.split() == ["softirq", "connections/s", "packets/s", "Mbit/s"]
    found = [float(number) for number in line.replace("CPU", "").split()]
    services = 1 + 2 + 3 + 4 + 5
    bits = services * (300_000 + 600_000) * 1000 * 8 / 1e6
    expected = [2, services * 300 * 1000, services * 2 * 3000 * 1000, bits]
    assert found == pytest.approx(expected, rel=0.05)


def test_a_director_whose_cpus_are_hidden_is_said_so(
    director: SimulatedDirector, tmp_path: Path
) -> None:
    poller = Poller(tmp_path, "defVersion 2c\ndefCommunity lvsalone\n")
    done = poller.recipe("director-load", {"director1 60": director.address})
    assert done.returncode == 3
    expected = (
        f"director-load: {director.address} does not show its CPUs and the totals of LVS-MIB\n"
    )
    assert done.stderr == expected


def test_snmpv3_shows_the_mib_and_little_else(director: SimulatedDirector, poller: Poller) -> None:
    for part, seen in ((BASE, True), (SYSTEM, True), (SOFTIRQ, True), (INTERFACES, False)):
        done = poller.run("snmpbulkwalk", "-On", director.address, part)
        assert ("No Such Object" not in done.stdout) == seen, part
    in_clear = director.snmpd.walk(f"{BASE}.21")
    done = poller.run("snmpbulkwalk", "-On", "-Cr50", director.address, f"{BASE}.21")
    assert done.stdout.splitlines() == in_clear


@pytest.mark.parametrize(
    ("ours", "theirs", "refusal"),
    [
        ("authPriv", "authNoPriv", "authorizationError"),
        ("a secret for signing", "another secret", "Authentication failure"),
        ("a secret for encryption", "another secret", "No Response"),
        ("defSecurityName   lvs", "defSecurityName somebody", "Unknown user name"),
    ],
)
def test_snmpv3_refuses_who_does_not_encrypt_or_know_the_secrets(
    director: SimulatedDirector, tmp_path: Path, ours: str, theirs: str, refusal: str
) -> None:
    config = (RECIPES / "snmpv3-poller.conf").read_text()
    poller = Poller(tmp_path, files.put(config, {ours: theirs}))
    done = poller.run("snmpget", "-t", "1", "-r", "0", director.address, oid("lvsNumServices", 0))
    assert refusal in done.stdout + done.stderr
    assert "INTEGER" not in done.stdout


class Manager:
    """A snmptrapd and the traps it has received."""

    def __init__(self, log: Path, running: subprocess.Popen[bytes]) -> None:
        self._log = log
        self._running = running

    def received(self) -> Counter[Tuple[str, ...]]:
        """Return the texts of each trap of a monitor line: its name, and the name of a row."""
        traps = re.findall(r"^.*88\.2\.1\.1\.0 = .*$", self._log.read_text(), re.MULTILINE)
        return Counter(tuple(re.findall(r'STRING: "(.*?)"', trap)) for trap in traps)

    def wait(self, traps: Counter[Tuple[str, ...]]) -> None:
        """Wait until these traps have arrived."""
        while not traps <= self.received():
            assert self._running.poll() is None


@contextmanager
def manager(folder: Path, port: int) -> Iterator[Manager]:
    config, log = folder / "snmptrapd.conf", folder / "traps"
    config.write_text("authCommunity log public\n")
    command = ["snmptrapd", "-f", "-C", "-c", str(config), "-On", "-Lf", str(log)]
    environment = {
        **os.environ,
        "MIBS": "",
        "SNMPCONFPATH": str(folder),
        "SNMP_PERSISTENT_DIR": str(folder / "persistent"),
    }
    with subprocess.Popen([*command, f"udp:127.0.0.1:{port}"], env=environment) as running:
        try:
            while not log.exists() or "NET-SNMP version" not in log.read_text():
                assert running.poll() is None
            yield Manager(log, running)
        finally:
            running.terminate()


@contextmanager
def monitored(
    folder: Path, replaced: Dict[str, str], annotate: Optional[Callable[[Snapshot], None]] = None
) -> Iterator[Tuple[SimulatedDirector, Manager]]:
    """Run a director that monitors itself every second, and a snmptrapd for its traps."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    replaced = {"manager public": f"127.0.0.1:{port}", "-r 60": "-r 1", **replaced}
    lines = files.put((RECIPES / "traps.conf").read_text(), replaced)
    with (
        manager(folder, port) as traps,
        directors.running(folder / "a", lines, annotate=annotate) as director,
    ):
        yield director, traps


def serving(port: int, *weights: int, lost: int = 0) -> VirtualService:
    """Return a service at a port with servers of these weights."""
    servers = [builders.server(f"192.168.0.{n}", weight=each) for n, each in enumerate(weights)]
    return builders.service("192.0.2.10", port, *servers, lost=lost)


WEB, TLS, OLD = "TCP 192.0.2.10:80", "TCP 192.0.2.10:443", "TCP 192.0.2.99:443"


def test_a_trap_comes_when_a_service_has_no_real_server(tmp_path: Path) -> None:
    with monitored(tmp_path, {}) as (director, traps):
        director.serve(serving(80, 1), serving(443, 0))
        traps.wait(Counter([("no real server", TLS)]))
        director.serve(serving(80, 0), serving(443, 1))
        traps.wait(Counter([("no real server", WEB)]))


def test_each_trap_of_the_recipe_comes_once(tmp_path: Path) -> None:
    gone: List[str] = []

    def annotate(snapshot: Snapshot) -> None:
        snapshot.lost = [LostRow(name, "", None, time.time()) for name in gone]
        snapshot.lost_services = len(gone)
        snapshot.text = "a reason" if snapshot.status == Status.DEGRADED else ""

    # snmpd's first check may come before or after serve(), so remove -S
    with monitored(tmp_path, {" -S ": " "}, annotate) as (director, traps):
        expected: Counter[Tuple[str, ...]] = Counter()

        def step(*due: Tuple[str, ...], of: Sequence[VirtualService], lost: Sequence[str]) -> None:
            gone[:] = lost
            director.serve(*of)
            expected.update(due)
            traps.wait(expected)

        both = [serving(80, 1, 1), serving(443, 1)]
        up = [("real servers again", WEB), ("complete again", WEB)]
        other_up = [("real servers again", TLS), ("complete again", TLS)]
        step(*up, *other_up, ("no service lost",), ("agent ok again",), of=both, lost=[])
        # keepalived removes failed servers, or sets their weights to 0
        down = [serving(80, 0, lost=1), serving(443, 1)]
        step(("no real server", WEB), ("real servers lost", WEB), of=down, lost=[])
        step(*up, of=both, lost=[])
        step(("service lost", WEB), of=both[1:], lost=[WEB])
        step(("service lost", OLD), of=both[1:], lost=[WEB, OLD])
        step(*up, ("no service lost",), of=both, lost=[])
        director.status = Status.DEGRADED
        step(("agent not ok", "a reason"), of=both, lost=[])
        director.status = Status.OK
        step(("agent ok again",), of=both, lost=[])
        assert traps.received() == expected
