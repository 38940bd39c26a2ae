# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the state directory: that row numbers and counters are saved."""

from __future__ import annotations

import os
from typing import List

from lvs_agent.collector.statefile import STATE_DIRECTORY, StateError, StateFile
from lvs_agent.doctor.director import count
from lvs_agent.doctor.finding import Finding, note, ok, unseen, wrong
from lvs_agent.doctor.machine import Machine, user_name
from lvs_agent.doctor.remedy import command

FOLDER = str(STATE_DIRECTORY)


def look(machine: Machine, at: str = FOLDER) -> List[Finding]:
    """Return findings on history.jsonl in the folder at."""
    folder = machine.path(at)
    try:
        names = os.listdir(folder)
        owner = user_name(folder.stat().st_uid)
    except PermissionError:
        return [unseen("state", f"{at}: not readable by this user")]
    except OSError:
        text = f"{at}: does not exist; the collector creates it when it first numbers a row"
        return [note("state", text)]
    return [_history(machine, at, names, owner)]


def _history(machine: Machine, at: str, names: List[str], owner: str) -> Finding:
    if "history.jsonl" not in names:
        return note("state", f"{at} ({owner}): no row numbers yet")
    file = StateFile(machine.path(at))
    try:
        services = file.load()
    except StateError as error:
        if isinstance(error.__cause__, PermissionError):
            return unseen("state", f"{at}/history.jsonl: not readable by this user")
        return wrong("state", str(error), command("ls", "-l", at))
    if file.damaged:
        text = f"invalid lines: {file.damaged}, the first: {file.problem}"
        return wrong("state", text, command("less", f"{at}/history.jsonl"))
    servers = sum(len(each.servers.rows) for each in services.rows.values())
    return ok("state", f"{at} ({owner}): remembers {count(len(services.rows), servers)}")
