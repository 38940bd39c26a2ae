# SPDX-License-Identifier: GPL-3.0-or-later
"""Cacti with the template in contrib/cacti."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence

from tests.cacti import device, installation
from tests.outage.plan import DIRECTOR, Outage
from tests.outage.system import INTERVAL, Numbers, System, file_numbers, numbers
from tests.support.paths import CHECKOUT

PACKAGE = CHECKOUT / "build" / "test" / "cacti-bookworm.deb"
SOURCES = ("real_servers_up", "real_servers_lost")


@contextmanager
def running(folder: Path) -> Iterator[Sequence[System]]:
    """Run Cacti's poller."""
    with installation.unpacked(PACKAGE, folder / "cacti", INTERVAL) as cacti:
        device.install_queries(cacti)
        device.imports(cacti)
        device.add(cacti, 161, DIRECTOR)
        kept = cacti.round_robin_files()

        def read(outage: Outage) -> Numbers:
            return file_numbers(kept[f"director - {outage.service} - Real Server States"], SOURCES)

        with cacti.polling():
            yield [System("Cacti", "round-robin files", numbers(read))]
