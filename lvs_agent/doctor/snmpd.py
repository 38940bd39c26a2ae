# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of snmpd itself: that it runs, and its user."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import List, Mapping, Optional, Tuple

from lvs_agent.doctor.finding import Finding, note, ok, unseen, wrong
from lvs_agent.doctor.machine import DELETED, Machine, Process, user_name
from lvs_agent.doctor.remedy import Remedy, command

PID_FILES = ("/run/snmpd.pid", "/var/run/snmpd.pid")
ACCOUNT = "Debian-snmp"  # of Debian's package; other packages run snmpd as root


@dataclass(frozen=True)
class Running:
    """The snmpd of a machine, and other processes of that name.

    Root, systemd or the distribution's account for snmpd started the chosen process. Its arguments
    and environment are trusted for that reason alone: the files they name are read, and the
    addresses they name are queried with a community. Any user can name a program snmpd, or run
    snmpd with other files, so nothing that the other processes name is opened, run or queried.
    """

    chosen: Optional[Process] = None
    others: Tuple[Process, ...] = ()


def find(machine: Machine) -> Running:
    """Return the snmpd of this machine: systemd's, else a pid file's, else the oldest of root's."""
    oldest_first = sorted(machine.processes(), key=lambda each: (each.started, each.pid))
    processes = {each.pid: each for each in oldest_first}
    chosen = (
        _of_systemd(machine, processes)
        or _of_pid_file(machine, processes)
        or _of_root(machine, processes)
    )
    named = (each for each in oldest_first if each.name == "snmpd")
    return Running(chosen, tuple(each for each in named if each != chosen))


def look(machine: Machine, running: Running) -> List[Finding]:
    """Return findings on the processes."""
    first, others = running.chosen, running.others
    if first is None:
        return [_stopped(machine, others), *_others(others)]
    text = f"snmpd{_version(machine, first)} runs as {user_name(first.uid)} (pid {first.pid})"
    return [ok("snmpd", text), *_others(others)]


def restart(machine: Machine) -> Remedy:
    """Return the command that makes snmpd read its configuration; a reload is not enough."""
    if machine.systemd:
        return command("systemctl", "restart", "snmpd")
    return command("service", "snmpd", "restart")


def install(machine: Machine, debian: str, redhat: str) -> Remedy:
    """Return the command that installs a package."""
    if machine.exists("/usr/bin/dnf"):
        return command("dnf", "install", redhat)
    return command("apt", "install", debian)


def _of_systemd(machine: Machine, processes: Mapping[int, Process]) -> Optional[Process]:
    show = ("systemctl", "show", "--no-pager", "-p", "MainPID", "snmpd.service")
    done = machine.run(show) if machine.systemd else None
    match = re.search(r"^MainPID=(\d+)$", done.out if done is not None else "", re.MULTILINE)
    return processes.get(int(match[1])) if match is not None else None


def _of_pid_file(machine: Machine, processes: Mapping[int, Process]) -> Optional[Process]:
    for file in PID_FILES:
        try:
            process = processes.get(int(machine.read(file)))
        except (OSError, ValueError):
            continue
        # a process that started after the file was written is another one with the same pid
        written = machine.changed(file) + 1
        if process is not None and process.started <= written and machine.only_roots(file):
            return process
    return None


def _of_root(machine: Machine, processes: Mapping[int, Process]) -> Optional[Process]:
    for process in processes.values():
        program = (machine.program(process.pid) or "").replace(DELETED, "")
        trusted = process.uid == 0 or user_name(process.uid) == ACCOUNT
        if trusted and Path(program).name == "snmpd" and machine.only_roots(program):
            return process
    return None


def _others(others: Tuple[Process, ...]) -> List[Finding]:
    if not others:
        return []
    said = ", ".join(f"{each.pid} ({user_name(each.uid)})" for each in others)
    remedy = command("ps", "-o", "pid,user,lstart,args", "-C", "snmpd")
    return [note("snmpd", f"other processes named snmpd, not checked: pid {said}", remedy)]


def _stopped(machine: Machine, others: Tuple[Process, ...]) -> Finding:
    confined = machine.confined(os.getpid())  # where root's files seem to be another user's
    if any(confined or machine.program(each.pid) is None for each in others):
        return unseen("snmpd", "this user cannot see which process is root's snmpd")
    if machine.find("snmpd") is None:
        return wrong("snmpd", "snmpd is not installed", install(machine, "snmpd", "net-snmp"))
    start = command("service", "snmpd", "start")
    if machine.systemd:
        start = command("systemctl", "enable", "--now", "snmpd")
    return wrong("snmpd", "snmpd is not running", start)


def _version(machine: Machine, process: Process) -> str:
    """Return the version of the installed snmpd, after a space; "" if another file runs."""
    program, installed = machine.program(process.pid), machine.find("snmpd")
    if program is None or installed is None or os.path.realpath(installed) != program:
        return ""
    done = machine.run(["snmpd", "-v"])
    match = re.search(r"version:( +\S+)", done.out if done is not None else "")
    return "" if match is None else f" {match[1].strip()}"
