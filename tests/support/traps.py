# SPDX-License-Identifier: GPL-3.0-or-later
"""A real snmptrapd that knows LVS-MIB and net-snmp's own modules only, as on stock Debian."""

from __future__ import annotations

import os
import re
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List

from tests.support.mibs import MIB, STOCK
from tests.support.snmpd import free_port

SECONDS = 30  # the longest wait
# %V begins, separates and ends the varbinds
FORMAT = r"format1 %P: %q%V | %v\n", r"format2 %P:%V | %v\n"


class Receiver:
    """A running snmptrapd."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log

    def lines(self) -> List[str]:
        """Return a line for each notification of LVS-MIB that was received so far."""
        # octets take several lines
        entries = re.split(r"\n(?=TRAP|INFORM)", self._log.read_text(errors="backslashreplace"))
        return [each.replace("\n", "") for each in entries if "LVS-MIB::lvsNotify" in each]

    def until(self, number: int) -> List[str]:
        """Wait until this number of notifications has been received, and return them."""
        end = time.monotonic() + SECONDS
        while len(found := self.lines()) < number:
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.02)
        return found


@contextmanager
def receiver(folder: Path, *lines: str) -> Iterator[Receiver]:
    """Run snmptrapd on loopback, with lines of its configuration."""
    folder.mkdir()
    port = free_port()
    modules = folder / "mibs"
    modules.mkdir()
    for file in [MIB, *STOCK.glob("NET-SNMP-*.txt")]:
        (modules / file.name).symlink_to(file)
    config, log = folder / "snmptrapd.conf", folder / "snmptrapd.log"
    config.write_text("\n".join(["disableAuthorization yes", *FORMAT, *lines, ""]))
    process = subprocess.Popen(
        [
            *("snmptrapd", "-f", "-Lf", str(log), "-C", "-c", str(config)),
            *("-m", "LVS-MIB", "-M", str(modules), f"udp:127.0.0.1:{port}"),
        ],
        env={**os.environ, "SNMP_PERSISTENT_DIR": str(folder / "persistent")},
        stdin=subprocess.DEVNULL,
    )
    made = Receiver(port, log)
    try:
        end = time.monotonic() + SECONDS
        while not (log.exists() and re.search("NET-SNMP version", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        yield made
    finally:
        process.terminate()
        process.wait(timeout=SECONDS)
