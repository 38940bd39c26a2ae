# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: cases CASE LVS_AGENT does what the plan has for the directors of a case."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Sequence

from tests.lab.controllers import plan
from tests.lab.controllers.director import (
    SERVER_STATUS,
    VRRP_STATE,
    Case,
    Director,
    addressed,
    ip,
    now,
    sleep_until,
)
from tests.lab.controllers.edits import add, delete, rules
from tests.lab.controllers.plan import ONLY, OTHER, SINGLE, SORRY, WEB, A, B, C, D, E, F, Table
from tests.lab.controllers.programs import Keepalived, Ldirectord, virtual_servers, vrrp
from tests.lab.controllers.servers import Servers

# a poll more than 5 minutes after the boot
SETTLED = 312.0
# a minute with polls in it: rows that were there for so long can be lost
LASTING = 65.0
# the options of keepalived without VRRP
CHECKS = ("--check",)
SNMP = ("--check", "--snmp")
VRRP = ("--vrrp", "--snmp")
STANDBY = ("", "--standby")


def started(director: Director) -> Table:
    """Return the table of a director at first."""
    table = plan.table(director.name, "start")
    assert table
    return table


def removed(agent: str) -> None:
    """Kill the servers of a keepalived that removes them."""
    director = Director("removed", agent, beside=SERVER_STATUS)
    plain = Director("without-lost", agent, port=16162, options=["--lost-time", "0"])
    servers = Servers(A, B, C, D, E, F)
    keepalived = Keepalived(director, virtual_servers(started(director)), SNMP)
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
    configuration = virtual_servers(started(director), inhibit=True, sorry=[SINGLE])
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
    configuration = virtual_servers(started(director), sorry=[WEB, SINGLE])
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
    keepalived = Keepalived(director, virtual_servers(started(director)), CHECKS)
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


def stopped(agent: str) -> None:
    """Stop, restart and kill keepalived."""
    director = Director("stopped", agent, checks=STANDBY)
    servers = Servers(A, B, E, F)
    keepalived = Keepalived(director, virtual_servers(started(director)), CHECKS)
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
    program = Ldirectord(director, started(director), options)
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
    case.on("start", lambda: director.ipvsadm(*rules(started(director))))
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
    case.on("start", lambda: director.ipvsadm(*rules(started(director))))
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


def unloaded(agent: str) -> None:
    """Unload ip_vs, load it again, and restore a part of the table."""
    director = Director("unloaded", agent, checks=STANDBY)
    case = Case(director)

    def unload() -> None:
        director.run("ipvsadm", "-C")
        subprocess.run(["modprobe", "-r", "ip_vs_rr", "ip_vs"], check=True)

    case.on("start", lambda: director.ipvsadm(*rules(started(director))))
    case.poll_until(now() + LASTING)
    case.on("ip_vs unloaded", unload)
    case.on("a part restored", lambda: director.ipvsadm(*rules({WEB: plan.up(A)})))
    # the agent sees the load at the first poll after it
    loaded = now()
    case.poll_until(loaded + 255)
    case.on("5 minutes after the load", lambda: sleep_until(loaded + 302))
    case.on("the rest restored", lambda: restore_rest(director))
    case.close()


def rebooting(agent: str) -> None:
    """Fill the table, and save the state for the next boot."""
    director = Director("rebooting", agent)
    case = Case(director)
    case.on("start", lambda: director.ipvsadm(*rules(started(director))))
    case.poll_until(now() + LASTING)
    case.close()
    shutil.copytree(director.folder / "state", director.result("state"))


def rebooted(agent: str) -> None:
    """Restore a part of the table that there was before the boot."""
    state = Path("/tmp/state")
    shutil.copytree(Path(os.environ["RESULT"]) / "rebooting.state", state)
    director = Director("rebooted", agent, checks=STANDBY, state=state)
    case = Case(director)
    case.on("start", lambda: None)
    case.on("a part restored", lambda: director.ipvsadm(*rules({WEB: plan.up(A)})))
    case.poll_until(285)
    case.on("5 minutes after the boot", lambda: sleep_until(300))
    case.on("the rest restored", lambda: restore_rest(director))
    case.close()


def restore_rest(director: Director) -> None:
    """Restore what a part of the table lacks."""
    director.ipvsadm(add(WEB, B), *rules({OTHER: plan.up(E, F)}))


CASES = {
    case.__name__: case
    for case in (
        *(removed, inhibited, sorry, reloaded, stopped, quiescent, unquiescent),
        *(by_hand, early, pair, unloaded, rebooting, rebooted),
    )
}

if __name__ == "__main__":
    addressed()
    CASES[sys.argv[1]](sys.argv[2])
