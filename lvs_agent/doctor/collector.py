# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the collector: its units, access to its socket, its answer and its privileges."""

from __future__ import annotations

import os
import socket
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Tuple

import lvs_agent
from lvs_agent.boundary.connections import COLLECTOR_SOCKET, connect_to
from lvs_agent.codes import Status
from lvs_agent.doctor import units
from lvs_agent.doctor.director import Director, count
from lvs_agent.doctor.finding import RECORD, Finding, State, note, ok, unseen, wrong
from lvs_agent.doctor.machine import READ, WRITE, Machine, Process, group_name, user_name
from lvs_agent.doctor.remedy import both, command, move, own
from lvs_agent.doctor.units import Units
from lvs_agent.responder.feed import Feed, Patience
from lvs_agent.snapshot import Snapshot

SOCKET_PATH = str(COLLECTOR_SOCKET)
CAP_NET_ADMIN = 1 << 12  # include/uapi/linux/capability.h
FETCH_SECONDS = 5.0
CLOSED = unseen("collector", f"{SOCKET_PATH}: this user may not connect")
COMMAND = own("collector", "--listen", SOCKET_PATH)


@dataclass(frozen=True)
class Seen:
    """The facts known when a collector's answer is judged."""

    machine: Machine
    units: Units
    director: Director
    snmpd: Optional[Process]
    process: Optional[Process] = None


def look(machine: Machine, director: Director, snmpd: Optional[Process]) -> List[Finding]:
    """Return findings on the collector, leaving out those that follow from another."""
    try:
        status = machine.path(SOCKET_PATH).stat()
    except PermissionError:
        return [*units.ask(machine).socket(), CLOSED]
    except OSError:
        return _no_socket(Seen(machine, units.ask(machine), director, snmpd))
    if not stat.S_ISSOCK(status.st_mode):
        remedy = move(SOCKET_PATH, f"{SOCKET_PATH}.old")
        return [wrong("socket", f"{SOCKET_PATH}: not a socket", remedy)]
    snapshot, refused, took = _fetch(machine.path(SOCKET_PATH))
    # fetching starts the service, so ask systemd and read /proc only afterwards
    seen = Seen(machine, units.ask(machine), director, snmpd, find(machine))
    findings = [*seen.units.socket(), *seen.units.drop_ins(), _permissions(seen, status)]
    if isinstance(refused, PermissionError):
        return [*findings, CLOSED]
    answer = _answer(seen, snapshot, took)
    if seen.process is None or answer.state == State.WRONG:
        return [*findings, answer]
    return [*findings, answer, *_process(seen, seen.process)]


def find(machine: Machine) -> Optional[Process]:
    """Return the process of the collector at the socket's usual path; None if there is none."""
    for process in machine.processes():
        words = list(process.arguments)
        at = words.index("collector") if "collector" in words else 0
        ours = at and Path(words[at - 1]).name in ("lvs-agent", "lvs_agent", "__main__.py")
        if ours and ("--listen" not in words or SOCKET_PATH in words):
            return process
    return None


def _no_socket(seen: Seen) -> List[Finding]:
    if seen.units.socket():
        return seen.units.without_socket(SOCKET_PATH)
    if seen.snmpd is None:
        return [
            note("collector", f"{SOCKET_PATH}: no collector; none is needed if snmpd runs as root")
        ]
    if seen.snmpd.uid == 0:
        text = "no collector, and none is needed: snmpd runs as root, with a child collector"
        return [ok("collector", text)]
    group = group_name(seen.snmpd.gid)
    text = (
        f"no statistics: snmpd runs as {user_name(seen.snmpd.uid)}, and no collector listens at"
        f" {SOCKET_PATH}"
    )
    folder = command("install", "-d", "-m", "2750", "-g", group, str(Path(SOCKET_PATH).parent))
    return [wrong("collector", text, both(folder, COMMAND))]


def _permissions(seen: Seen, status: os.stat_result) -> Finding:
    owner, mode = user_name(status.st_uid), stat.S_IMODE(status.st_mode)
    where = f"{SOCKET_PATH} ({owner}:{group_name(status.st_gid)} {mode:04o})"
    if seen.snmpd is None:
        return ok("socket", f"the collector's socket is {where}")
    who, group = user_name(seen.snmpd.uid), group_name(seen.snmpd.gid)
    remedy = seen.units.open_to(group)
    if remedy is None:
        remedy = both(command("chgrp", group, SOCKET_PATH), command("chmod", "0660", SOCKET_PATH))
    if not seen.machine.may(seen.snmpd, SOCKET_PATH, READ | WRITE):
        return wrong("socket", f"{where}: snmpd ({who}) may not connect", remedy)
    if mode & 0o002:
        return note("socket", f"{where}: every user may read the director's tables", remedy)
    return ok("socket", f"{where}: snmpd ({who}) may connect")


def _fetch(path: Path) -> Tuple[Snapshot, Optional[OSError], float]:
    """Return a snapshot, the error on connecting if there was one, and the seconds it took."""
    refused: List[OSError] = []

    def connect() -> socket.socket:
        try:
            return connect_to(path)
        except OSError as error:
            refused.append(error)
            raise

    feed = Feed(connect, Patience(deadline=FETCH_SECONDS))
    began = time.monotonic()
    try:
        snapshot = feed.current()
    finally:
        feed.close()
    return snapshot, refused[0] if refused else None, time.monotonic() - began


def _answer(seen: Seen, snapshot: Snapshot, took: float) -> Finding:
    status, fix = snapshot.status, seen.units.fix() or COMMAND
    services = len(snapshot.services)
    if status == Status.NO_COLLECTOR:
        failed = seen.units.failed()
        return failed or wrong("collector", f"the collector does not work: {snapshot.text}", fix)
    if status == Status.NO_STATISTICS:
        why = _refusal(seen) or snapshot.text
        return wrong("collector", f"the collector may not read the kernel's tables: {why}", fix)
    if status == Status.DEGRADED:
        remedy = fix if "not saved" in snapshot.text else RECORD
        return wrong("collector", f"the collector reports: {snapshot.text}", remedy)
    blind = services == 0 and (bool(seen.director.services) or _elsewhere(seen, "net"))
    if seen.director.loaded and (blind or status == Status.NO_IPVS):
        text = (
            f"the collector sees {services} virtual services, this machine has"
            f" {seen.director.services}: the collector runs in another network namespace, as with"
            " PrivateNetwork=yes"
        )
        return wrong("collector", text, fix)
    if status == Status.NO_IPVS:
        return ok("collector", "the collector answers; ip_vs is not loaded")
    servers = sum(len(service.real_servers) for service in snapshot.services)
    what = count(services, servers)
    return ok("collector", f"the collector answers in {took * 1000:.0f} ms: {what}")


def _refusal(seen: Seen) -> Optional[str]:
    """Return the reason the kernel refuses the collector, as its process shows; None if unknown."""
    if seen.process is None:
        return None
    held = seen.process.capabilities
    if not held & CAP_NET_ADMIN:
        return f"it lacks cap_net_admin (its capabilities: {f'{held:#x}' if held else 'none'})"
    if _elsewhere(seen, "user"):
        return "it runs in another user namespace, as with PrivateUsers=yes"
    return None


def _process(seen: Seen, process: Process) -> List[Finding]:
    findings = []
    who = f"the collector (pid {process.pid}, {user_name(process.uid)})"
    if process.capabilities & ~CAP_NET_ADMIN:
        text = (
            f"{who}: needs only cap_net_admin, but its capabilities are {process.capabilities:#x}"
        )
        findings.append(note("privilege", text, seen.units.fix()))
    elif process.capabilities:
        findings.append(ok("privilege", f"{who}: has cap_net_admin and nothing else"))
    if _elsewhere(seen, "net"):
        text = f"{who}: runs in another network namespace than {_reference(seen)}"
        findings.append(note("privilege", text))
    code = Path(lvs_agent.__file__).parent
    newest = max(seen.machine.changed(str(each)) for each in code.rglob("*.py"))
    # the start of a process is accurate to one second
    if newest > process.started + 1:
        text = f"{who}: started before lvs-agent was last changed"
        findings.append(note("version", text, seen.units.fix() or COMMAND))
    return findings


def _reference(seen: Seen) -> str:
    return "snmpd" if seen.snmpd is not None else "pid 1"


def _elsewhere(seen: Seen, kind: str) -> bool:
    """Return whether the collector's namespace is known to differ from snmpd's, or else pid 1's."""
    if seen.process is None:
        return False
    other = seen.snmpd.pid if seen.snmpd is not None else 1
    theirs = seen.machine.namespace(seen.process.pid, kind)
    ours = seen.machine.namespace(other, kind)
    return theirs is not None and ours is not None and theirs != ours
