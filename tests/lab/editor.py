# SPDX-License-Identifier: GPL-3.0-or-later
"""An editor of a director: ten edits a second with ipvsadm, and a record of when.

Most are random edits of the farm. Others follow plans.
"""

from __future__ import annotations

import fcntl
import random
import struct
import subprocess
import termios
import time
from typing import Dict, List, Sequence, Tuple

from tests.lab.editing import Editing, listed
from tests.lab.farm import KEPT_ADDRESSES, Server, Service
from tests.lab.plans import Edit, Plan, Schedule
from tests.lab.walkcheck import Change, Row
from tests.support import ipvsadm

EDITS_A_SECOND = 10
# Edits go to a few services for a while; meanwhile the other services must stay unchanged
HOT_SERVICES, HOT_SECONDS = 3, 15.0
COMPARE_SECONDS = 30.0


class Editor(Editing):
    """Edits the rows of a farm and knows which exist, in setting 0 (A) or 1 (B).

    One ipvsadm -R does all edits, since a process for each would take half of the guest's time.
    It reads a line when it has executed the one before.
    """

    def __init__(self, churned: Sequence[Service], steady: Sequence[Service], seed: int) -> None:
        super().__init__()
        self._churned = list(churned)
        self._every = [*churned, *steady]
        self._random = random.Random(seed)
        self._there: Dict[Row, int] = {}
        for service in self._every:
            self._there.update({(service.name, name): 0 for name in _names(service)})
        self._program = _ipvsadm()
        self._schedule = Schedule([])
        self._began = 0.0
        self._last: List[Change] = []
        self.edits = self.compared = 0

    def __enter__(self) -> Editor:
        return self

    def set_all(self, setting: int) -> None:
        """Change every row to a setting, and wait until ipvsadm is done."""
        for service in self._every:
            self._do(service.edit(setting), {(service.name, ""): setting})
            for server in service.servers:
                row = {(service.name, server.name): setting}
                self._do(service.edit_server(server, setting), row)
        self._compare()
        self.edits = self.compared = 0

    def follow(self, plans: List[Plan]) -> None:
        """Follow plans from now on, in place of those before."""
        self._began, self._schedule = time.monotonic(), Schedule(plans)

    def _run(self) -> None:
        began = time.monotonic()
        hot: List[Service] = []
        chosen = compared = began
        try:
            while not self._stop.is_set():
                now = time.monotonic()
                if not hot or now - chosen > HOT_SECONDS:
                    hot, chosen = self._random.sample(self._churned, HOT_SERVICES), now
                planned = self._schedule.next(now - self._began)
                if planned is not None:
                    self._execute(planned)
                else:
                    self._edit(self._random.choice(hot))
                if now - compared > COMPARE_SECONDS:
                    self._compare()
                    compared = now
                due = began + self.edits / EDITS_A_SECOND
                self._stop.wait(max(0.0, due - time.monotonic()))
            self._compare()
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self.trouble = f"{type(error).__name__}: {error}"

    def _execute(self, edit: Edit) -> None:
        service, server, present = edit
        if server is None and present:
            self._every.append(service)
            self._do(service.add(0), {(service.name, ""): 0})
        elif server is None:
            self._do(service.delete(), {}, [(service.name, name) for name in _names(service)])
            self._every.remove(service)
        elif present:
            service.servers.append(server)
            self._do(service.add_server(server, 0), {(service.name, server.name): 0})
        else:
            service.servers.remove(server)
            self._do(service.delete_server(server), {}, [(service.name, server.name)])

    def _edit(self, service: Service) -> None:
        setting = self._random.randrange(2)
        row = (service.name, "")
        below = [(service.name, server.name) for server in service.servers]
        if row not in self._there:
            self._do(service.add(setting), {row: setting})
        elif self._random.random() < 0.1:
            self._do(service.delete(), {}, [row, *(each for each in below if each in self._there)])
        elif self._random.random() < 0.1:
            self._do(service.edit(setting), {row: setting})
        else:
            self._edit_server(service, self._random.choice(service.servers), setting)

    def _edit_server(self, service: Service, server: Server, setting: int) -> None:
        row = (service.name, server.name)
        if row not in self._there:
            self._do(service.add_server(server, setting), {row: setting})
        elif self._random.random() < 0.5:
            self._do(service.delete_server(server), {}, [row])
        else:
            self._do(service.edit_server(server, setting), {row: setting})

    def _do(self, line: str, new: Dict[Row, int], gone: Sequence[Row] = ()) -> None:
        rows = [(row, False) for row in gone]
        changes = self._begin(rows + [(row, True) for row in new if row not in self._there])
        assert self._program.stdin
        self._program.stdin.write(line.encode() + b"\n")
        self._program.stdin.flush()
        self._until_read()
        self._done(self._last)
        self._last = changes
        self._there.update(new)
        for row in gone:
            del self._there[row]
        self.edits += 1

    def _until_read(self) -> None:
        """Wait until ipvsadm has read the line, and so has executed the one before."""
        assert self._program.stdin
        unread = 1
        while unread:
            if self._program.poll() is not None:
                raise subprocess.SubprocessError("ipvsadm -R has ended")
            (unread,) = struct.unpack(
                "=i", fcntl.ioctl(self._program.stdin, termios.FIONREAD, b"    ")
            )
            time.sleep(0.002 if unread else 0)

    def _compare(self) -> None:
        """Compare the expected rows with ipvsadm's list."""
        assert self._program.stdin
        self._program.stdin.close()
        if self._program.wait(timeout=60):
            raise ValueError("ipvsadm -R failed")
        self._done(self._last)
        self._last = []
        self._program = _ipvsadm()
        shown = {
            (key, name): value
            for key, service in listed().items()
            if not key.address.startswith(KEPT_ADDRESSES)
            for name, value in _listed(service)
        }
        if shown != dict(self._expected()):
            raise ValueError(f"ipvsadm lists {shown}, expected {dict(self._expected())}")
        self.compared += 1

    def _expected(self) -> List[Tuple[Tuple[ipvsadm.ServiceKey, object], int]]:
        found: List[Tuple[Tuple[ipvsadm.ServiceKey, object], int]] = []
        for service in self._every:
            key = ipvsadm.service_key(service.name)
            setting = self._there.get((service.name, ""))
            if setting is not None:
                found.append(((key, None), _option(service.settings[setting], "-p")))
            for server in service.servers:
                setting = self._there.get((service.name, server.name))
                if setting is not None:
                    weight = _option(server.settings[setting], "-w")
                    found.append(((key, ipvsadm.endpoint(server.name)), weight))
        return found


def _listed(service: ipvsadm.Service) -> List[Tuple[object, int]]:
    servers = [(key, server.weight) for key, server in service.servers.items()]
    return [(None, service.persistence), *servers]


def _names(service: Service) -> List[str]:
    return ["", *(server.name for server in service.servers)]


def _option(options: str, name: str) -> int:
    """Return the value of an option, 0 if it is not there."""
    words = options.split()
    return int(words[words.index(name) + 1]) if name in words else 0


def _ipvsadm() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["ipvsadm", "-R"], stdin=subprocess.PIPE)
