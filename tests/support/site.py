# SPDX-License-Identifier: GPL-3.0-or-later
"""A director as its users see it while something is wrong: snmpd, the agent, a made kernel.

Whatever a test does to it, the site watches over what holds in every fault: each walk is in order
and whole, no counter goes back, and snmpd answers others within a second (watch).
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
LIMIT = 40.0

Oid = Tuple[int, ...]
Oids = Set[Oid]

# rows of the golden walk's director that are like those of a made kernel, and their numbers there
GOLDEN_SERVICE: Oid = (1, 4, 10, 2, 0, 1, 6, 80)
GOLDEN_SERVER: Oid = (*GOLDEN_SERVICE, 1, 4, 10, 1, 1, 21, 80)
GOLDEN_NUMBER: Oid = (2,)
GOLDEN_NUMBERS: Oid = (2, 1)
ROWS = {
    "lvsServiceTable": GOLDEN_NUMBER,
    "lvsRealTable": GOLDEN_NUMBERS,
    "lvsVsTable": GOLDEN_SERVICE,
    "lvsRsTable": GOLDEN_SERVER,
}
# counters and rates of services and real servers
COUNTED = {
    *(f"{table}{each}" for table in ("lvsService", "lvsReal") for each in COUNTERS_2001),
    *(f"{table}{each}" for table in ("lvsService", "lvsReal") for each in RATES_2001),
    *(f"{table}{each}" for table in ("lvsVs", "lvsRs") for each in COUNTERS + RATES),
}
# what has no instances under expired(6): what is measured, and weights
MEASURED = {
    *COUNTED,
    *(f"lvsTotal{each}" for each in COUNTERS + RATES),
    *(f"lvsCpu{each}" for each in COUNTERS),
    *("lvsRealServerWeight", "lvsVsRealServersUp", "lvsVsWeight", "lvsRsWeight"),
    *("lvsVsActiveConns", "lvsVsInactConns", "lvsVsPersistConns", "lvsVsDiscontinuityTime"),
    *("lvsRsActiveConns", "lvsRsInactConns", "lvsRsPersistConns", "lvsRsDiscontinuityTime"),
}


class Walk(NamedTuple):
    """All that the agent served: values as net-snmp prints them, by OID below the base."""

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
    """What stands between a made kernel and a user, and what the user has seen so far."""

    def __init__(self, agent: Snmpd, path: Path) -> None:
        self.agent = agent
        self.path = path
        self._highest: Dict[Oid, int] = {}

    def walk(self) -> Walk:
        """One walk; it must be in order, have its end, and show no counter lower than before."""
        walk = self.walk_below(())
        assert END in walk.oids, f"the walk ends with {max(walk.oids, default=())}"
        return walk

    def walk_below(self, oid: Oid) -> Walk:
        """The same of a part of what there is."""
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
        """Walk until a status is there and a walk has exactly what is expected."""
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
    """snmpd with an agent that looks for its collector at path, watched over."""
    path = folder / "collector.sock"
    with (
        snmpd.running(folder / "snmpd", command(path, *options)) as agent,
        watched(agent),
    ):
        yield Site(agent, path)


def command(path: Path, *options: str) -> str:
    """What snmpd runs: an agent that fetches a new snapshot as often as it can."""
    log = path.with_name("agent.log")
    words = [AGENT, "pass-persist", "--max-age", 0, "--log", log, "--collector", path, *options]
    return " ".join(map(str, words))


@contextmanager
def collector(path: Path, *options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A collector of a made kernel, as a process (made_kernel), that listens at path."""
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
    """A collector in this process, that listens at path: a test may alter its kernel meanwhile."""
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
    """Every OID that a walk of such a made kernel has, if each service has the number it has there.

    Which columns there are is what the golden walk of a recorded director has.
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
        for server in range(1, servers + 1):
            found.update(place(name, service, server) for name in columns["lvsRealTable"])
            row = (*index, 1, 4, *server_address(server), 80)
            found.update(place(name, *row) for name in columns["lvsRsTable"])
    return found


def expired(whole: Oids) -> Oids:
    """What of it is left under expired(6)."""
    return {oid for oid in whole if lvsmib.split(oid)[0] not in MEASURED}


def empty(status: Status) -> Oids:
    """What there is without any snapshot, and where the kernel has no IPVS."""
    if status == Status.NO_IPVS:
        return _golden("absent")
    return {oid for oid in _golden("absent") if lvsmib.split(oid)[0].startswith("lvsAgent")}


def descendants(pid: int) -> List[int]:
    """Its children, and theirs."""
    found = children(pid)
    return found + [each for child in found for each in descendants(child)]


def open_files(pid: int) -> int:
    """How many file descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident(pid: int, field: str = "VmRSS") -> int:
    """KiB of memory that a process has resident; VmHWM: has had at the most."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


def _golden(director: str) -> Oids:
    """The OIDs of the golden walk of a recorded director."""
    return {_parsed(line)[0] for line in (GOLDEN / director).read_text().splitlines()}


def _parsed(line: str) -> Tuple[Oid, str]:
    oid, _, value = line.partition(" = ")
    assert oid.startswith(f"{BASE}."), line
    return snmpd.numbers(oid[len(BASE) :]), value


def _listens(path: Path) -> bool:
    return f"{path}\n" in Path("/proc/net/unix").read_text()


def _difference(expected: Oids, found: Oids) -> str:
    return f"lacks {sorted(expected - found)[:5]}, has {sorted(found - expected)[:5]}"
