# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd says of the collector's units, and the commands that mend them."""

from __future__ import annotations

from typing import Dict, List, Optional

from lvs_agent.doctor.finding import Finding, State, note, ok, unseen, wrong
from lvs_agent.doctor.machine import Machine

SOCKET, SERVICE = "lvs-agent.socket", "lvs-agent.service"
ENABLE = f"systemctl enable --now {SOCKET}"
PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,DropInPaths,SocketGroup"
)
DROP_IN = f"/etc/systemd/system/{SOCKET}.d/snmpd.conf"


class Units:
    """The two units; without systemd, or where it does not answer, none are there."""

    def __init__(self, shown: Optional[str] = None, trouble: str = "") -> None:
        self._trouble = trouble
        self._units: Dict[str, Dict[str, str]] = {}
        for block in (shown or "").strip().split("\n\n"):
            pairs = (line.partition("=") for line in block.splitlines())
            unit = {name: value for name, _, value in pairs}
            if unit.get("LoadState", "not-found") != "not-found":
                self._units[unit.get("Id", "")] = unit

    def socket(self) -> List[Finding]:
        """What is right or wrong with the socket's unit; nothing where there is none."""
        if self._trouble:
            return [unseen("units", self._trouble, f"systemctl status {SOCKET}")]
        return [_socket(self._units[SOCKET])] if SOCKET in self._units else []

    def without_socket(self, path: str) -> List[Finding]:
        """The same where nothing is at the socket's path."""
        found = self.socket()
        if found and found[0].state in (State.OK, State.NOTE):
            text = f"{SOCKET} listens, and {path} is gone"
            return [wrong("units", text, f"systemctl restart {SOCKET}")]
        return found

    def drop_ins(self) -> List[Finding]:
        """A note on each file of the administrator's that changes the service."""
        cat = f"systemctl cat {SERVICE}"
        paths = _own_drop_ins(self._units.get(SERVICE, {}))
        return [note("units", f"{SERVICE} is changed by {path}", cat) for path in paths]

    def failed(self) -> Optional[Finding]:
        """Why the service does not answer, if systemd knows."""
        unit = self._units.get(SERVICE, {})
        if unit.get("LoadState") == "masked":
            remedy = f"systemctl unmask {SERVICE} && systemctl restart {SOCKET}"
            return wrong("units", f"{SERVICE} is masked", remedy)
        if unit.get("ActiveState") == "failed" or unit.get("SubState") == "auto-restart":
            result = f"{unit.get('Result')}, {unit.get('NRestarts', '0')} restarts"
            text = f"{SERVICE} ends as soon as it is started: {result}"
            log = f"journalctl -u {SERVICE} -n 20"
            return wrong("units", text, self.mend() if _own_drop_ins(unit) else log)
        return None

    def mend(self) -> Optional[str]:
        """The command that brings the service back to what its package says; None: no unit."""
        if SERVICE not in self._units:
            return None
        restart = f"systemctl restart {SERVICE}"
        if _own_drop_ins(self._units[SERVICE]):
            return f"systemctl revert {SERVICE} && {restart}"
        return restart

    def open_to(self, group: str) -> Optional[str]:
        """The command that gives a group the socket; None: no unit."""
        if SOCKET not in self._units:
            return None
        unit = self._units[SOCKET]
        restart = f"systemctl restart {SOCKET}"
        if unit.get("SocketGroup") == group:
            return restart
        if _own_drop_ins(unit):
            return f"systemctl revert {SOCKET} && {restart}"
        folder = DROP_IN.rpartition("/")[0]
        lines = f"[Socket]\\nSocketGroup={group}\\nSocketMode=0660\\n"
        return (
            f"mkdir -p {folder} && printf '{lines}' > {DROP_IN}"
            f" && systemctl daemon-reload && {restart}"
        )


def ask(machine: Machine) -> Units:
    """What systemctl show says of them."""
    if not machine.systemd:
        return Units()
    done = machine.run(["systemctl", "show", "--no-pager", "-p", PROPERTIES, SOCKET, SERVICE])
    if done is None or done.status != 0:
        said = done.err.strip().splitlines() if done is not None else []
        return Units(None, f"systemctl does not say: {said[0] if said else 'not installed'}")
    return Units(done.out)


def _socket(unit: Dict[str, str]) -> Finding:
    state = unit.get("ActiveState", "")
    if unit["LoadState"] == "masked":
        return wrong("units", f"{SOCKET} is masked", f"systemctl unmask {SOCKET} && {ENABLE}")
    if unit["LoadState"] != "loaded":
        text = f"{SOCKET} can't be loaded: {unit['LoadState']}"
        return wrong("units", text, f"systemctl revert {SOCKET} && {ENABLE}")
    if state == "failed":
        text = f"{SOCKET} has failed: {unit.get('Result')}"
        return wrong("units", text, f"journalctl -u {SOCKET} -n 20; systemctl restart {SOCKET}")
    if state != "active":
        return wrong("units", f"{SOCKET} is stopped", ENABLE)
    if unit.get("UnitFileState") == "disabled":
        text = f"{SOCKET} listens, and will not after the next boot: it is disabled"
        return note("units", text, f"systemctl enable {SOCKET}")
    return ok("units", f"{SOCKET} listens")


def _own_drop_ins(unit: Dict[str, str]) -> List[str]:
    # those below /usr/lib are the distribution's, for every service
    paths = unit.get("DropInPaths", "").split()
    return [path for path in paths if path.startswith(("/etc/", "/run/")) and "lvs-agent" in path]
