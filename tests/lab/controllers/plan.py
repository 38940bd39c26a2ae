# SPDX-License-Identifier: GPL-3.0-or-later
"""The directors of the lab with controllers: each event, and what must be seen after it.

All of it is written by hand: the tables from the documentation of the controllers, what is lost
and what check prints from docs/design.md and lvs-agent(8).
"""

from __future__ import annotations

from typing import Optional

from tests.lab.controllers.step import (
    ALL_LOST,
    NO_SERVICES,
    NONE,
    ONLY,
    OTHER,
    SINGLE,
    SORRY,
    WEB,
    A,
    B,
    C,
    D,
    E,
    Step,
    Table,
    ok,
    up,
    web,
)

# keepalived as it comes removes servers that fail.
REMOVED = [
    Step("start", web(A, B, C, D), ok(6)),
    Step(
        "one server killed",
        web(B, C, D),
        f"WARNING - {WEB}: 3 of 4 real servers up, 1 lost: {A}",
        {WEB: [A]},
    ),
    Step(
        "three servers killed",
        web(D),
        f"WARNING - {WEB}: 1 of 4 real servers up, 3 lost: {A}, {B}, {C}",
        {WEB: [A, B, C]},
    ),
    # of those that were lost last, check names three
    Step(
        "all servers killed",
        web(),
        f"CRITICAL - {WEB}: 0 of 4 real servers up, 4 lost: {B}, {C}, {D} and 1 more",
        {WEB: [A, B, C, D]},
    ),
    Step("all servers back", web(A, B, C, D), ok(6)),
]

# the same director, by a collector with --lost-time 0
WITHOUT_LOST = [
    Step("start", web(A, B, C, D), ok(6), None),
    Step("one server killed", web(B, C, D), ok(5), None),
    Step("three servers killed", web(D), ok(3), None),
    Step("all servers killed", web(), f"CRITICAL - {WEB}: 0 of 0 real servers up", None),
    Step("all servers back", web(A, B, C, D), ok(6), None),
]

# With inhibit_on_failure they get weight 0; a sorry server is added to them.
_single = {SINGLE: up(ONLY)}
INHIBITED = [
    Step("start", {**web(A, B, C, D), **_single}, ok(7, 3)),
    Step(
        "one server killed",
        {**web(B, C, D, down=[A]), **_single},
        f"WARNING - {WEB}: 3 of 4 real servers up, weight 0: {A}",
    ),
    Step(
        "all servers killed",
        {**web(down=[A, B, C, D]), **_single},
        f"CRITICAL - {WEB}: 0 of 4 real servers up, weight 0: {A}, {B}, {C} and 1 more",
    ),
    Step("all servers back", {**web(A, B, C, D), **_single}, ok(7, 3)),
    Step(
        "the only server killed",
        {**web(A, B, C, D), SINGLE: up(SORRY, down=[ONLY])},
        f"WARNING - {SINGLE}: 1 of 2 real servers up, weight 0: {ONLY}",
    ),
    Step("the only server back", {**web(A, B, C, D), **_single}, ok(7, 3)),
]

# A sorry server replaces the last server. It counts as one of those the service held.
SORRY_SERVER = [
    Step("start", {**web(A, B), **_single}, ok(5, 3)),
    Step(
        "one server killed",
        {**web(B), **_single},
        f"WARNING - {WEB}: 1 of 2 real servers up, 1 lost: {A}",
        {WEB: [A]},
    ),
    Step(
        "all servers killed",
        {**web(SORRY), **_single},
        f"WARNING - {WEB}: 1 of 2 real servers up, 1 lost: {B}",
        {WEB: [B]},
    ),
    Step("all servers back", {**web(A, B), **_single}, ok(5, 3)),
    Step("the only server killed", {**web(A, B), SINGLE: up(SORRY)}, ok(5, 3)),
    Step("the only server back", {**web(A, B), **_single}, ok(5, 3)),
]

RELOADED = [
    Step("start", web(A, B), ok(4)),
    Step("two servers replaced", web(C, D), ok(4)),
    Step(
        "one server left out",
        web(C),
        f"WARNING - {WEB}: 1 of 2 real servers up, 1 lost: {D}",
        {WEB: [D]},
    ),
    Step("the server forgotten", web(C), ok(3)),
    Step("two servers added", web(A, B, C), ok(5)),
    Step(
        "a service left out",
        {WEB: up(A, B, C)},
        f"CRITICAL - 1 of 2 services lost: {OTHER}",
        lost_services=[OTHER],
    ),
    Step("the service forgotten", {WEB: up(A, B, C)}, f"OK - {WEB}: 3 of 3 real servers up"),
]

# Without checks of the servers. Services that are deleted one after another are lost at different
# looks, so the names in the line of check may be those of any.
MANY = {f"TCP 10.2.1.{number}:80": up("10.1.3.1:80") for number in range(1, 201)}
CROWDED = [
    Step("start", {OTHER: up(E), **MANY}, ok(201, 201)),
    Step(
        "200 services left out",
        {OTHER: up(E)},
        "CRITICAL - 200 of 201 services lost: and 197 more",
        lost_services=list(MANY),
    ),
    Step("200 services added", {OTHER: up(E), **MANY}, ok(201, 201)),
]

_cleared = {
    "check": ALL_LOST,
    "lost_services": [WEB, OTHER],
    "standby": f"{NO_SERVICES}; all 2 services are lost",
}
STOPPED = [
    Step("start", web(A, B), ok(4)),
    Step("keepalived stopped", {}, **_cleared),  # type: ignore[arg-type]
    Step("keepalived started", web(A, B), ok(4)),
    Step("keepalived restarted", web(A, B), ok(4)),
    # it does not clear the table, and nothing checks the servers
    Step("keepalived killed", web(A, B), ok(4)),
    Step("all servers killed", web(A, B), ok(4)),
]

# ldirectord with quiescent=yes, and a fallback
QUIESCENT = [
    Step("start", web(A, B), ok(4)),
    Step(
        "one server killed",
        web(B, down=[A]),
        f"WARNING - {WEB}: 1 of 2 real servers up, weight 0: {A}",
    ),
    Step(
        "all servers killed",
        web(SORRY, down=[A, B]),
        f"WARNING - {WEB}: 1 of 3 real servers up, weight 0: {A}, {B}",
    ),
    Step("all servers back", web(A, B), ok(4)),
    Step("ldirectord stopped", {}, **_cleared),  # type: ignore[arg-type]
]

# with quiescent=no, and no fallback
UNQUIESCENT = [
    Step("start", web(A, B), ok(4)),
    Step(
        "one server killed",
        web(B),
        f"WARNING - {WEB}: 1 of 2 real servers up, 1 lost: {A}",
        {WEB: [A]},
    ),
    Step(
        "all servers killed",
        web(),
        f"CRITICAL - {WEB}: 0 of 2 real servers up, 2 lost: {A}, {B}",
        {WEB: [A, B]},
    ),
    Step("all servers back", web(A, B), ok(4)),
    Step("ldirectord stopped", {}, **_cleared),  # type: ignore[arg-type]
]

BY_HAND = [
    Step("start", web(A, B), ok(4)),
    Step(
        "a server deleted",
        web(A),
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
    Step("the table restored", web(A, B), ok(4)),
    Step("a server replaced", web(A, C), ok(4)),
]

# a server that is deleted within 5 minutes after the boot
EARLY = [
    Step("start", web(A, B), ok(4)),
    Step("a server deleted", web(A), ok(3), waiting=1),
    Step(
        "5 minutes after the boot",
        web(A),
        f"WARNING - {WEB}: 1 of 2 real servers up, 1 lost: {B}",
        {WEB: [B]},
    ),
    Step("the server restored", web(A, B), ok(4)),
]

# keepalived's VRRP, whose scripts fill the table of the master and clear that of the standby
MASTER = [
    Step("start", web(A, B), ok(4)),
    Step("the master stopped", {}, **_cleared),  # type: ignore[arg-type]
    Step("the master started", web(A, B), ok(4)),
    Step("both stopped", {}, **_cleared),  # type: ignore[arg-type]
]
STANDBY = [
    Step("start", {}, NONE, standby=NO_SERVICES),
    Step("the master stopped", web(A, B), ok(4)),
    Step("the master started", {}, **_cleared),  # type: ignore[arg-type]
    Step("both stopped", {}, **_cleared),  # type: ignore[arg-type]
]

# ip_vs is unloaded. Then it is loaded again, and a service and a server are not added again.
NOT_LOADED = (
    "the kernel module ip_vs is not loaded; keepalived and ipvsadm load it, lvs-agent does not"
)
UNLOADED = [
    Step("start", web(A, B), ok(4)),
    Step("ip_vs unloaded", None, f"CRITICAL - {NOT_LOADED}", None, standby=NO_SERVICES),
    Step("a part restored", {WEB: up(A)}, f"OK - {WEB}: 1 of 1 real servers up", waiting=2),
    Step(
        "5 minutes after the load",
        {WEB: up(A)},
        f"CRITICAL - 1 of 2 services lost: {OTHER}",
        {WEB: [B]},
        [OTHER],
    ),
    Step("the rest restored", web(A, B), ok(4)),
]

# the same by two boots, with one state directory
REBOOTING = [Step("start", web(A, B), ok(4))]
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
    Step("the rest restored", web(A, B), ok(4)),
]

DIRECTORS = {
    **{"removed": REMOVED, "without-lost": WITHOUT_LOST, "inhibited": INHIBITED},
    **{"sorry": SORRY_SERVER, "reloaded": RELOADED, "stopped": STOPPED},
    "crowded": CROWDED,
    **{"quiescent": QUIESCENT, "unquiescent": UNQUIESCENT, "by-hand": BY_HAND, "early": EARLY},
    **{"master": MASTER, "standby": STANDBY},
    **{"unloaded": UNLOADED, "rebooting": REBOOTING, "rebooted": REBOOTED},
}


def table(director: str, event: str) -> Optional[Table]:
    """Return the table of a director after an event."""
    return next(step.table for step in DIRECTORS[director] if step.event == event)
