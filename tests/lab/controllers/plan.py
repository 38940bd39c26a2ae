# SPDX-License-Identifier: GPL-3.0-or-later
"""The directors of the lab with controllers: each event, and what must be seen after it.

All of it is written by hand: the tables from the documentation of the controllers, what is lost
and what check prints from docs/design.md and lvs-agent(8).
"""

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


def _web(*servers: str, down: Sequence[str] = ()) -> Table:
    return {WEB: up(*servers, down=down), OTHER: up(E, F)}


def _ok(up: int, services: int = 2) -> str:
    return f"OK - {services} services, {up} of {up} real servers up"


# keepalived as it comes removes servers that fail.
REMOVED = [
    Step("start", _web(A, B, C, D), _ok(6)),
    Step(
        "one server killed",
        _web(B, C, D),
        f"WARNING - {WEB}: 3 of 4 real servers up, 1 lost: {A}",
        {WEB: [A]},
    ),
    Step(
        "three servers killed",
        _web(D),
        f"WARNING - {WEB}: 1 of 4 real servers up, 3 lost: {A}, {B}, {C}",
        {WEB: [A, B, C]},
    ),
    # of those that were lost last, check names three
    Step(
        "all servers killed",
        _web(),
        f"CRITICAL - {WEB}: 0 of 4 real servers up, 4 lost: {B}, {C}, {D} and 1 more",
        {WEB: [A, B, C, D]},
    ),
    Step("all servers back", _web(A, B, C, D), _ok(6)),
]

# the same director, by a collector with --lost-time 0
WITHOUT_LOST = [
    Step("start", _web(A, B, C, D), _ok(6), None),
    Step("one server killed", _web(B, C, D), _ok(5), None),
    Step("three servers killed", _web(D), _ok(3), None),
    Step("all servers killed", _web(), f"CRITICAL - {WEB}: 0 of 0 real servers up", None),
    Step("all servers back", _web(A, B, C, D), _ok(6), None),
]

# With inhibit_on_failure they get weight 0; a sorry server is added to them.
_single = {SINGLE: up(ONLY)}
INHIBITED = [
    Step("start", {**_web(A, B, C, D), **_single}, _ok(7, 3)),
    Step(
        "one server killed",
        {**_web(B, C, D, down=[A]), **_single},
        f"WARNING - {WEB}: 3 of 4 real servers up, weight 0: {A}",
    ),
    Step(
        "all servers killed",
        {**_web(down=[A, B, C, D]), **_single},
        f"CRITICAL - {WEB}: 0 of 4 real servers up, weight 0: {A}, {B}, {C} and 1 more",
    ),
    Step("all servers back", {**_web(A, B, C, D), **_single}, _ok(7, 3)),
    Step(
        "the only server killed",
        {**_web(A, B, C, D), SINGLE: up(SORRY, down=[ONLY])},
        f"WARNING - {SINGLE}: 1 of 2 real servers up, weight 0: {ONLY}",
    ),
    Step("the only server back", {**_web(A, B, C, D), **_single}, _ok(7, 3)),
]

# A sorry server replaces the last server. It counts as one of those the service held.
SORRY_SERVER = [
    Step("start", {**_web(A, B), **_single}, _ok(5, 3)),
    Step(
        "one server killed",
        {**_web(B), **_single},
        f"WARNING - {WEB}: 1 of 2 real servers up, 1 lost: {A}",
        {WEB: [A]},
    ),
    Step(
        "all servers killed",
        {**_web(SORRY), **_single},
        f"WARNING - {WEB}: 1 of 2 real servers up, 1 lost: {B}",
        {WEB: [B]},
    ),
    Step("all servers back", {**_web(A, B), **_single}, _ok(5, 3)),
    Step("the only server killed", {**_web(A, B), SINGLE: up(SORRY)}, _ok(5, 3)),
    Step("the only server back", {**_web(A, B), **_single}, _ok(5, 3)),
]

RELOADED = [
    Step("start", _web(A, B), _ok(4)),
    Step("two servers replaced", _web(C, D), _ok(4)),
    Step(
        "one server left out",
        _web(C),
        f"WARNING - {WEB}: 1 of 2 real servers up, 1 lost: {D}",
        {WEB: [D]},
    ),
    Step("the server forgotten", _web(C), _ok(3)),
    Step("two servers added", _web(A, B, C), _ok(5)),
    Step(
        "a service left out",
        {WEB: up(A, B, C)},
        f"CRITICAL - 1 of 2 services lost: {OTHER}",
        lost_services=[OTHER],
    ),
    Step("the service forgotten", {WEB: up(A, B, C)}, f"OK - {WEB}: 3 of 3 real servers up"),
]

_cleared = {
    "check": ALL_LOST,
    "lost_services": [WEB, OTHER],
    "standby": f"{NO_SERVICES}; all 2 services are lost",
}
STOPPED = [
    Step("start", _web(A, B), _ok(4)),
    Step("keepalived stopped", {}, **_cleared),  # type: ignore[arg-type]
    Step("keepalived started", _web(A, B), _ok(4)),
    Step("keepalived restarted", _web(A, B), _ok(4)),
    # it does not clear the table, and nothing checks the servers
    Step("keepalived killed", _web(A, B), _ok(4)),
    Step("all servers killed", _web(A, B), _ok(4)),
]

# ldirectord with quiescent=yes, and a fallback
QUIESCENT = [
    Step("start", _web(A, B), _ok(4)),
    Step(
        "one server killed",
        _web(B, down=[A]),
        f"WARNING - {WEB}: 1 of 2 real servers up, weight 0: {A}",
    ),
    Step(
        "all servers killed",
        _web(SORRY, down=[A, B]),
        f"WARNING - {WEB}: 1 of 3 real servers up, weight 0: {A}, {B}",
    ),
    Step("all servers back", _web(A, B), _ok(4)),
    Step("ldirectord stopped", {}, **_cleared),  # type: ignore[arg-type]
]

# with quiescent=no, and no fallback
UNQUIESCENT = [
    Step("start", _web(A, B), _ok(4)),
    Step(
        "one server killed",
        _web(B),
        f"WARNING - {WEB}: 1 of 2 real servers up, 1 lost: {A}",
        {WEB: [A]},
    ),
    Step(
        "all servers killed",
        _web(),
        f"CRITICAL - {WEB}: 0 of 2 real servers up, 2 lost: {A}, {B}",
        {WEB: [A, B]},
    ),
    Step("all servers back", _web(A, B), _ok(4)),
    Step("ldirectord stopped", {}, **_cleared),  # type: ignore[arg-type]
]

BY_HAND = [
    Step("start", _web(A, B), _ok(4)),
    Step(
        "a server deleted",
        _web(A),
        f"WARNING - {WEB}: 1 of 2 real servers up, 1 lost: {B}",
        {WEB: [B]},
    ),
    Step(
        "a service deleted",
        {WEB: up(A)},
        f"CRITICAL - 1 of 2 services lost: {OTHER}",
        {WEB: [B]},
        [OTHER],
    ),
    Step("the table cleared", {}, **_cleared),  # type: ignore[arg-type]
    Step("the table restored", _web(A, B), _ok(4)),
    Step("a server replaced", _web(A, C), _ok(4)),
]

# a server that is deleted within 5 minutes after the boot
EARLY = [
    Step("start", _web(A, B), _ok(4)),
    Step("a server deleted", _web(A), _ok(3), waiting=1),
    Step(
        "5 minutes after the boot",
        _web(A),
        f"WARNING - {WEB}: 1 of 2 real servers up, 1 lost: {B}",
        {WEB: [B]},
    ),
    Step("the server restored", _web(A, B), _ok(4)),
]

# keepalived's VRRP, whose scripts fill the table of the master and clear that of the standby
MASTER = [
    Step("start", _web(A, B), _ok(4)),
    Step("the master stopped", {}, **_cleared),  # type: ignore[arg-type]
    Step("the master started", _web(A, B), _ok(4)),
    Step("both stopped", {}, **_cleared),  # type: ignore[arg-type]
]
STANDBY = [
    Step("start", {}, NONE, standby=NO_SERVICES),
    Step("the master stopped", _web(A, B), _ok(4)),
    Step("the master started", {}, **_cleared),  # type: ignore[arg-type]
    Step("both stopped", {}, **_cleared),  # type: ignore[arg-type]
]

# ip_vs is unloaded. Then it is loaded again, and a service and a server are not added again.
NOT_LOADED = (
    "the kernel module ip_vs is not loaded; keepalived and ipvsadm load it, lvs-agent does not"
)
UNLOADED = [
    Step("start", _web(A, B), _ok(4)),
    Step("ip_vs unloaded", None, f"CRITICAL - {NOT_LOADED}", None, standby=NO_SERVICES),
    Step("a part restored", {WEB: up(A)}, f"OK - {WEB}: 1 of 1 real servers up", waiting=2),
    Step(
        "5 minutes after the load",
        {WEB: up(A)},
        f"CRITICAL - 1 of 2 services lost: {OTHER}",
        {WEB: [B]},
        [OTHER],
    ),
    Step("the rest restored", _web(A, B), _ok(4)),
]

# the same by two boots, with one state directory
REBOOTING = [Step("start", _web(A, B), _ok(4))]
REBOOTED = [
    Step("start", {}, NONE, standby=NO_SERVICES, waiting=2),
    Step("a part restored", {WEB: up(A)}, f"OK - {WEB}: 1 of 1 real servers up", waiting=2),
    Step(
        "5 minutes after the boot",
        {WEB: up(A)},
        f"CRITICAL - 1 of 2 services lost: {OTHER}",
        {WEB: [B]},
        [OTHER],
    ),
    Step("the rest restored", _web(A, B), _ok(4)),
]

DIRECTORS = {
    **{"removed": REMOVED, "without-lost": WITHOUT_LOST, "inhibited": INHIBITED},
    **{"sorry": SORRY_SERVER, "reloaded": RELOADED, "stopped": STOPPED},
    **{"quiescent": QUIESCENT, "unquiescent": UNQUIESCENT, "by-hand": BY_HAND, "early": EARLY},
    **{"master": MASTER, "standby": STANDBY},
    **{"unloaded": UNLOADED, "rebooting": REBOOTING, "rebooted": REBOOTED},
}


def table(director: str, event: str) -> Optional[Table]:
    """Return the table of a director after an event."""
    return next(step.table for step in DIRECTORS[director] if step.event == event)
