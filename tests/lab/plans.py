# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of services that come and go: some for good after minutes, others as pods do.

Nothing comes back: each new service and server has an address of its own, in 10.4.0.0/16 and
10.64.0.0/10. A plan is a generator, which yields the seconds until it goes on, or an edit.
"""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass
from typing import Callable, Iterator, List, NamedTuple, Optional, Sequence, Union

from tests.lab.farm import Server, Service


class Edit(NamedTuple):
    """The addition or deletion of a service, or of one of its servers."""

    service: Service
    server: Optional[Server]
    present: bool


Plan = Iterator[Union[float, Edit]]


@dataclass
class Addresses:
    """Services and servers with addresses that no other has had."""

    services: int = 0
    servers: int = 0

    def service(self) -> Service:
        self.services += 1
        high, low = divmod(self.services, 250)
        address = f"10.4.{high}.{low + 1}:80"
        return Service(f"TCP {address}", f"-t {address}", ("-s rr", "-s rr"), [])

    def server(self) -> Server:
        self.servers += 1
        address = f"10.{64 + (self.servers >> 16)}.{self.servers >> 8 & 255}.{self.servers & 255}"
        return Server(f"{address}:80", ("-m -w 1", "-m -w 1"))


class Schedule:
    """Several plans at a time, which begin at 0 s."""

    def __init__(self, plans: List[Plan]) -> None:
        self._order = itertools.count()
        self._due = [(0.0, next(self._order), plan) for plan in plans]
        heapq.heapify(self._due)

    def next(self, now: float) -> Optional[Edit]:
        """Return the next edit, None if none is due yet."""
        while self._due and self._due[0][0] <= now:
            _due, _order, plan = heapq.heappop(self._due)
            step = next(plan, None)
            if step is None:
                continue
            wait = step if isinstance(step, float) else 0.0
            heapq.heappush(self._due, (now + wait, next(self._order), plan))
            if isinstance(step, Edit):
                return step
        return None


def _pods(addresses: Addresses, service: Service, count: int) -> Plan:
    """Add servers until a service has so many, or delete the oldest ones."""
    while len(service.servers) < count:
        yield Edit(service, addresses.server(), True)
    while len(service.servers) > count:
        yield Edit(service, service.servers[0], False)


def leaving(addresses: Addresses, chance: random.Random) -> List[Plan]:
    """Return plans whose services and servers leave for good, after minutes or at once."""

    def loses_a_server(service: Service) -> Plan:
        yield chance.uniform(150.0, 170.0)
        yield Edit(service, chance.choice(service.servers), False)
        yield chance.uniform(100.0, 120.0)

    def loses_all_servers(service: Service) -> Plan:
        yield chance.uniform(150.0, 170.0)
        yield from _pods(addresses, service, 0)
        yield chance.uniform(100.0, 120.0)

    def replaces_a_server(service: Service) -> Plan:
        yield chance.uniform(150.0, 170.0)
        yield from _pods(addresses, service, 4)
        yield from _pods(addresses, service, 3)
        yield chance.uniform(100.0, 120.0)

    def goes(_service: Service) -> Plan:
        yield chance.uniform(90.0, 110.0)

    def goes_soon(_service: Service) -> Plan:
        yield chance.uniform(10.0, 40.0)

    lives = (loses_a_server, goes, replaces_a_server, goes_soon, loses_all_servers)
    return [_in_turn(addresses, lives, first, 3) for first in range(4)]


def pods(addresses: Addresses, chance: random.Random) -> List[Plan]:
    """Return plans of services whose servers are pods."""

    def young(service: Service) -> Plan:
        """Replace servers all the time, and change their number."""
        while True:
            count = chance.randint(2, 6)
            yield from _pods(addresses, service, count)
            for _ in range(20):
                yield from _pods(addresses, service, count - 1)
                yield from _pods(addresses, service, count)
                yield 0.5

    def rolling(service: Service) -> Plan:
        """Replace a server of four now and then, as a rolling update does: add, then delete."""
        yield from _pods(addresses, service, 4)
        while True:
            yield chance.uniform(20.0, 40.0)
            yield from _pods(addresses, service, 5)
            yield from _pods(addresses, service, 4)

    def scaled(service: Service) -> Plan:
        """Scale up and down, for so long each time that it counts."""
        while True:
            yield from _pods(addresses, service, 6)
            yield 160.0
            yield from _pods(addresses, service, 3)
            yield 60.0

    def fleeting(service: Service) -> Plan:
        yield from _pods(addresses, service, 2)
        yield chance.uniform(5.0, 30.0)

    return [
        *(_in_turn(addresses, [life], 0, 0) for life in (young, young, rolling, rolling, scaled)),
        *(_in_turn(addresses, [fleeting], 0, 0) for _ in range(2)),
    ]


def _in_turn(
    addresses: Addresses, lives: Sequence[Callable[[Service], Plan]], first: int, servers: int
) -> Plan:
    """Add a service that lives one of the lives and is deleted; then another."""
    for life in itertools.islice(itertools.cycle(lives), first, None):
        service = addresses.service()
        yield Edit(service, None, True)
        yield from _pods(addresses, service, servers)
        yield from life(service)
        yield Edit(service, None, False)
