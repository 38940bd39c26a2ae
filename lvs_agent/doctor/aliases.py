# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the file of aliases: that snmpd may read it, its lines, and that they match rows."""

from __future__ import annotations

import os
from typing import List, Optional, Sequence, Set

from lvs_agent.aliases import ALIASES, Aliases, Named
from lvs_agent.doctor.finding import Finding, note, ok, unseen, wrong
from lvs_agent.doctor.machine import EXECUTE, READ, Machine, Process, user_name
from lvs_agent.doctor.remedy import Remedy, both, command
from lvs_agent.services import VirtualService


def look(
    machine: Machine, services: Sequence[VirtualService], snmpd: Optional[Process], named: str = ""
) -> List[Finding]:
    """Return a finding on the file that snmpd's line names, else on the default one if it exists.

    services are the present ones; if there are none, rows are not checked.
    """
    at = named or str(ALIASES)
    try:
        data = machine.content(at)
    except FileNotFoundError:
        return [note("aliases", f"{at}: does not exist")] if named else []
    except PermissionError:
        return [unseen("aliases", f"{at}: not readable by this user")]
    except OSError as error:
        return [wrong("aliases", f"{at}: not read: {error.strerror}", command("ls", "-l", at))]
    if snmpd is not None and not machine.may(snmpd, at, READ):
        text = f"{at}: snmpd ({user_name(snmpd.uid)}) may not read it"
        return [wrong("aliases", text, _open(machine, snmpd, at))]
    aliases = Aliases(data)
    if aliases.bad:
        first, more = aliases.bad[0], len(aliases.bad) - 1
        text = f"{at}:{first.number}: {first.reason}"
        return [wrong("aliases", text + f"; invalid lines after it: {more}" * bool(more))]
    text = f"{at}: {len(aliases.lines)} alias{'es' * (len(aliases.lines) != 1)}"
    there = _there(services)
    absent = [number for row, number in aliases.lines.items() if row not in there]
    if absent and services:
        text += f"; aliases that match no row now: {len(absent)}, the first in line {absent[0]}"
        return [note("aliases", text)]
    return [ok("aliases", text)]


def _open(machine: Machine, snmpd: Process, at: str) -> Optional[Remedy]:
    """Return the command that lets every user read a file in a folder that only root can write."""
    if machine.replaceable(at):
        return None
    remedy, folder = command("chmod", "a+r", at), os.path.dirname(at)
    if machine.may(snmpd, folder, EXECUTE):
        return remedy
    return both(command("chmod", "a+x", folder), remedy)


def _there(services: Sequence[VirtualService]) -> Set[Named]:
    there = set()
    for vs in services:
        there |= {Named(vs.key), Named(address=vs.packed)}
        for rs in vs.real_servers:
            there |= {Named(vs.key, rs.key), Named(address=rs.packed)}
    return there
