# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the collector's systemd units, and the commands that fix them."""

from __future__ import annotations

from typing import Dict, List, Optional

from lvs_agent.doctor.finding import Finding, State, note, ok, unseen, wrong
from lvs_agent.doctor.machine import Machine
from lvs_agent.doctor.remedy import Remedy, append, both, command, move

SOCKET, SERVICE = "lvs-agent.socket", "lvs-agent.service"
ENABLE = command("systemctl", "enable", "--now", SOCKET)
RELISTEN = command("systemctl", "restart", SOCKET)
RELOAD = command("systemctl", "daemon-reload")
PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,DropInPaths,SocketGroup,"
    "MainPID"
)
DROP_IN = f"/etc/systemd/system/{SOCKET}.d/zz-snmpd.conf"  # after the administrator's


class Units:
    """The two units of a machine, or none if there is no systemd or it does not answer."""

    def __init__(self, machine: Machine, shown: str = "", trouble: str = "") -> None:
        self._machine = machine
        self._trouble = trouble
        self._units: Dict[str, Dict[str, str]] = {}
        for block in shown.strip().split("\n\n"):
            pairs = (line.partition("=") for line in block.splitlines())
            unit = {name: value for name, _, value in pairs}
            if unit.get("LoadState", "not-found") != "not-found":
                self._units[unit.get("Id", "")] = unit

    def socket(self) -> List[Finding]:
        """Return a finding on the socket's unit; none if there is no such unit."""
        if self._trouble:
            return [unseen("units", self._trouble, command("systemctl", "status", SOCKET))]
        return [_socket(self._units[SOCKET])] if SOCKET in self._units else []

    def without_socket(self, path: str) -> List[Finding]:
        """Return a finding on the socket's unit when nothing is at the socket's path."""
        found = self.socket()
        if found and found[0].state in (State.OK, State.NOTE):
            text = f"{SOCKET} listens, but {path} does not exist"
            return [wrong("units", text, RELISTEN)]
        return found

    def drop_ins(self) -> List[Finding]:
        """Return a note on each of the administrator's files that changes the service."""
        cat = command("systemctl", "cat", SERVICE)
        paths = _own_drop_ins(self._units.get(SERVICE, {}))
        return [note("units", f"{SERVICE} is modified by {path}", cat) for path in paths]

    def failed(self) -> Optional[Finding]:
        """Return the reason the service does not answer; None if systemd knows of none."""
        unit = self._units.get(SERVICE, {})
        if unit.get("LoadState") == "masked":
            remedy = both(command("systemctl", "unmask", SERVICE), RELISTEN)
            return wrong("units", f"{SERVICE} is masked", remedy)
        if unit.get("ActiveState") == "failed" or unit.get("SubState") == "auto-restart":
            result = f"{unit.get('Result')}, {unit.get('NRestarts', '0')} restarts"
            text = f"{SERVICE} exits as soon as it is started: {result}"
            log = command("journalctl", "-u", SERVICE, "-n", "20")
            return wrong("units", text, self.fix() if _own_drop_ins(unit) else log)
        return None

    def fix(self) -> Optional[Remedy]:
        """Return the command that restores the service as packaged; None if there is no unit."""
        if SERVICE not in self._units:
            return None
        return _restored(self._units[SERVICE], command("systemctl", "restart", SERVICE))

    def pid(self, listener: int) -> int:
        """Return the collector's PID or 0; listener is systemd if there is a unit."""
        unit = self._units.get(SERVICE)
        return listener if unit is None else int(unit.get("MainPID", "0"))

    def open_to(self, group: str) -> Optional[Remedy]:
        """Return the command that gives a group access to the socket; None if there is no unit."""
        if SOCKET not in self._units:
            return None
        unit = self._units[SOCKET]
        if unit.get("SocketGroup") == group:
            return RELISTEN
        lines = ("[Socket]", f"SocketGroup={group}", "SocketMode=0660")
        return both(
            command("mkdir", "-p", DROP_IN.rpartition("/")[0]),
            append(self._machine, DROP_IN, *lines),
            RELOAD,
            RELISTEN,
        )


def ask(machine: Machine) -> Units:
    """Return the units as systemctl show reports them."""
    if not machine.systemd:
        return Units(machine)
    done = machine.run(["systemctl", "show", "--no-pager", "-p", PROPERTIES, SOCKET, SERVICE])
    if done is None or done.status != 0:
        said = done.err.strip().splitlines() if done is not None else []
        return Units(machine, trouble=f"systemctl: {said[0] if said else 'not installed'}")
    return Units(machine, done.out)


def _socket(unit: Dict[str, str]) -> Finding:
    state = unit.get("ActiveState", "")
    if unit["LoadState"] == "masked":
        return wrong(
            "units", f"{SOCKET} is masked", both(command("systemctl", "unmask", SOCKET), ENABLE)
        )
    if unit["LoadState"] != "loaded":
        text = f"{SOCKET} cannot be loaded: {unit['LoadState']}"
        verify = command("systemd-analyze", "verify", SOCKET)
        return wrong("units", text, _restored(unit, ENABLE) if _own_drop_ins(unit) else verify)
    if state == "failed":
        text = f"{SOCKET} has failed: {unit.get('Result')}"
        log = command("journalctl", "-u", SOCKET, "-n", "20")
        return wrong("units", text, both(log, RELISTEN))
    if state != "active":
        return wrong("units", f"{SOCKET} is stopped", ENABLE)
    if unit.get("UnitFileState") == "disabled":
        text = f"{SOCKET} listens, but is disabled: it will not listen after the next boot"
        return note("units", text, command("systemctl", "enable", SOCKET))
    return ok("units", f"{SOCKET} listens")


def _restored(unit: Dict[str, str], restart: Remedy) -> Remedy:
    """Return the command that renames the administrator's files and then restarts a unit."""
    renamed = [move(path, f"{path}.old") for path in _own_drop_ins(unit)]
    return both(*renamed, RELOAD, restart) if renamed else restart


def _own_drop_ins(unit: Dict[str, str]) -> List[str]:
    # drop-ins below /usr/lib are the distribution's, for every service
    paths = unit.get("DropInPaths", "").split()
    return [path for path in paths if path.startswith(("/etc/", "/run/")) and "lvs-agent" in path]
