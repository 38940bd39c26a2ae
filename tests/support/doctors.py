# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines for the doctor: one simulated by files in a folder, and a real snmpd."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence

from lvs_agent.doctor.collector import SOCKET_PATH
from lvs_agent.doctor.finding import Finding, State
from lvs_agent.doctor.machine import Done, Machine, Process
from tests.support import snmpd
from tests.support.commands import run
from tests.support.recorded import SMALL
from tests.support.snmpd import Snmpd

DEBIAN = """\
agentaddress  127.0.0.1,[::1]
view   systemonly  included   .1.3.6.1.2.1.1
view   systemonly  included   .1.3.6.1.2.1.25.1
rocommunity  public default -V systemonly
rocommunity6 public default -V systemonly
rouser authPrivUser authpriv -V systemonly
includeDir /etc/snmp/snmpd.conf.d
"""
REDHAT = """\
com2sec notConfigUser  default       public
group   notConfigGroup v1           notConfigUser
group   notConfigGroup v2c           notConfigUser
view    systemview    included   .1.3.6.1.2.1.1
view    systemview    included   .1.3.6.1.2.1.25.1.1
access  notConfigGroup ""      any       noauth    exact  systemview none none
"""
# a drop-in for one of the collector's units
OWN = "/etc/systemd/system/lvs-agent.{}.d/override.conf"
# the properties of the collector's units, as systemctl show prints them for the doctor
SHOWN = """\
Result={result}
SocketGroup={group}
Id=lvs-agent.socket
LoadState={load}
ActiveState={active}
SubState=listening
UnitFileState={file}
DropInPaths={drop_in}

Result={service_result}
NRestarts=12
Id=lvs-agent.service
LoadState={service_load}
ActiveState={service}
SubState={sub}
DropInPaths={service_drop_in}
MainPID={pid}
"""
# values of SHOWN for units that are enabled and running
HEALTHY = {
    "result": "success",
    "group": "Debian-snmp",
    "load": "loaded",
    "active": "active",
    "file": "enabled",
    "drop_in": "",
    "service_result": "success",
    "service_load": "loaded",
    "service": "active",
    "sub": "running",
    "pid": "9",
    "service_drop_in": "/usr/lib/systemd/system/service.d/10-timeout-abort.conf",
}


class Picture(Machine):
    """A simulated machine: its files, its processes, and the output of its programs.

    told has the arguments of every process.
    """

    def __init__(self, root: Path, files: Optional[Dict[str, str]] = None) -> None:
        super().__init__(root)
        self.running: List[Process] = []
        self.told: List[str] = []
        self.prints: Dict[str, Done] = {}
        self.spaces: Dict[int, Dict[str, str]] = {}
        for name, text in (files or {}).items():
            self.draw(name, text)

    def draw(self, name: str, text: str = "", mode: int = 0o644) -> Path:
        """Write a file below the root."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def runs(self, process: Process, program: Optional[str] = None) -> Process:
        """Add a running process; with a program, /proc/PID/exe is a link to it."""
        self.running.append(process)
        if program is not None:
            exe = self.path(f"/proc/{process.pid}/exe")
            exe.parent.mkdir(parents=True)
            exe.symlink_to(program)
        return process

    def processes(self) -> List[Process]:
        return self.running

    def namespace(self, pid: int, kind: str) -> Optional[str]:
        return self.spaces.get(pid, {}).get(kind)

    def arguments(self, pid: int) -> List[str]:
        return self.told

    def environment(self, pid: int) -> Optional[Dict[str, str]]:
        return {}

    def find(self, program: str) -> Optional[str]:
        return f"/usr/sbin/{program}" if program in self.prints else None

    def run(
        self, command: Sequence[str], environment: Optional[Mapping[str, str]] = None
    ) -> Optional[Done]:
        return self.prints.get(command[0])


class Beside(Machine):
    """This machine with only the processes of these pids; none of them is a collector."""

    def __init__(self, *pids: int) -> None:
        super().__init__()
        self._pids = pids

    def processes(self) -> List[Process]:
        return [process for process in super().processes() if process.pid in self._pids]


class HalfDrawn(Beside):
    """A real snmpd and its configuration, with a simulated director, collector and state."""

    DRAWN = ("/run/", "/var/lib/lvs-agent", "/etc/lvs-agent", "/etc/snmp", "/usr/share/snmp/snmpd")

    def __init__(self, root: Path, pid: int, older: float = 0.0) -> None:
        super().__init__(pid)
        self._older = older
        self._drawn = root
        self._real = Beside(pid)

    def processes(self) -> List[Process]:
        seen = self._real.processes()
        return [replace(each, started=each.started - self._older) for each in seen]

    def path(self, name: str) -> Path:
        if name == "/proc" or name.startswith(self.DRAWN):
            return self._drawn / name.lstrip("/")
        return super().path(name)


def director(root: Path) -> Path:
    """Draw a healthy director, its state directory, and a folder for a socket; return the root."""
    shutil.copytree(SMALL / "proc", root / "proc")
    state = root / "var/lib/lvs-agent"
    state.mkdir(parents=True)
    assert run("walk", "--replay", SMALL, "--state", state).returncode == 0
    (root / SOCKET_PATH.lstrip("/")).parent.mkdir(parents=True)
    return root


def process(name: str = "snmpd", pid: int = 7, uid: int = 0, **values: object) -> Process:
    """Return a process: root's snmpd by default, started in 2100, after any file was changed."""
    known: Dict[str, object] = {
        "gid": uid,
        "groups": (),
        "capabilities": 0,
        "started": 4102444800.0,
        **values,
    }
    return Process(pid, name, uid=uid, **known)  # type: ignore[arg-type]


def states(findings: List[Finding]) -> List[State]:
    """Return the states of findings."""
    return [finding.state for finding in findings]


def only(findings: List[Finding], state: State) -> Finding:
    """Return the one finding with a state."""
    (found,) = [finding for finding in findings if finding.state == state]
    return found


@contextmanager
def daemon(folder: Path, lines: str, options: Sequence[str] = ()) -> Iterator[Snmpd]:
    """Run snmpd on loopback with these lines, and a community `probe` to see when it is up."""
    with snmpd.configured(
        folder, lines, "rocommunity probe 127.0.0.1", community="probe", options=options
    ) as running:
        yield running
