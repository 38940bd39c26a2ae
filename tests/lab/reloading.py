# SPDX-License-Identifier: GPL-3.0-or-later
"""keepalived beside the editor: its configuration is changed and reloaded once a minute."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Dict, List, Set, Tuple

from tests.lab import farm
from tests.lab.editing import Editing, listed
from tests.lab.farm import Server, Service
from tests.lab.past import Past
from tests.lab.walkcheck import Row
from tests.support import ipvsadm

RELOAD_SECONDS = 60.0
SHOWN_SECONDS = 300.0
CONFIGURATION = Path("/tmp/keepalived.conf")
COMMAND = "keepalived --check --dont-fork --log-console --pid /tmp/keepalived.pid"
KINDS = ("the same", "weights", "a new service", "weights", "a service less")


class Keepalived(Editing):
    """A keepalived with farm.kept() and, for two or three minutes each, further services."""

    def __init__(self, log: Path, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self._kept = farm.kept()
        self._weights = {
            (service.name, server.name): 0 for service in self._kept for server in service.servers
        }
        self._added: List[Service] = []
        self._count = itertools.count(1)
        self.reloads = 0
        self._write()
        with open(log, "wb") as console:
            self._program = subprocess.Popen(
                [*COMMAND.split(), f"--use-file={CONFIGURATION}"],
                stdout=console,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Keepalived:
        self._until_shown()
        return self

    def set_all(self, setting: int) -> None:
        """Change every weight to a setting, and wait until keepalived has applied it."""
        self._weights = dict.fromkeys(self._weights, setting)
        self._reload()

    def start(self, past: Past, lock: threading.Lock) -> None:
        """Reload once a minute; the lock is held while the past is written."""
        self.reloads = 0
        super().start(past, lock)

    def _run(self) -> None:
        try:
            for kind in itertools.cycle(KINDS):
                if kind == "weights":
                    changed = self._random.sample(sorted(self._weights), 3)
                    self._weights.update((row, self._random.randrange(2)) for row in changed)
                    self._reload()
                elif kind == "a new service":
                    self._added.append(_added(next(self._count)))
                    self._reload(_rows(self._added[-1]), present=True)
                elif kind == "a service less":
                    self._reload(_rows(self._added.pop(0)), present=False)
                else:
                    self._reload()
                if self._stop.wait(RELOAD_SECONDS):
                    return
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self.trouble = f"keepalived: {type(error).__name__}: {error}"

    def _reload(self, rows: Tuple[Row, ...] = (), present: bool = False) -> None:
        changes = self._begin([(row, present) for row in rows])
        self._write()
        os.kill(self._program.pid, signal.SIGHUP)
        self._until_shown()
        self._done(changes)
        self.reloads += 1

    def _until_shown(self) -> None:
        expected = self._expected()
        end = time.monotonic() + SHOWN_SECONDS
        while (shown := _shown()) != expected:
            if self._program.poll() is not None:
                raise subprocess.SubprocessError("has ended")
            if time.monotonic() > end:
                raise ValueError(f"{shown} instead of {expected}")
            time.sleep(0.2)

    def _expected(self) -> Dict[ipvsadm.ServiceKey, Set[Tuple[ipvsadm.ServerKey, int]]]:
        return {
            ipvsadm.service_key(service.name): {
                (ipvsadm.endpoint(server.name), self._weight(service, server))
                for server in service.servers
            }
            for service in [*self._kept, *self._added]
        }

    def _weight(self, service: Service, server: Server) -> int:
        return int(server.settings[self._weights.get((service.name, server.name), 0)].split()[-1])

    def _write(self) -> None:
        lines = []
        for service in [*self._kept, *self._added]:
            lines.append(f"virtual_server {_place(service.name.split()[1])} {{")
            lines += [" lvs_sched rr", " lvs_method NAT", " protocol TCP"]
            for server in service.servers:
                lines.append(f" real_server {_place(server.name)} {{")
                lines += [f"  weight {self._weight(service, server)}", " }"]
            lines.append("}")
        CONFIGURATION.write_text("\n".join(lines) + "\n")


def _added(number: int) -> Service:
    address = f"10.6.0.{number}:80"
    servers = [Server(f"10.6.{number}.{place}:80", ("-w 1", "-w 1")) for place in (1, 2)]
    return Service(f"TCP {address}", f"-t {address}", ("", ""), servers)


def _rows(service: Service) -> Tuple[Row, ...]:
    return (service.name, ""), *((service.name, server.name) for server in service.servers)


def _place(endpoint: str) -> str:
    address, port = ipvsadm.endpoint(endpoint)
    return f"{address} {port}"


def _shown() -> Dict[ipvsadm.ServiceKey, Set[Tuple[ipvsadm.ServerKey, int]]]:
    """Return the weights of keepalived's servers that ipvsadm lists."""
    return {
        key: {(name, server.weight) for name, server in service.servers.items()}
        for key, service in listed().items()
        if key.address.startswith(farm.KEPT_ADDRESSES)
    }
