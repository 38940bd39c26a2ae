# SPDX-License-Identifier: GPL-3.0-or-later
"""The collector's state on disk: one file of JSON lines, replaced as a whole or not at all.

The file has a header, then a row for each virtual service that is remembered, followed by one for
each of its real servers. A row holds the fields of its state. After the first field it has the
number that a service gives its next real server, or 1 if it is a real server's. A row that can't
be read is left out, and the file is kept beside the new one as history.damaged. One process at a
time may write.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Dict, Iterator, List, Optional

from lvs_agent import regular
from lvs_agent.boundary.rows import RowCodec, RowError
from lvs_agent.collector.remembered import (
    MAX_NUMBER,
    Numbering,
    RealServerState,
    RowState,
    ServiceState,
    State,
)

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
STATE_DIRECTORY = Path("/var/lib/lvs-agent")
FORMAT = 1
# the exceptions that a damaged row can raise
_DAMAGED = (ValueError, LookupError, TypeError, AttributeError, RowError, RecursionError)


class StateError(Exception):
    """State that can't be kept on disk; the text says why and what to do."""


class StateFile:
    """history.jsonl in a folder. Any process may load it; the one that holds it may save it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "history.jsonl"
        self._service = RowCodec(ServiceState, until="servers")
        self._server = RowCodec(RealServerState)
        self._lock: Optional[int] = None
        self.problems: List[str] = []

    def hold(self) -> None:
        """Lock the folder in order to save, and create it if needed. Raises StateError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            owner = self._folder.stat().st_uid
            if owner != os.geteuid():
                # the collector that owns the folder could not read root's files in it, and root
                # would follow any links that the owner has put there
                raise StateError(
                    f"{self._folder}: belongs to user {owner}, not to this user ({os.geteuid()});"
                    " name another folder with --state"
                )
            lock = self._folder / "lock"
            self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise StateError(f"{self._folder}: in use by another collector") from error
        except OSError as error:
            self.close()
            raise StateError(
                f"{self._folder}: {error.strerror}; name a writable folder with --state"
            ) from error

    def close(self) -> None:
        """Release the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def load(self) -> Numbering[ServiceState]:
        """Return the saved state, which is empty if there is no file yet.

        Rows that can't be read are reported in problems. Raises StateError, also for a newer
        version's file, which is left alone.
        """
        try:
            data = regular.read(self._path)
        except FileNotFoundError:
            return Numbering()
        except OSError as error:
            raise StateError(f"{self._path}: {error.strerror}") from error
        self.problems = []
        lines = data.decode("utf-8", "replace").splitlines()
        header = self._header(lines[0] if lines else "")
        boot = boot_id()
        same_boot = boot != "" and header.get("boot") == boot
        services: Numbering[ServiceState] = Numbering()
        servers: Numbering[RealServerState] = Numbering()
        rows = 0
        for place, line in enumerate(lines[1:], 2):
            try:
                kind, name, values = json.loads(line)
                next_number = values.pop(1)
                if type(next_number) is not int:
                    raise ValueError(f"next number: not an integer: {next_number!r}")
                state: RowState
                if kind == "service":
                    state = service = self._service.decode(values)
                    services.add(str(name), service)
                    servers = service.servers
                    servers.next_number = _next_number(next_number, servers)
                elif kind == "server":
                    state = server = self._server.decode(values)
                    servers.add(str(name), server)
                else:
                    raise ValueError(f"neither a service nor a server: {kind!r}")
                if not same_boot:  # a boot resets all counters
                    state.note_reset()
                    state.continuous_since = 0.0
            except _DAMAGED as error:
                self.problems.append(f"{self._path}:{place}: {error}")
                if not line.startswith('["server"'):
                    servers = Numbering()  # the servers that follow belong to no known service
                continue
            rows += 1
        services.next_number = _next_number(header.get("fresh"), services)
        if header.get("rows") != rows:
            self.problems.append(f"{self._path}: {rows} rows, expected {header.get('rows')}")
        if self.problems and self._lock is not None:
            self._keep_damaged()
        return services

    def save(self, services: Numbering[ServiceState], durable: bool) -> None:
        """Replace the file. If durable, a later power failure can't bring the old one back.

        Raises StateError, and leaves the old file, if the new one can't be written.
        """
        new = self._path.with_suffix(".new")
        try:
            with open(new, "wb") as file:
                file.writelines(self._lines(services))
                file.flush()
                # even if not durable: otherwise, on some file systems, a power failure can leave
                # the renamed file empty
                os.fsync(file.fileno())
            os.replace(new, self._path)
            if durable:
                self._sync_folder()
        except OSError as error:
            raise StateError(f"{self._path}: {error.strerror}") from error

    def _lines(self, services: Numbering[ServiceState]) -> Iterator[bytes]:
        dumps = json.JSONEncoder(separators=(",", ":")).encode
        yield (
            dumps(
                {
                    "lvs-agent history": FORMAT,
                    "boot": boot_id(),
                    "fresh": services.next_number,
                    "rows": sum(1 + len(row.servers.rows) for row in services.rows.values()),
                }
            ).encode()
            + b"\n"
        )
        for name, service in services.rows.items():
            number, *rest = self._service.encode(service)
            row = (number, service.servers.next_number, *rest)
            yield dumps(("service", name, row)).encode() + b"\n"
            for address, server in service.servers.rows.items():
                number, *rest = self._server.encode(server)
                yield dumps(("server", address, (number, 1, *rest))).encode() + b"\n"

    def _sync_folder(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _header(self, line: str) -> Dict[str, object]:
        try:
            header = json.loads(line)
        except (ValueError, RecursionError) as error:
            self.problems.append(f"{self._path}:1: {error}")
            return {}
        if not isinstance(header, dict):
            self.problems.append(f"{self._path}:1: header missing")
            return {}
        version = header.get("lvs-agent history")
        if isinstance(version, int) and version > FORMAT:
            raise StateError(
                f"{self._path}: unsupported format {version}, expected {FORMAT};"
                " upgrade lvs-agent, or move the file away to number the rows again"
            )
        return header

    def _keep_damaged(self) -> None:
        try:
            shutil.copyfile(self._path, self._path.with_suffix(".damaged"))
        except OSError as error:
            raise StateError(f"{self.problems[0]}; cannot keep a copy: {error.strerror}") from error


def boot_id() -> str:
    """Return the unique id of this boot of the machine (random(4)); "" where it is hidden."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _next_number(value: object, otherwise: Numbering[State]) -> int:
    if type(value) is int and 1 <= value <= MAX_NUMBER:
        return value
    return max(otherwise.names, default=0) % MAX_NUMBER + 1
