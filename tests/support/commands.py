# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of lvs-agent, run as processes."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional

from lvs_agent.boundary import wire
from lvs_agent.boundary.connections import connect_to
from lvs_agent.snapshot import Snapshot
from tests.support.recorded import SMALL
from tests.support.snmpd import AGENT


def run(
    *arguments: object, stdin: str = "", environment: Optional[dict[str, str]] = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return its output; environment is added to this process's."""
    return subprocess.run(
        [str(AGENT), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **(environment or {})},
        check=False,
    )


def received(connection: socket.socket) -> Snapshot:
    """Return the snapshot that a connection delivers."""
    connection.setblocking(True)
    connection.settimeout(20)
    reader = wire.Reader()
    with connection:
        while data := connection.recv(65536):
            reader.feed(data)
    return reader.finish()


@contextmanager
def collector(path: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run lvs-agent collector --listen PATH on the small recording; yield it when it listens."""
    process = subprocess.Popen(
        [AGENT, "collector", "--listen", path, "--replay", SMALL, *options],
        stderr=subprocess.PIPE,
    )
    try:
        received(connected(path, process))
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def connected(path: Path, process: subprocess.Popen[bytes]) -> socket.socket:
    """Return a connection as soon as the collector listens."""
    until = time.monotonic() + 20
    while True:
        try:
            return connect_to(path)
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < until
