# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the collector: its units, access to its socket, its answer and its privileges."""

from __future__ import annotations

import os
import socket
import stat
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import List, Optional, Tuple

from lvs_agent.boundary.connections import COLLECTOR_SOCKET, connect_to
from lvs_agent.codes import Status
from lvs_agent.doctor import units
from lvs_agent.doctor.director import Director, count
from lvs_agent.doctor.finding import RECORD, Finding, State, note, ok, unseen, wrong
from lvs_agent.doctor.machine import READ, WRITE, Machine, Process, group_name, user_name
from lvs_agent.doctor.remedy import Remedy, both, command, move, own
from lvs_agent.doctor.units import Units
from lvs_agent.responder.feed import Feed, Patience
from lvs_agent.snapshot import Snapshot

SOCKET_PATH = str(COLLECTOR_SOCKET)
CAP_NET_ADMIN = 1 << 12  # include/uapi/linux/capability.h
FETCH_SECONDS = 5.0
# as with PrivateUsers=yes or in a rootless container
CONFINED = " in a user namespace of its own, but needs cap_net_admin in the initial one"


@dataclass(frozen=True)
class Seen:
    """The facts known when a collector's answer is judged; at is its socket's path."""

    machine: Machine
    at: str
    units: Units
    director: Director
    snmpd: Optional[Process]
    process: Optional[Process] = None

    @property
    def fix(self) -> Remedy:
        """The command that restarts the collector."""
        return self.units.fix() or own("collector", "--listen", self.at)


def look(
    machine: Machine, director: Director, snmpd: Optional[Process], at: str = SOCKET_PATH
) -> List[Finding]:
    """Return findings on the collector at a path, leaving out those that follow from another."""
    closed = unseen("collector", f"{at}: this user may not connect")
    known = partial(units.ask, name=units.named(at))
    try:
        status = machine.path(at).stat()
    except PermissionError:
        return [*known(machine).socket(), closed]
    except OSError:
        return _no_socket(Seen(machine, at, known(machine), director, snmpd))
    if not stat.S_ISSOCK(status.st_mode):
        return [wrong("socket", f"{at}: not a socket", move(at, f"{at}.old"))]
    began = time.monotonic()
    snapshot, listener = _fetch(machine.path(at))
    took = time.monotonic() - began
    # fetching starts the service, so ask systemd and read /proc only afterwards
    found = known(machine)
    pid = found.pid(listener)
    process = next((each for each in machine.processes() if each.pid == pid), None)
    seen = Seen(machine, at, found, director, snmpd, process)
    findings = [*found.socket(), *found.drop_ins(), _permissions(seen, status)]
    if not os.access(machine.path(at), os.W_OK):
        return [*findings, closed]
    answer = _answer(seen, snapshot, took)
    if process is None or answer.state == State.WRONG:
        return [*findings, answer]
    return [*findings, answer, *_process(seen, process)]


def _no_socket(seen: Seen) -> List[Finding]:
    if seen.units.socket():
        return seen.units.without_socket(seen.at)
    if seen.snmpd is None:
        text = f"{seen.at}: no collector; root's snmpd in the initial user namespace needs none"
        return [note("collector", text)]
    group, confined = group_name(seen.snmpd.gid), seen.machine.confined(seen.snmpd.pid)
    if seen.snmpd.uid == 0 and not confined and seen.at == SOCKET_PATH:
        text = "no collector, and none is needed: snmpd runs as root, with a child collector"
        return [ok("collector", text)]
    who = user_name(seen.snmpd.uid) + CONFINED * confined
    text = f"no statistics: snmpd runs as {who}, and no collector listens at {seen.at}"
    folder = str(Path(seen.at).parent)
    remedy = seen.fix
    if not seen.machine.exists(folder):
        remedy = both(command("install", "-d", "-m", "2750", "-g", group, folder), remedy)
    return [wrong("collector", text, None if confined else remedy)]


def _permissions(seen: Seen, status: os.stat_result) -> Finding:
    owner, mode = user_name(status.st_uid), stat.S_IMODE(status.st_mode)
    where = f"{seen.at} ({owner}:{group_name(status.st_gid)} {mode:04o})"
    if seen.snmpd is None:
        return ok("socket", f"the collector's socket is {where}")
    who, group = user_name(seen.snmpd.uid), group_name(seen.snmpd.gid)
    remedy = seen.units.open_to(group)
    # another user may be able to put a link to a file of root's in the socket's place
    if remedy is None and not seen.machine.replaceable(seen.at):
        remedy = both(command("chgrp", group, seen.at), command("chmod", "0660", seen.at))
    if not seen.machine.may(seen.snmpd, seen.at, READ | WRITE):
        return wrong("socket", f"{where}: snmpd ({who}) may not connect", remedy)
    if mode & 0o002:
        return note("socket", f"{where}: every user may read the director's tables", remedy)
    return ok("socket", f"{where}: snmpd ({who}) may connect")


def _fetch(path: Path) -> Tuple[Snapshot, int]:
    """Return a snapshot, and the process that listens at the socket, 0 if it is unknown."""
    listener = [0]

    def connect() -> socket.socket:
        connection = connect_to(path)
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4)
        listener[0] = int.from_bytes(peer, sys.byteorder)
        return connection

    feed = Feed(connect, Patience(deadline=FETCH_SECONDS))
    try:
        return feed.current(), listener[0]
    finally:
        feed.close()


def _answer(seen: Seen, snapshot: Snapshot, took: float) -> Finding:
    status, fix = snapshot.status, seen.fix
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
    blind = status == Status.NO_IPVS or (not services and bool(seen.director.services))
    if seen.director.loaded and blind:
        text = (
            f"the collector sees {services} virtual services, this machine has"
            f" {seen.director.services}: the collector runs in another network namespace, as with"
            " PrivateNetwork=yes"
        )
        # a path of the administrator's choice may lead to another namespace
        return wrong("collector", text, fix) if seen.at == SOCKET_PATH else note("collector", text)
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
    return f"it runs{CONFINED}" if seen.machine.confined(seen.process.pid) else None


def _process(seen: Seen, process: Process) -> List[Finding]:
    findings = []
    who = f"the collector (pid {process.pid}, {user_name(process.uid)})"
    if process.capabilities & ~CAP_NET_ADMIN:
        text = f"{who}: its capabilities are {process.capabilities:#x}, it needs only cap_net_admin"
        findings.append(note("privilege", text, seen.units.fix()))
    elif process.capabilities:
        findings.append(ok("privilege", f"{who}: has cap_net_admin and nothing else"))
    other = process if seen.snmpd is None else seen.snmpd
    if seen.machine.apart(process.pid, other.pid):
        text = f"{who}: runs in another network namespace than snmpd"
        findings.append(note("privilege", text))
    return findings
