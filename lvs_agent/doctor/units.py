# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the collector's systemd units, and the commands that fix them."""

from __future__ import annotations

import re
from typing import Dict, List, Optional

from lvs_agent.boundary.connections import COLLECTOR_SOCKET
from lvs_agent.doctor.finding import Finding, State, note, ok, unseen, wrong
from lvs_agent.doctor.machine import Machine
from lvs_agent.doctor.remedy import Remedy, append, both, command, move

NAME = "lvs-agent"
RELOAD = command("systemctl", "daemon-reload")
PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,DropInPaths,SocketGroup,"
    "MainPID"
)


class Units:
    """A collector's two units, or none if there is no systemd or it does not answer.

    name is theirs without suffix: an instance of the template has an @ in it.
    """

    def __init__(
        self, machine: Machine, shown: str = "", trouble: str = "", name: str = NAME
    ) -> None:
        self._machine = machine
        self._trouble = trouble
        self._socket, self._service = f"{name}.socket", f"{name}.service"
        self._enable = command("systemctl", "enable", "--now", self._socket)
        self._relisten = command("systemctl", "restart", self._socket)
        # an instance may need its drop-ins, since they can name its namespace
        self._renames = "@" not in name
        self._units: Dict[str, Dict[str, str]] = {}
        for block in shown.strip().split("\n\n"):
            pairs = (line.partition("=") for line in block.splitlines())
            unit = {name: value for name, _, value in pairs}
            if unit.get("LoadState", "not-found") != "not-found":
                self._units[unit.get("Id", "")] = unit

    def socket(self) -> List[Finding]:
        """Return a finding on the socket's unit; none if there is no such unit."""
        if self._trouble:
            return [unseen("units", self._trouble, command("systemctl", "status", self._socket))]
        return [self._listens(self._units[self._socket])] if self._socket in self._units else []

    def without_socket(self, path: str) -> List[Finding]:
        """Return a finding on the socket's unit when nothing is at the socket's path."""
        found = self.socket()
        if found and found[0].state in (State.OK, State.NOTE):
            text = f"{self._socket} listens, but {path} does not exist"
            return [wrong("units", text, self._relisten)]
        return found

    def drop_ins(self) -> List[Finding]:
        """Return a note on each of the administrator's files that changes the service."""
        cat = command("systemctl", "cat", self._service)
        paths = _own_drop_ins(self._units.get(self._service, {}))
        return [note("units", f"{self._service} is modified by {path}", cat) for path in paths]

    def failed(self) -> Optional[Finding]:
        """Return the reason the service does not answer; None if systemd knows of none."""
        unit = self._units.get(self._service, {})
        if unit.get("LoadState") == "masked":
            remedy = both(command("systemctl", "unmask", self._service), self._relisten)
            return wrong("units", f"{self._service} is masked", remedy)
        if unit.get("ActiveState") == "failed" or unit.get("SubState") == "auto-restart":
            result = f"{unit.get('Result')}, {unit.get('NRestarts', '0')} restarts"
            text = f"{self._service} exits as soon as it is started: {result}"
            log = command("journalctl", "-u", self._service, "-n", "20")
            return wrong("units", text, self.fix() if self._renamable(unit) else log)
        return None

    def fix(self) -> Optional[Remedy]:
        """Return the command that restores the service as packaged; None if there is no unit."""
        if self._service not in self._units:
            return None
        return self._restored(
            self._units[self._service], command("systemctl", "restart", self._service)
        )

    def pid(self, listener: int) -> int:
        """Return the collector's PID or 0; listener is systemd if there is a unit."""
        unit = self._units.get(self._service)
        return listener if unit is None else int(unit.get("MainPID", "0"))

    def open_to(self, group: str) -> Optional[Remedy]:
        """Return the command that gives a group access to the socket; None if there is no unit."""
        if self._socket not in self._units:
            return None
        unit = self._units[self._socket]
        if unit.get("SocketGroup") == group:
            return self._relisten
        # after the administrator's
        drop_in = f"/etc/systemd/system/{self._socket}.d/zz-snmpd.conf"
        lines = ("[Socket]", f"SocketGroup={group}", "SocketMode=0660")
        return both(
            command("mkdir", "-p", drop_in.rpartition("/")[0]),
            append(self._machine, drop_in, *lines),
            RELOAD,
            self._relisten,
        )

    def _listens(self, unit: Dict[str, str]) -> Finding:
        state = unit.get("ActiveState", "")
        if unit["LoadState"] == "masked":
            return wrong(
                "units",
                f"{self._socket} is masked",
                both(command("systemctl", "unmask", self._socket), self._enable),
            )
        if unit["LoadState"] != "loaded":
            text = f"{self._socket} cannot be loaded: {unit['LoadState']}"
            verify = command("systemd-analyze", "verify", self._socket)
            return wrong(
                "units",
                text,
                self._restored(unit, self._enable) if self._renamable(unit) else verify,
            )
        if state == "failed":
            text = f"{self._socket} has failed: {unit.get('Result')}"
            log = command("journalctl", "-u", self._socket, "-n", "20")
            return wrong("units", text, both(log, self._relisten))
        if state != "active":
            return wrong("units", f"{self._socket} is stopped", self._enable)
        if unit.get("UnitFileState") == "disabled":
            text = (
                f"{self._socket} listens, but is disabled: it will not listen after the next boot"
            )
            return note("units", text, command("systemctl", "enable", self._socket))
        return ok("units", f"{self._socket} listens")

    def _restored(self, unit: Dict[str, str], restart: Remedy) -> Remedy:
        """Return the command that renames the administrator's files and then restarts a unit."""
        renamed = [move(path, f"{path}.old") for path in self._renamable(unit)]
        return both(*renamed, RELOAD, restart) if renamed else restart

    def _renamable(self, unit: Dict[str, str]) -> List[str]:
        return _own_drop_ins(unit) if self._renames else []


def named(path: str) -> Optional[str]:
    """Return the name without suffix of the packaged units with a socket; None if it is another."""
    if path == str(COLLECTOR_SOCKET):
        return NAME
    stem = re.escape(str(COLLECTOR_SOCKET.with_suffix("")))
    match = re.fullmatch(rf"{stem}@([\w:.\\-]+)\.sock", path)
    return None if match is None else f"{NAME}@{match[1]}"


def ask(machine: Machine, name: Optional[str] = NAME) -> Units:
    """Return the units of this name as systemctl show reports them."""
    if name is None or not machine.systemd:
        return Units(machine)
    both_units = (f"{name}.socket", f"{name}.service")
    done = machine.run(["systemctl", "show", "--no-pager", "-p", PROPERTIES, *both_units])
    if done is None or done.status != 0:
        said = done.err.strip().splitlines() if done is not None else []
        trouble = f"systemctl: {said[0] if said else 'not installed'}"
        return Units(machine, trouble=trouble, name=name)
    return Units(machine, done.out, name=name)


def _own_drop_ins(unit: Dict[str, str]) -> List[str]:
    # drop-ins below /usr/lib are the distribution's, for every service
    paths = unit.get("DropInPaths", "").split()
    return [path for path in paths if path.startswith(("/etc/", "/run/")) and "lvs-agent" in path]
