# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: cases CASE LVS_AGENT does what the plan has for the directors of a case."""

from __future__ import annotations

import subprocess
import sys
from typing import Sequence

from tests.lab.controllers import plan
from tests.lab.controllers.boots import rebooted, rebooting, unloaded
from tests.lab.controllers.case import Case
from tests.lab.controllers.director import (
    LASTING,
    SERVER_STATUS,
    STANDBY,
    VRRP_STATE,
    Director,
    addressed,
    ip,
    now,
    sleep_until,
)
from tests.lab.controllers.edits import add, delete, rules
from tests.lab.controllers.programs import Keepalived, Ldirectord, virtual_servers, vrrp
from tests.lab.controllers.servers import Servers
from tests.lab.controllers.step import ONLY, OTHER, SINGLE, SORRY, WEB, A, B, C, D, E, F

# a poll more than 5 minutes after the boot
SETTLED = 312.0
# the options of keepalived without VRRP
CHECKS = ("--check",)
SNMP = ("--check", "--snmp")
VRRP = ("--vrrp", "--snmp")


def removed(agent: str) -> None:
    """Kill the servers of a keepalived that removes them."""
    director = Director("removed", agent, beside=SERVER_STATUS)
    plain = Director("without-lost", agent, port=16162, options=["--lost-time", "0"])
    servers = Servers(A, B, C, D, E, F)
    keepalived = Keepalived(director, virtual_servers(director.first()), SNMP)
    case = Case(director, plain)
    case.on("start", keepalived.start)
    case.poll_until(SETTLED)
    case.on("one server killed", lambda: servers.kill(A))
    case.on("three servers killed", lambda: servers.kill(B, C))
    case.on("all servers killed", lambda: servers.kill(D))
    case.on("all servers back", lambda: servers.start(A, B, C, D))
    keepalived.stop()
    case.close()


def inhibited(agent: str) -> None:
    """Kill the servers of a keepalived that gives them weight 0."""
    director = Director("inhibited", agent)
    servers = Servers(A, B, C, D, E, F, ONLY)
    configuration = virtual_servers(director.first(), inhibit=True, sorry=[SINGLE])
    keepalived = Keepalived(director, configuration, CHECKS)
    case = Case(director)
    case.on("start", keepalived.start)
    case.poll_until(SETTLED)
    case.on("one server killed", lambda: servers.kill(A))
    case.on("all servers killed", lambda: servers.kill(B, C, D))
    case.on("all servers back", lambda: servers.start(A, B, C, D))
    case.on("the only server killed", lambda: servers.kill(ONLY))
    case.poll_until(now() + LASTING)  # with the sorry server
    case.on("the only server back", lambda: servers.start(ONLY))
    keepalived.stop()
    case.close()


def sorry(agent: str) -> None:
    """Kill the servers of a keepalived with sorry servers."""
    director = Director("sorry", agent)
    servers = Servers(A, B, E, F, ONLY)
    configuration = virtual_servers(director.first(), sorry=[WEB, SINGLE])
    keepalived = Keepalived(director, configuration, CHECKS)
    case = Case(director)
    case.on("start", keepalived.start)
    case.poll_until(SETTLED)
    case.on("one server killed", lambda: servers.kill(A))
    case.on("all servers killed", lambda: servers.kill(B))
    case.poll_until(now() + LASTING)
    case.on("all servers back", lambda: servers.start(A, B))
    case.on("the only server killed", lambda: servers.kill(ONLY))
    case.on("the only server back", lambda: servers.start(ONLY))
    keepalived.stop()
    case.close()


def reloaded(agent: str) -> None:
    """Reload keepalived with other servers and services."""
    director = Director("reloaded", agent)
    servers = Servers(A, B, C, D, E, F)
    keepalived = Keepalived(director, virtual_servers(director.first()), CHECKS)
    case = Case(director)

    def reload(event: str) -> None:
        table = plan.table("reloaded", event)
        assert table
        case.on(event, lambda: keepalived.reload(virtual_servers(table)))

    case.on("start", keepalived.start)
    case.poll_until(SETTLED)
    reload("two servers replaced")
    case.poll_until(now() + LASTING)
    reload("one server left out")
    case.on("the server forgotten", lambda: director.forget(f"{WEB} -> {D}"))
    reload("two servers added")
    reload("a service left out")
    case.on("the service forgotten", lambda: director.forget(OTHER))
    keepalived.stop()
    servers.kill_all()
    case.close()


def crowded(agent: str) -> None:
    """Reload keepalived without 200 services, and then with them again."""
    director = Director("crowded", agent)
    keepalived = Keepalived(director, virtual_servers(director.first(), checked=False), CHECKS)
    case = Case(director)

    def reload(event: str) -> None:
        wanted = plan.table("crowded", event) or {}
        case.on(event, lambda: keepalived.reload(virtual_servers(wanted, checked=False)))

    case.on("start", keepalived.start)
    case.poll_until(SETTLED)
    reload("200 services left out")
    reload("200 services added")
    keepalived.stop()
    case.close()


def stopped(agent: str) -> None:
    """Stop, restart and kill keepalived."""
    director = Director("stopped", agent, checks=STANDBY)
    servers = Servers(A, B, E, F)
    keepalived = Keepalived(director, virtual_servers(director.first()), CHECKS)
    case = Case(director)

    def restart() -> None:
        keepalived.stop()
        keepalived.start()

    case.on("start", keepalived.start)
    case.poll_until(SETTLED)
    case.on("keepalived stopped", keepalived.stop)
    case.on("keepalived started", keepalived.start)
    case.on("keepalived restarted", restart)
    case.on("keepalived killed", keepalived.kill)
    case.on("all servers killed", lambda: servers.kill(A, B))
    case.close()


def quiescent(agent: str) -> None:
    """Kill the servers of an ldirectord that gives them weight 0."""
    _ldirectord(agent, "quiescent", ["quiescent = yes", f"fallback = {SORRY} masq"])


def unquiescent(agent: str) -> None:
    """Kill the servers of an ldirectord that removes them."""
    _ldirectord(agent, "unquiescent", ["quiescent = no"])


def _ldirectord(agent: str, name: str, options: Sequence[str]) -> None:
    director = Director(name, agent, checks=STANDBY)
    servers = Servers(A, B, E, F)
    program = Ldirectord(director, director.first(), options)
    case = Case(director)
    case.on("start", program.start)
    case.poll_until(SETTLED)
    case.on("one server killed", lambda: servers.kill(A))
    case.on("all servers killed", lambda: servers.kill(B))
    case.poll_until(now() + LASTING)  # with the fallback server
    case.on("all servers back", lambda: servers.start(A, B))
    case.on("ldirectord stopped", program.stop)
    case.close()


def by_hand(agent: str) -> None:
    """Edit the table by ipvsadm."""
    director = Director("by-hand", agent, checks=STANDBY)
    case = Case(director)
    case.on("start", lambda: director.ipvsadm(*rules(director.first())))
    case.poll_until(SETTLED)
    saved = director.run("ipvsadm", "-Sn")
    case.on("a server deleted", lambda: director.ipvsadm(delete(WEB, B)))
    case.on("a service deleted", lambda: director.ipvsadm(delete(OTHER)))
    case.on("the table cleared", lambda: director.run("ipvsadm", "-C"))
    case.on("the table restored", lambda: director.run("ipvsadm", "-R", text=saved))
    case.on("a server replaced", lambda: director.ipvsadm(delete(WEB, B), add(WEB, C)))
    case.close()


def early(agent: str) -> None:
    """Delete a server within 5 minutes after the boot."""
    director = Director("early", agent)
    case = Case(director)
    case.on("start", lambda: director.ipvsadm(*rules(director.first())))
    case.poll_until(180)
    case.on("a server deleted", lambda: director.ipvsadm(delete(WEB, B)))
    case.poll_until(285)
    case.on("5 minutes after the boot", lambda: sleep_until(300))
    case.on("the server restored", lambda: director.ipvsadm(add(WEB, B)))
    case.close()


def pair(agent: str) -> None:
    """Stop and start the masters of a pair, whose scripts fill and clear the tables."""
    for name in ("master", "standby"):
        subprocess.run(["ip", "netns", "add", name], check=True)
        addressed(name)
    link = "link add eth0 netns master type veth peer name eth0 netns standby"
    subprocess.run(["ip", *link.split()], check=True)
    directors, programs = [], []
    for number, name in enumerate(("master", "standby"), 1):
        ip(name, f"addr add 10.4.0.{number}/24 dev eth0")
        ip(name, "link set eth0 up")
        director = Director(name, agent, namespace=name, checks=STANDBY, beside=VRRP_STATE)
        directors.append(director)
        programs.append(Keepalived(director, vrrp(director, 250 - 100 * number), VRRP))
    master, standby = programs

    def start_both() -> None:
        master.start()
        standby.start()

    def stop_both() -> None:
        standby.stop()
        master.stop()

    case = Case(*directors)
    case.on("start", start_both)
    case.poll_until(SETTLED)
    case.on("the master stopped", master.stop)
    case.poll_until(now() + LASTING)
    case.on("the master started", master.start)
    case.on("both stopped", stop_both)
    case.close()


CASES = {
    case.__name__: case
    for case in (
        *(removed, inhibited, sorry, reloaded, crowded, stopped, quiescent, unquiescent),
        *(by_hand, early, pair, unloaded, rebooting, rebooted),
    )
}

if __name__ == "__main__":
    addressed()
    CASES[sys.argv[1]](sys.argv[2])
