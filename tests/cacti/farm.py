# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated director: five services, each with three times the rates of the one before.

The module also says which values Cacti's graphs must have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Sequence, Tuple

from lvs_agent.codes import Family, IpProtocol
from lvs_agent.collector.history import History
from lvs_agent.services import RealServer, Traffic, VirtualService
from lvs_agent.snapshot import Snapshot
from tests.support import builders

Make = Callable[..., VirtualService]
Values = Dict[str, float]

# data sources that hold a counter's rate per second; the others hold a value
COUNTED = {"conns", "in_pkts", "out_pkts", "in_bytes", "out_bytes"}

# all ports differ, as the data query by number can identify a service by nothing else
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
BEGAN = 2**40  # the counters' first value: beyond 32 bits


@dataclass
class Clock:
    """The director's time, in seconds.

    It advances only between two polls, so values do not depend on when within a poll Cacti asks.
    """

    seconds: int = 0


@dataclass
class Service:
    """A service with constant rates; its counters are `began` when the clock is at `since`."""

    place: int
    make: Make
    clock: Clock
    began: int = BEGAN
    since: int = 0

    @property
    def name(self) -> str:
        """The name that ipvsadm prints."""
        return self.make().name

    @property
    def rates(self) -> Traffic:
        """Rates per second, which are divisible by three for the real servers' shares."""
        times = 3**self.place
        return Traffic(times, 10 * times, 20 * times, 1000 * times, 2500 * times)

    def now(self) -> VirtualService:
        """Return the service's record at the clock's time."""
        seconds = self.clock.seconds - self.since
        servers = [self._server(host, share, seconds) for host, share in ((1, 1), (2, 2))]
        return self.make(
            *servers,
            persist_timeout=0,
            netmask="128" if self.place == 5 else "255.255.255.255",
            persistence_engine="",
            counters=self._counters(3, seconds),
            rates=self.rates,
            lost=self.place,
        )

    @property
    def port(self) -> int:
        """The lvsServicePort: -1 for a mark."""
        return -1 if self.make().protocol == IpProtocol.FWMARK else self.make().port

    def servers(self) -> List[str]:
        """Return the real servers' names: the first has a third of the traffic, the second two."""
        return [server.name for server in self.now().real_servers]

    def zero(self) -> None:
        """Reset all counters, as ipvsadm -Z does, or deleting and adding the service."""
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
    """Return the five services."""
    return [Service(place, make, clock) for place, make in enumerate(KINDS, 1)]


def numbered_by_sort() -> Callable[[Snapshot], None]:
    """Return an annotate() that numbers services as net-snmp-lvs-module did: by their place.

    All rows after a deleted one get another number. Only the legacy tables have these numbers as
    their index. A service keeps the number of lost servers that it was made with.
    """
    history = History(None)

    def annotate(snapshot: Snapshot) -> None:
        lost = [service.lost for service in snapshot.services]
        history.annotate(snapshot)
        for service, count in zip(snapshot.services, lost):
            service.lost = count
        for number, service in enumerate(sorted(snapshot.services, key=lambda each: each.key), 1):
            service.number = number

    return annotate


def graphs_of(service: Service) -> Dict[str, Values]:
    """Return the titles of a service's and its servers' data sources, with the expected values.

    The values are per second for counters. Each RIP is in one service.
    """
    head = f"director - {service.name}"
    place, rates = service.place, service.rates
    graphs: Dict[str, Values] = {
        f"{head} - Traffic": {"in_bytes": rates.in_bytes, "out_bytes": rates.out_bytes},
        f"{head} - Packets": {"in_pkts": rates.in_pkts, "out_pkts": rates.out_pkts},
        f"{head} - New Connections": {"conns": rates.conns},
        f"{head} - Connections": {"active_conns": 200 * place + 3, "inact_conns": 400 * place + 3},
        f"{head} - Real Server States": {
            "real_servers": 2,
            "real_servers_up": 1,
            "real_servers_lost": place,
        },
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
    for host, server in enumerate(service.now().real_servers, 1):
        graphs.update(
            _sums(
                f"RIP {_address(server.packed)}",
                [rate * host / 3 for rate in rates],
                {"active_conns": 100 * place + host, "inact_conns": 200 * place + host},
                {"services": 1, "up": host - 1, "lost": 0},
            )
        )
    return graphs


def graphs_of_vip(every: List[Service]) -> Dict[str, Values]:
    """Return titles and expected values of the VIP that these services have, and no others."""
    places = sum(service.place for service in every)
    return _sums(
        f"VIP {_address(every[0].make().packed)}",
        [sum(column) for column in zip(*(service.rates for service in every))],
        {
            "active_conns": 200 * places + 3 * len(every),
            "inact_conns": 400 * places + 3 * len(every),
        },
        {"services": len(every), "services_up": len(every)},
    )


def _sums(
    name: str, rates: Sequence[float], connections: Values, services: Values
) -> Dict[str, Values]:
    conns, in_pkts, out_pkts, in_bytes, out_bytes = rates
    head = f"director - {name}"
    return {
        f"{head} - Traffic": {"in_bytes": in_bytes, "out_bytes": out_bytes},
        f"{head} - Packets": {"in_pkts": in_pkts, "out_pkts": out_pkts},
        f"{head} - New Connections": {"conns": conns},
        f"{head} - Connections": connections,
        f"{head} - Services": services,
    }


def _address(packed: bytes) -> str:
    return ".".join(str(byte) for byte in packed)


def former_graphs_of(service: Service) -> Dict[str, Values]:
    """Return the title and expected values of a service's graph of the former template."""
    return {f"former - {service.name} - Real Servers": {"real_servers_up": 1, "real_servers": 2}}


def graphs_of_all(every: List[Service]) -> Dict[str, Values]:
    """Return titles and expected values of the whole director's data sources."""
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
