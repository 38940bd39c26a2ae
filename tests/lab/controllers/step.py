# SPDX-License-Identifier: GPL-3.0-or-later
"""The names in the plan of the lab with controllers, and one of its steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence

# real servers and their weights, by service; names are ipvsadm's
Table = Dict[str, Dict[str, int]]

WEB, OTHER, SINGLE = "TCP 10.2.0.1:80", "TCP 10.2.0.2:80", "TCP 10.2.0.3:80"
A, B, C, D = (f"10.1.0.{number}:80" for number in (1, 2, 3, 4))
E, F = "10.1.1.1:80", "10.1.1.2:80"
ONLY = "10.1.2.1:80"
SORRY = "10.1.9.9:80"

ALL_LOST = "CRITICAL - all 2 services are lost"
NO_SERVICES = "OK - no services, as on a standby director"
NONE = "CRITICAL - no services on the director"


@dataclass(frozen=True)
class Step:
    """An event, the table after it, and what is said then.

    table is None without ip_vs. lost has servers by service, None if nothing is counted. check is
    the first line of check without times and performance data, standby that of check --standby if
    it differs. waiting is the number of missing rows that are not lost yet, since the tables are
    given time to be filled.
    """

    event: str
    table: Optional[Table]
    check: str
    lost: Optional[Dict[str, List[str]]] = field(default_factory=dict)
    lost_services: Sequence[str] = ()
    standby: str = ""
    waiting: int = 0


def up(*servers: str, down: Sequence[str] = ()) -> Dict[str, int]:
    """Return servers with weight 1, and those of weight 0."""
    return {**dict.fromkeys(servers, 1), **dict.fromkeys(down, 0)}


def web(*servers: str, down: Sequence[str] = ()) -> Table:
    return {WEB: up(*servers, down=down), OTHER: up(E, F)}


def ok(up: int, services: int = 2) -> str:
    return f"OK - {services} services, {up} of {up} real servers up"
