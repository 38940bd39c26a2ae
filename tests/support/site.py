# SPDX-License-Identifier: GPL-3.0-or-later
"""A director during a fault, as its users see it: snmpd, the agent, a simulated kernel.

The site checks what holds during every fault: each walk is complete and in order, no counter goes
back, and snmpd answers other requests within a second (watch).
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Set, Tuple

from lvs_agent.codes import Status
from lvs_agent.collector.history import History
from lvs_agent.collector.server import Collector
from tests.support import collectors, lvsmib, snmpd
from tests.support.lvsmib import BASE, COUNTERS, COUNTERS_2001, RATES, RATES_2001, TABLE_OF, place
from tests.support.made_kernel import MadeKernel, server_address, service_address
from tests.support.paths import CHECKOUT, DATA
from tests.support.snmpd import AGENT, Snmpd
from tests.support.watch import children, watched

GOLDEN = DATA / "walks"
STATUS, TEXT = place("lvsAgentStatus", 0), place("lvsAgentStatusText", 0)
END = place("lvsAgentErrors", 0)
AGENT_GROUP = STATUS[:1]  # the scalars lvsAgent...
LIMIT = 200.0  # seconds

Oid = Tuple[int, ...]
Oids = Set[Oid]

# rows of the golden walk's director with the same columns as the simulated kernel's, by table
GOLDEN_SERVICE: Oid = (1, 4, 10, 2, 0, 1, 6, 80)
GOLDEN_SERVER: Oid = (*GOLDEN_SERVICE, 1, 4, 10, 1, 1, 21, 80)
GOLDEN_NUMBER: Oid = (2,)
GOLDEN_NUMBERS: Oid = (2, 1)
ROWS = {
    "lvsServiceTable": GOLDEN_NUMBER,
    "lvsRealTable": GOLDEN_NUMBERS,
    "lvsVsTable": GOLDEN_SERVICE,
    "lvsRsTable": GOLDEN_SERVER,
    "lvsVipTable": GOLDEN_SERVICE[:6],
    "lvsRipTable": GOLDEN_SERVER[8:14],
}
ADDRESSED = ("lvsVs", "lvsRs", "lvsVip", "lvsRip")
# counters and rates of services and real servers
LOST = {
    *("lvsVsRealServersLost", "lvsAgentLostServices", "lvsAgentLostRealServers"),
    *("lvsVipServicesLost", "lvsRipLost"),
}
COUNTED = {
    *(f"{table}{each}" for table in ("lvsService", "lvsReal") for each in COUNTERS_2001),
    *(f"{table}{each}" for table in ("lvsService", "lvsReal") for each in RATES_2001),
    *(f"{table}{each}" for table in ADDRESSED for each in COUNTERS + RATES),
}
# objects without instances under expired(6): measured values, and weights
MEASURED = {
    *COUNTED,
    *LOST,
    *(f"lvsTotal{each}" for each in COUNTERS + RATES),
    *(f"lvsCpu{each}" for each in COUNTERS),
    *("lvsRealServerWeight", "lvsVsRealServersUp", "lvsVsWeight", "lvsRsWeight", "lvsRsUp"),
    *("lvsVipServicesUp", "lvsRipUp"),
    *(f"{table}{each}Conns" for table in ADDRESSED for each in ("Active", "Inact", "Persist")),
    *(f"{table}DiscontinuityTime" for table in ADDRESSED),
    *("lvsRsLastChange", "lvsRsStateAge"),
}


class Walk(NamedTuple):
    """A walk of the agent: values as net-snmp prints them, by OID below BASE."""

    values: Dict[Oid, str]

    @property
    def oids(self) -> Oids:
        return set(self.values)

    @property
    def status(self) -> Status:
        return Status(int(self.values[STATUS].partition(": ")[2]))

    @property
    def text(self) -> str:
        return self.values[TEXT]


class Site:
    """The agent's walks, and the highest value of each counter so far."""

    def __init__(self, agent: Snmpd, path: Path) -> None:
        self.agent = agent
        self.path = path
        self._highest: Dict[Oid, int] = {}

    def walk(self) -> Walk:
        """Walk everything; the walk must be complete, in order, and without a counter that fell."""
        walk = self.walk_below(())
        assert END in walk.oids, f"the walk ends with {max(walk.oids, default=())}"
        return walk

    def walk_below(self, oid: Oid) -> Walk:
        """Walk below an OID, with the same checks except for completeness."""
        lines = self.agent.walk(".".join([BASE, *map(str, oid)]))
        said = ("No more variables", "No Such Object", "No Such Instance")
        found = [_parsed(line) for line in lines if not any(words in line for words in said)]
        oids = [oid for oid, _value in found]
        assert oids == sorted(set(oids)), "not in order"
        for oid, value in found:
            kind, _, number = value.partition(": ")
            if kind.startswith("Counter"):
                assert int(number) >= self._highest.get(oid, 0), f"{oid} went back to {number}"
                self._highest[oid] = int(number)
        return Walk(dict(found))

    def until(self, status: Status, expected: Oids, says: str = "") -> Walk:
        """Walk until the status, its text (which includes says) and the OIDs are as expected."""
        end = time.monotonic() + LIMIT
        walk = self.walk()
        while (walk.status, walk.oids) != (status, expected) or says not in walk.text:
            assert time.monotonic() < end, (
                f"still {walk.status!r}, {walk.text}; {_difference(expected, walk.oids)}"
            )
            walk = self.walk()
        return walk


@contextmanager
def site(folder: Path, *options: str) -> Iterator[Site]:
    """Run snmpd with an agent whose collector would be at folder/collector.sock, and watch it."""
    path = folder / "collector.sock"
    with (
        snmpd.running(folder / "snmpd", command(path, *options)) as agent,
        watched(agent),
    ):
        yield Site(agent, path)


def command(path: Path, *options: str) -> str:
    """Return the command that snmpd runs: an agent that fetches snapshots as often as it can."""
    log = path.with_name("agent.log")
    words = [AGENT, "pass-persist", "--max-age", 0, "--log", log, "--collector", path, *options]
    return " ".join(map(str, words))


@contextmanager
def collector(path: Path, *options: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a collector of a simulated kernel as a process (made_kernel) that listens at path."""
    words = [sys.executable, "-m", "tests.support.made_kernel", path, *options]
    process = subprocess.Popen([str(word) for word in words], cwd=CHECKOUT)
    try:
        while not path.is_socket() or not _listens(path):
            assert process.poll() is None, f"no collector: {shlex.join(map(str, words))}"
        yield process
    finally:
        process.kill()
        process.wait(timeout=20)


@contextmanager
def collector_of(
    path: Path,
    kernel: MadeKernel,
    folder: Path | None = None,
    alter: Callable[[bytes], bytes] = bytes,
) -> Iterator[Collector]:
    """Run a collector in this process that listens at path; a test may change its kernel."""
    one = Collector(kernel, History(folder))

    def answer(connection: collectors.Connection) -> None:
        connection.sendall(alter(one.snapshot()))
        one.served()

    try:
        with collectors.at(path, answer):
            yield one
    finally:
        one.close()


def expected(services: Iterable[int] = (1, 2, 3), servers: int = 2) -> Oids:
    """Return every OID of a walk of a simulated kernel, whose services have their own numbers.

    The columns are those of the golden walk of a recorded director.
    """
    golden = [lvsmib.split(oid) for oid in _golden("small")]
    found = {place(name, *at) for name, at in golden if TABLE_OF.get(name) not in ROWS}
    columns: Dict[str, Set[str]] = {table: set() for table in ROWS}
    for name, at in golden:
        table = TABLE_OF.get(name, "")
        if at == ROWS.get(table):
            columns[table].add(name)
    for service in services:
        index = (1, 4, *service_address(service), 6, 80)
        found.update(place(name, service) for name in columns["lvsServiceTable"])
        found.update(place(name, *index) for name in columns["lvsVsTable"])
        found.update(place(name, *index[:6]) for name in columns["lvsVipTable"])
        for server in range(1, servers + 1):
            found.update(place(name, service, server) for name in columns["lvsRealTable"])
            row = (*index, 1, 4, *server_address(server), 80)
            found.update(place(name, *row) for name in columns["lvsRsTable"])
            found.update(place(name, *row[8:14]) for name in columns["lvsRipTable"])
    return found


def expired(whole: Oids) -> Oids:
    """Return the OIDs that are left under expired(6)."""
    return {oid for oid in whole if lvsmib.split(oid)[0] not in MEASURED}


def empty(status: Status) -> Oids:
    """Return the OIDs without any snapshot; with NO_IPVS, where the kernel has no IPVS."""
    if status == Status.NO_IPVS:
        return _golden("absent")
    return {oid for oid in _golden("absent") if lvsmib.split(oid)[0].startswith("lvsAgent")}


def descendants(pid: int) -> List[int]:
    """Return the pids of a process's children, their children, and so on."""
    found = children(pid)
    return found + [each for child in found for each in descendants(child)]


def open_files(pid: int) -> int:
    """Return the number of a process's open file descriptors."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident(pid: int, field: str = "VmRSS") -> int:
    """Return a process's resident memory in KiB; with VmHWM, the most it has had."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


def _golden(director: str) -> Oids:
    """Return the OIDs of the golden walk of a recorded director."""
    return {_parsed(line)[0] for line in (GOLDEN / director).read_text().splitlines()}


def _parsed(line: str) -> Tuple[Oid, str]:
    oid, _, value = line.partition(" = ")
    assert oid.startswith(f"{BASE}."), line
    return snmpd.numbers(oid[len(BASE) :]), value


def _listens(path: Path) -> bool:
    return f"{path}\n" in Path("/proc/net/unix").read_text()


def _difference(expected: Oids, found: Oids) -> str:
    return f"lacks {sorted(expected - found)[:5]}, has {sorted(found - expected)[:5]}"
