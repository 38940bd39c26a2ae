# SPDX-License-Identifier: GPL-3.0-or-later
"""Directors for pollers: the real agent behind a private snmpd, with services that a test changes.

A test calls serve() with the services of the simulated kernel; the agent fetches them over a
collector's socket. The collector's own history numbers the rows and adds counter offsets.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterable, Iterator, List, Optional, Sequence

from lvs_agent.boundary import wire
from lvs_agent.codes import Family, IpProtocol, Status
from lvs_agent.collector.history import History
from lvs_agent.services import RealServer, Traffic, VirtualService
from lvs_agent.snapshot import Cpu, Director, Snapshot
from tests.support import builders, collectors, snmpd
from tests.support.lvsmib import oid
from tests.support.snmpd import AGENT, Snmpd

GENERATION = oid("lvsAgentErrors", 0)  # no test that uses this module needs it otherwise

Services = Sequence[VirtualService]


@dataclass
class SimulatedDirector:
    """A director and its snmpd; annotate numbers its rows, aliases is its file of aliases.

    status is the status of the snapshots that serve() causes.
    """

    annotate: Callable[[Snapshot], None]
    aliases: Path
    snmpd: Snmpd = field(init=False)
    status: Status = Status.OK
    _services: Callable[[], Services] = field(default=lambda: [])
    _generation: int = 0

    @property
    def address(self) -> str:
        """The snmpd's HOST:PORT."""
        return self.snmpd.address

    @property
    def port(self) -> int:
        """The snmpd's UDP port."""
        return int(self.address.rpartition(":")[2])

    def serve(self, *services: VirtualService) -> None:
        """Serve these services from now on; return when snmpd answers with them."""
        self.follow(lambda: services)

    def follow(self, services: Callable[[], Services]) -> None:
        """Serve what services() returns for each snapshot, so that counters change with time."""
        self._services = services
        self._generation += 1
        wanted = f"Counter32: {self._generation}"
        while self.snmpd.value(GENERATION) != wanted:
            pass

    def answer(self, connection: socket.socket) -> None:
        """Send one snapshot, as a collector does."""
        snapshot = collectors.snapshot(*self._services())
        snapshot.errors = self._generation
        snapshot.status = self.status
        snapshot.totals = _sum(each.counters for each in snapshot.services)
        snapshot.total_rates = _sum(each.rates for each in snapshot.services)
        snapshot.cpus = [Cpu(0, snapshot.totals)]
        snapshot.director = Director("1.2.1", 4096, 900, 120, 300, True, 0, 0, 0)
        self.annotate(snapshot)
        connection.sendall(b"".join(wire.encode(snapshot)))


@contextmanager
def running(
    folder: Path,
    *lines: str,
    annotate: Optional[Callable[[Snapshot], None]] = None,
    options: str = "",
) -> Iterator[SimulatedDirector]:
    """Run a director without services; lines are added to its snmpd.conf, options to the agent's.

    Each request takes a new snapshot, so the next query sees what serve() was given. Rows are
    numbered by a collector's history, unless annotate numbers them.
    """
    folder.mkdir(exist_ok=True)
    path = folder / "collector.sock"
    director = SimulatedDirector(annotate or History(None).annotate, folder / "aliases")
    usual = f"--collector {path} --aliases {director.aliases} --max-age 0"
    agent = f"{AGENT} pass-persist {usual} {options}"
    # the collector first: an snmpd with monitor lines asks at once
    with (
        collectors.at(path, director.answer),
        snmpd.running(folder / "snmpd", agent, *lines) as director.snmpd,
    ):
        yield director


def after_history(change: Callable[[Snapshot], None]) -> Callable[[Snapshot], None]:
    """Return an annotate() for running() that changes snapshots after a collector's history."""
    history = History(None)

    def annotate(snapshot: Snapshot) -> None:
        history.annotate(snapshot)
        change(snapshot)

    return annotate


def counted(in_bytes: int, out_bytes: int = 0, conns: int = 0, packets: int = 0) -> Traffic:
    """Return counters or rates with the same number of packets in and out."""
    return Traffic(conns, packets, packets, in_bytes, out_bytes)


def farm(step: int = 0) -> List[VirtualService]:
    """Return five services of every kind, each with two real servers; all counters differ.

    Each step adds to the service at place N (from 1): N * 300,000 bytes in, N * 600,000 bytes out,
    N * 300 connections and N * 3000 packets.
    """
    kinds: List[Callable[..., VirtualService]] = [
        lambda *rs, **values: builders.service("192.0.2.10", 80, *rs, **values),
        lambda *rs, **values: builders.service("192.0.2.10", 443, *rs, **values),
        lambda *rs, **values: builders.service(
            "192.0.2.53", 53, *rs, protocol=IpProtocol.UDP, **values
        ),
        lambda *rs, **values: builders.fwmark(5, *rs, **values),
        lambda *rs, **values: builders.service(
            "2001:db8::10", 443, *rs, family=Family.INET6, **values
        ),
    ]
    every = enumerate(kinds, 1)
    return [kind(*_pair(place, step), **_values(place, step)) for place, kind in every]


def _sum(traffic: Iterable[Optional[Traffic]]) -> Traffic:
    rows = [each for each in traffic if each is not None]
    return Traffic(*(sum(column) for column in zip(*rows))) if rows else counted(0)


def _values(place: int, step: int) -> dict[str, object]:
    return {
        "persist_timeout": 0,
        "netmask": "128" if place == 5 else "255.255.255.255",
        "persistence_engine": "",
        "counters": _counters(place, step),
        "rates": counted(place * 1000, place * 2000, place, place * 10),
    }


def _counters(place: int, step: int) -> Traffic:
    return counted(
        place * (2**40 + step * 300_000),
        place * (2**41 + step * 600_000),
        place * (10**6 + step * 300),
        place * (10**7 + step * 3000),
    )


def _pair(place: int, step: int) -> List[RealServer]:
    """Return servers of weight 1 and 2, with 10 * place and one more active connections,
    and 20 * place and one more inactive connections.
    """
    return [
        builders.server(
            f"10.0.{place}.{host}" if place < 5 else f"2001:db8:1::{host}",
            80,
            weight=host,
            upper_threshold=0,
            lower_threshold=0,
            active_conns=10 * place + host - 1,
            inact_conns=20 * place + host - 1,
            persist_conns=0,
            counters=_counters(place, step),
            rates=counted(place * 1000, place * 2000, place, place * 10),
            tunnel_type=0,
            tunnel_port=0,
            tunnel_flags=0,
        )
        for host in (1, 2)
    ]
