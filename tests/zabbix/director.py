# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated director: services of every kind, which lose servers and come back.

What is lost is what a collector's own history says. Counters rise with time at constant rates.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator, List, Set
from unittest import mock

from lvs_agent.codes import Source, Status
from lvs_agent.collector import lost, remembered
from lvs_agent.collector.history import History
from lvs_agent.names import row_name
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import Director, Snapshot
from tests.support import builders, collectors, directors
from tests.support.directors import SimulatedDirector

STEPS = 10  # of directors.farm() in a second
V3 = ("createUser zabbix SHA authsecret AES privsecret", "rouser zabbix priv")
SERVER = {"active_conns": 1, "inact_conns": 2, "persist_conns": 0}
# Old snapshots expire soon. A new one for each request would make snmpd slow to answer the requests
# that have waited while it was stopped.
OPTIONS = "--expire 3 --max-age 1"


@dataclass
class Farm:
    """The services that the director has now.

    gone has the names of services and servers (TCP 192.0.2.10:80 -> 10.0.1.1:80) that are not in
    the kernel's table, quiesced those of servers with weight 0. Counters stand still while stopped
    is a time. With dead the collector sends no snapshot.
    """

    make: Callable[[int], List[VirtualService]] = directors.farm
    gone: Set[str] = field(default_factory=set)
    quiesced: Set[str] = field(default_factory=set)
    began: float = field(default_factory=time.monotonic)
    stopped: float = 0.0
    dead: bool = False

    def services(self) -> List[VirtualService]:
        """Return the services of a snapshot taken now."""
        seconds = (self.stopped or time.monotonic()) - self.began
        found = [each for each in self.make(int(seconds * STEPS)) if each.name not in self.gone]
        for service in found:
            name = service.name
            service.complete = True
            service.real_servers = [
                rs for rs in service.real_servers if row_name(name, rs.name) not in self.gone
            ]
            for rs in service.real_servers:
                if row_name(name, rs.name) in self.quiesced:
                    rs.weight = 0
        return found

    def names(self) -> Set[str]:
        """Return the names of all services and servers of a healthy farm."""
        services = {each.name for each in self.make(0)}
        return services.union(*map(self.servers, services))

    def servers(self, service: str) -> List[str]:
        """Return the names of all servers that a service has in a healthy farm."""
        (found,) = (each for each in self.make(0) if each.name == service)
        return [row_name(service, rs.name) for rs in found.real_servers]


@contextmanager
def running(folder: Path, farm: Farm) -> Iterator[SimulatedDirector]:
    """Run a director whose rows are lost as soon as they are gone, if they were seen twice."""
    history = History(None)

    def annotate(snapshot: Snapshot) -> None:
        if farm.dead:
            raise ConnectionAbortedError
        snapshot.complete = True
        snapshot.loaded = snapshot.taken - lost.SETTLE_SECONDS
        if snapshot.status != Status.OK:
            snapshot.text = "a reason"
        if snapshot.status == Status.NO_IPVS:  # as a collector reports it
            snapshot.source, snapshot.complete = Source.NONE, False
            snapshot.services, snapshot.cpus, snapshot.director = [], [], Director()
            snapshot.totals = snapshot.total_rates = None
        history.annotate(snapshot)

    with (
        mock.patch.object(remembered, "LASTING_SECONDS", 0),
        directors.running(folder, *V3, annotate=annotate, options=OPTIONS) as director,
    ):
        director.follow(farm.services)
        yield director


def many(step: int) -> List[VirtualService]:
    """Return 100 services with 10 servers each, whose counters a step raises by one of each."""
    traffic = collectors.traffic(step)
    values = {"counters": traffic, "rates": traffic}
    return [
        builders.service(
            f"192.0.2.{host}",
            443,
            *(builders.server(f"10.0.0.{n}", 8000 + host, **SERVER, **values) for n in range(10)),
            persist_timeout=0,
            **values,
        )
        for host in range(1, 101)
    ]
