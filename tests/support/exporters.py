# SPDX-License-Identifier: GPL-3.0-or-later
"""snmp_exporter, as unpacked from Debian packages by make test-pollers."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from tests.support import files, tcp

PROGRAM = "usr/bin/prometheus-snmp-exporter"
# each module in contrib/prometheus, with its exporter, and with what it needs in a URL
EXPORTERS = {
    "lvs-0.22.yml": (str(files.BOOKWORM / PROGRAM), ""),
    "lvs.yml": (str(files.TRIXIE / PROGRAM), "&auth=lvs"),
}


def free_address() -> str:
    """Return a HOST:PORT at which nothing listens."""
    return f"127.0.0.1:{tcp.free_port()}"


@contextmanager
def running(program: str, config: Path, folder: Path) -> Iterator[str]:
    """Run snmp_exporter; yield its HOST:PORT."""
    address = free_address()
    log = folder / "exporter.log"
    command = [program, f"--config.file={config}", f"--web.listen-address={address}"]
    with log.open("w") as output, subprocess.Popen(command, stderr=output) as running:
        try:
            while "Listening on" not in log.read_text():
                assert running.poll() is None, log.read_text()
            yield address
        finally:
            running.terminate()
