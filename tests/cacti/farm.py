# SPDX-License-Identifier: GPL-3.0-or-later
"""The director of the test: five services with rates that differ threefold, and what Cacti is to
show of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Tuple

from lvs_agent.codes import Family, IpProtocol
from lvs_agent.collector.history import History
from lvs_agent.snapshot import RealServer, Snapshot, Traffic, VirtualService
from tests.support import builders

Make = Callable[..., VirtualService]
Values = Dict[str, float]

# the names of counters in round-robin files, where they are per second; other values are as is
COUNTED = {"conns", "in_pkts", "out_pkts", "in_bytes", "out_bytes"}

# ports are all different: the data query by number has nothing else to tell services apart with
KINDS: List[Make] = [
    lambda *rs, **values: builders.service("192.0.2.10", 80, *rs, **values),
    lambda *rs, **values: builders.service("192.0.2.10", 443, *rs, **values),
    lambda *rs, **values: builders.service(
        "192.0.2.53", 53, *rs, protocol=IpProtocol.UDP, **values
    ),
    lambda *rs, **values: builders.fwmark(5, *rs, **values),
    lambda *rs, **values: builders.service(
        "2001:db8::10", 8443, *rs, family=Family.INET6, **values
    ),
]
BEGAN = 2**40  # where counters are at first: what takes them for 32 bits shows


@dataclass
class Clock:
    """The time of the director, in seconds. It moves between two polls only, so that what Cacti
    gets does not depend on when within a second it asks.
    """

    seconds: int = 0


@dataclass
class Service:
    """A service with constant rates; its counters are the kernel's, from since on."""

    place: int
    make: Make
    clock: Clock
    began: int = BEGAN
    since: int = 0

    @property
    def name(self) -> str:
        """As ipvsadm prints it."""
        return self.make().name

    @property
    def rates(self) -> Traffic:
        """Per second; divisible by three, for its servers."""
        times = 3**self.place
        return Traffic(times, 10 * times, 20 * times, 1000 * times, 2500 * times)

    def now(self) -> VirtualService:
        """The record of this moment."""
        seconds = self.clock.seconds - self.since
        servers = [self._server(host, share, seconds) for host, share in ((1, 1), (2, 2))]
        return self.make(
            *servers,
            persist_timeout=0,
            netmask="128" if self.place == 5 else "255.255.255.255",
            persistence_engine="",
            counters=self._counters(3, seconds),
            rates=self.rates,
        )

    @property
    def port(self) -> int:
        """Its lvsServicePort: -1 for a mark."""
        return -1 if self.make().protocol == IpProtocol.FWMARK else self.make().port

    def servers(self) -> List[str]:
        """The names of its servers, the first with a third of the traffic, the other with two."""
        return [server.name for server in self.now().real_servers]

    def zero(self) -> None:
        """All its counters begin anew, as by ipvsadm -Z, or when it is deleted and added again."""
        self.began, self.since = 0, self.clock.seconds

    def _server(self, host: int, share: int, seconds: int) -> RealServer:
        address = f"10.0.{self.place}.{host}" if self.place < 5 else f"2001:db8:1::{host}"
        return builders.server(
            address,
            8080,
            weight=host - 1,  # the first is not up
            upper_threshold=0,
            lower_threshold=0,
            active_conns=100 * self.place + host,
            inact_conns=200 * self.place + host,
            persist_conns=0,
            counters=self._counters(share, seconds),
            rates=self._share(share),
            tunnel_type=0,
            tunnel_port=0,
            tunnel_flags=0,
        )

    def _share(self, thirds: int) -> Traffic:
        return Traffic(*(rate * thirds // 3 for rate in self.rates))

    def _counters(self, thirds: int, seconds: int) -> Traffic:
        return Traffic(*(self.began + rate * seconds for rate in self._share(thirds)))


def services(clock: Clock) -> List[Service]:
    """The five."""
    return [Service(place, make, clock) for place, make in enumerate(KINDS, 1)]


def numbered_by_sort() -> Callable[[Snapshot], None]:
    """What a collector adds to a snapshot, with row numbers as the module of 2001 gave them: by
    place in the table, so that all after a deleted row get another. Only the tables of 2001 have
    these numbers as their index.
    """
    history = History(None)

    def annotate(snapshot: Snapshot) -> None:
        history.annotate(snapshot)
        for number, service in enumerate(sorted(snapshot.services, key=lambda each: each.key), 1):
            service.number = number

    return annotate


def graphs_of(service: Service) -> Dict[str, Values]:
    """What Cacti is to have of a service and its servers: data sources' titles with their values,
    per second for counters.
    """
    head = f"director - {service.name}"
    place, rates = service.place, service.rates
    graphs: Dict[str, Values] = {
        f"{head} - Traffic": {"in_bytes": rates.in_bytes, "out_bytes": rates.out_bytes},
        f"{head} - Packets": {"in_pkts": rates.in_pkts, "out_pkts": rates.out_pkts},
        f"{head} - New Connections": {"conns": rates.conns},
        f"{head} - Connections": {"active_conns": 200 * place + 3, "inact_conns": 400 * place + 3},
        f"{head} - Real Servers": {"real_servers_up": 1, "real_servers": 2},
    }
    for host, name in enumerate(service.servers(), 1):
        its = f"{head} - Server {name}"
        graphs[f"{its} - Traffic"] = {
            "in_bytes": rates.in_bytes * host / 3,
            "out_bytes": rates.out_bytes * host / 3,
        }
        graphs[f"{its} - New Connections"] = {"conns": rates.conns * host / 3}
        graphs[f"{its} - Connections"] = {
            "active_conns": 100 * place + host,
            "inact_conns": 200 * place + host,
        }
        graphs[f"{its} - Weight"] = {"weight": host - 1}
    return graphs


def graphs_of_all(every: List[Service]) -> Dict[str, Values]:
    """The same of the whole director."""
    sums: Tuple[float, ...] = tuple(sum(column) for column in zip(*(each.rates for each in every)))
    conns, in_pkts, out_pkts, in_bytes, out_bytes = sums
    head = "director - LVS Director"
    return {
        f"{head} - Traffic: From clients": {"in_bytes": in_bytes},
        f"{head} - Traffic: To clients": {"out_bytes": out_bytes},
        f"{head} - Packets: From clients": {"in_pkts": in_pkts},
        f"{head} - Packets: To clients": {"out_pkts": out_pkts},
        f"{head} - New Connections": {"conns": conns},
    }
