# SPDX-License-Identifier: GPL-3.0-or-later
"""The director and its services, and the outages. The guest uses this module too.

The addresses are those in contrib, so its files name this director and its first service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence

from tests.lab.controllers.step import Table

DIRECTOR, POLLER = "192.0.2.1", "192.0.2.254"


@dataclass(frozen=True)
class State:
    """How many servers of a service have a weight above 0, are in the table, and are lost."""

    up: int
    present: int
    lost: int

    @property
    def healthy(self) -> bool:
        """Whether no server is missing or at weight 0."""
        return self.up == self.present and self.present > 0 and not self.lost


@dataclass(frozen=True)
class Outage:
    """Servers of a service that are killed, and the state in which keepalived leaves the service.

    With inhibit_on_failure keepalived gives a failed server weight 0; otherwise it removes it.
    """

    name: str
    service: str
    servers: Sequence[str]
    killed: Sequence[str]
    inhibit: bool
    state: State

    @property
    def before(self) -> State:
        """The state in which all servers are up."""
        return State(len(self.servers), len(self.servers), 0)

    def holds(self, table: Table, killed: bool) -> bool:
        """Return whether a table of IPVS has what keepalived makes of the service."""
        wanted = {
            server: 0 if killed and server in self.killed else 1
            for server in self.servers
            if self.inhibit or not killed or server not in self.killed
        }
        return table.get(self.service) == wanted


def _servers(net: int, count: int) -> List[str]:
    return [f"10.0.{net}.{host}:80" for host in range(1, count + 1)]


WEB, MAIL, SHOP = _servers(2, 4), _servers(3, 3), _servers(4, 3)
OUTAGES = (
    Outage("one server", "TCP 192.0.2.10:443", WEB, WEB[:1], False, State(3, 3, 1)),
    Outage("all servers", "TCP 192.0.2.11:25", MAIL, MAIL, False, State(0, 0, 3)),
    Outage("one, weight 0", "TCP 192.0.2.12:80", SHOP, SHOP[:1], True, State(2, 3, 0)),
)
