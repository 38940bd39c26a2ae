# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: the cases in which ip_vs is unloaded or the machine is booted again."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.lab.controllers.case import Case
from tests.lab.controllers.director import LASTING, STANDBY, Director, now, sleep_until
from tests.lab.controllers.edits import add, rules
from tests.lab.controllers.step import OTHER, WEB, A, B, E, F, up


def unloaded(agent: str) -> None:
    """Unload ip_vs, load it again, and restore a part of the table."""
    director = Director("unloaded", agent, checks=STANDBY)
    case = Case(director)

    def unload() -> None:
        director.run("ipvsadm", "-C")
        subprocess.run(["modprobe", "-r", "ip_vs_rr", "ip_vs"], check=True)

    case.on("start", lambda: director.ipvsadm(*rules(director.first())))
    case.poll_until(now() + LASTING)
    case.on("ip_vs unloaded", unload)
    case.on("a part restored", lambda: director.ipvsadm(*rules({WEB: up(A)})))
    # the agent notices the load at the first poll after it
    loaded = now()
    case.poll_until(loaded + 255)
    case.on("5 minutes after the load", lambda: sleep_until(loaded + 302))
    case.on("the rest restored", lambda: restore_rest(director))
    case.close()


def rebooting(agent: str) -> None:
    """Fill the table, and save the state for the next boot."""
    director = Director("rebooting", agent)
    case = Case(director)
    case.on("start", lambda: director.ipvsadm(*rules(director.first())))
    case.poll_until(now() + LASTING)
    case.close()
    shutil.copytree(director.folder / "state", director.result("state"))


def rebooted(agent: str) -> None:
    """Restore a part of the table from before the boot."""
    state = Path("/tmp/state")
    shutil.copytree(Path(os.environ["RESULT"]) / "rebooting.state", state)
    director = Director("rebooted", agent, checks=STANDBY, state=state)
    case = Case(director)
    case.on("start", lambda: None)
    case.on("a part restored", lambda: director.ipvsadm(*rules({WEB: up(A)})))
    case.poll_until(285)
    case.on("5 minutes after the boot", lambda: sleep_until(300))
    case.on("the rest restored", lambda: restore_rest(director))
    case.close()


def restore_rest(director: Director) -> None:
    """Restore the rest of the table."""
    director.ipvsadm(add(WEB, B), *rules({OTHER: up(E, F)}))
