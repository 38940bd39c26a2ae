# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest, seen from the host."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

from tests.lab.controllers.step import Table
from tests.outage.namespace import TAP
from tests.outage.plan import DIRECTOR, OUTAGES
from tests.outage.system import INTERVAL
from tests.support.guests import GuestError, command
from tests.support.paths import TESTS
from tests.support.snmpd import AGENT

SECONDS = 1200  # the longest run
# A director does not share its processors with pollers, for which the guest would account the time
# that it waits for them.
PRIORITY = ("nice", "-n", "-10")


@dataclass
class Guest:
    """A running guest and its folder."""

    folder: Path
    process: subprocess.Popen[bytes]

    def kill(self, servers: Sequence[str]) -> None:
        """Kill real servers."""
        for server in servers:
            (self.folder / "down" / server).touch()

    def start(self, servers: Sequence[str]) -> None:
        """Start real servers again."""
        for server in servers:
            (self.folder / "down" / server).unlink()

    def table(self) -> Table:
        """Return the table of IPVS."""
        if self.process.poll() is not None:
            raise GuestError((self.folder / "output").read_text())
        try:
            table: Table = json.loads((self.folder / "table").read_text())
        except FileNotFoundError:
            return {}
        return table

    @property
    def complete(self) -> bool:
        """Whether the table has all servers."""
        table = self.table()
        return all(outage.holds(table, killed=False) for outage in OUTAGES)

    @property
    def watch_is_regular(self) -> bool:
        """Whether lvs-agent watch looks at its interval.

        It waits longer after a look that took much processor time, as it does here when events are
        reported: starting programs is slow in a guest.
        """
        said = re.findall(r"looking every (\S+) s", (self.folder / "watch.log").read_text())
        return said[-1:] in ([], [str(INTERVAL)])


@contextmanager
def running(folder: Path) -> Iterator[Guest]:
    """Run the guest."""
    folder.mkdir()
    script = TESTS / "outage" / "guest"
    boot = command(folder, script, AGENT, DIRECTOR, INTERVAL, tap=TAP, limit=SECONDS)
    with (folder / "output").open("w") as output:
        process = subprocess.Popen([*PRIORITY, *boot], stdout=output, stderr=output)
    try:
        yield Guest(folder, process)
    finally:
        process.terminate()
        process.wait()
