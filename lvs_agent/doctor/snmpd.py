# SPDX-License-Identifier: GPL-3.0-or-later
"""snmpd itself: does it run, as whom, and what is known of its version?"""

from __future__ import annotations

import os
import re
from typing import List, Optional, Tuple

from lvs_agent.doctor.finding import Finding, note, ok, unseen, wrong
from lvs_agent.doctor.machine import DELETED, Machine, Process, user_name
from lvs_agent.doctor.remedy import Remedy, command

# No pass_persist of net-snmp before 5.5 knows Counter64 (agent/mibgroup/ucd-snmp/pass_persist.c)
COUNTER64 = (5, 5)
# The table of children is made for as many lines as there are at the first question and never
# grows; the same in this release as in those before.
RELOAD = (5, 9, 5, 2)


def find(machine: Machine) -> List[Process]:
    """Each snmpd of this machine, the oldest first."""
    found = [process for process in machine.processes() if process.name == "snmpd"]
    return sorted(found, key=lambda process: (process.started, process.pid))


def look(machine: Machine, running: List[Process]) -> List[Finding]:
    """Findings on the processes and on the version."""
    if not running:
        return [_stopped(machine)]
    first = running[0]
    who = user_name(first.uid)
    findings = []
    version, said = _version(machine) if _is_installed(machine, first) else (None, "")
    name = f"snmpd {said}" if said else "snmpd"
    findings.append(ok("snmpd", f"{name} runs as {who} (pid {first.pid})"))
    if len(running) > 1:
        others = ", ".join(str(process.pid) for process in running[1:])
        text = f"{len(running)} snmpd run; this is about pid {first.pid}, not {others}"
        findings.append(
            note("snmpd", text, command("ps", "-o", "pid,user,lstart,args", "-C", "snmpd"))
        )
    if version is None:
        findings.append(_no_version(machine, first))
    elif version < COUNTER64:
        text = f"{name} knows no Counter64 in pass_persist: 64-bit counters are missing"
        findings.append(wrong("snmpd", text, upgrade(machine)))
    elif version <= RELOAD:
        text = f"{name} may crash when a reload brings a new pass_persist line: restart it instead"
        findings.append(note("snmpd", text))
    return findings


def restart(machine: Machine) -> Remedy:
    """The command that makes snmpd read its configuration; a reload would not do."""
    systemd, other = ("systemctl", "restart", "snmpd"), ("service", "snmpd", "restart")
    return command(*(systemd if machine.systemd else other))


def install(machine: Machine, debian: str, redhat: str) -> Remedy:
    """The command that installs a package."""
    if machine.exists("/usr/bin/dnf"):
        return command("dnf", "install", redhat)
    return command("apt", "install", debian)


def upgrade(machine: Machine) -> Remedy:
    """The command that installs snmpd or a newer one."""
    return install(machine, "snmpd", "net-snmp")


def _stopped(machine: Machine) -> Finding:
    if machine.find("snmpd") is None:
        return wrong("snmpd", "snmpd is not installed", upgrade(machine))
    systemd, other = ("systemctl", "enable", "--now", "snmpd"), ("service", "snmpd", "start")
    return wrong("snmpd", "snmpd does not run", command(*(systemd if machine.systemd else other)))


def _is_installed(machine: Machine, process: Process) -> bool:
    """Whether the process runs the snmpd that is installed, as far as this user may know."""
    program, installed = machine.program(process.pid), machine.find("snmpd")
    if program is None or installed is None:
        return program is None
    return os.path.realpath(machine.path(installed)) == str(machine.path(program))


def _no_version(machine: Machine, process: Process) -> Finding:
    if _is_installed(machine, process):
        return unseen("snmpd", "snmpd -v does not tell a version", command("snmpd", "-v"))
    program = machine.program(process.pid) or ""
    text = f"the version of pid {process.pid} is not known: it runs {program}"
    return unseen("snmpd", text, restart(machine) if program.endswith(DELETED) else None)


def _version(machine: Machine) -> Tuple[Optional[Tuple[int, ...]], str]:
    """The version of the snmpd that is installed, as numbers and as it is printed."""
    done = machine.run(["snmpd", "-v"])
    match = re.search(r"version:\s*(\d+(?:\.\d+)*)(\S*)", done.out if done is not None else "")
    if match is None:
        return None, ""
    return tuple(map(int, match[1].split("."))), match[1] + match[2]
