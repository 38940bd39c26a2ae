# SPDX-License-Identifier: GPL-3.0-or-later
"""A director that a collector's history looks at, with a clock that the test moves."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Dict, Iterable, Mapping, Optional, Sequence, Union

import pytest

from lvs_agent.codes import Source, Status
from lvs_agent.collector.forgetting import ForgetFile
from lvs_agent.collector.history import History
from lvs_agent.collector.remembered import Numbering, ServiceState
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import LostRow, Snapshot
from tests.support.builders import server, service, snapshot
from tests.support.statefiles import other_boot

DAY = 86400.0
START = 1795914000.0  # 2026-11-29 01:00:00 UTC

# servers by the port of their service: the letters a to z, in capitals with weight 0; or the
# servers by their numbers
Farm = Mapping[int, Union[str, Iterable[int]]]


class Watched:
    """A director that has been up for a day, and the history of it in a folder (None: nowhere)."""

    def __init__(
        self,
        patch: pytest.MonkeyPatch,
        folder: Optional[Path] = None,
        lost_days: float = 7,
        files: Sequence[ForgetFile] = (),
    ) -> None:
        self.now = START
        patch.setattr(time, "time", lambda: self.now)
        self.uptime = DAY
        self.loaded = 0.0
        self._folder = folder
        self._lost_days = lost_days
        self._files = files
        self.restart()

    def restart(self, lost_days: Optional[float] = None) -> None:
        """Start another collector, after the last one has been closed or (again) killed."""
        if lost_days is not None:
            self._lost_days = lost_days
        self._history = History(self._folder, self._lost_days * DAY, self._files)

    @property
    def services(self) -> Numbering[ServiceState]:
        """The state that the collector remembers."""
        return self._history._services

    def close(self) -> None:
        self._history.close()

    def reboot(self) -> None:
        """End the collector, and start another one after a boot."""
        assert self._folder is not None
        self.close()
        other_boot(self._folder)
        self.uptime = self.loaded = 0.0
        self.restart()

    def load_module(self) -> None:
        """Load ip_vs again, as the next look will see."""
        self.loaded = self.uptime

    def look(
        self,
        farm: Farm,
        after: float = 60.0,
        complete: bool = True,
        unsettled: Iterable[int] = (),
        source: Source = Source.NETLINK,
        status: Status = Status.OK,
    ) -> Snapshot:
        """Take a snapshot some seconds after the last one, as a collector does.

        complete is false where the services are not; servers of services at unsettled ports are
        not complete either.
        """
        self.now += after
        self.uptime += after
        netlink = source == Source.NETLINK
        taken = snapshot(
            *(
                _service(port, servers, netlink and port not in unsettled)
                for port, servers in farm.items()
            ),
            taken=self.uptime,
            source=source,
            status=status,
            complete=complete and netlink,
            loaded=self.loaded,
        )
        self._history.annotate(taken)
        self._history.keep()
        return taken


def _service(port: int, servers: Union[str, Iterable[int]], complete: bool) -> VirtualService:
    numbers = {
        ord(each.lower()) - ord("a") + 1 if isinstance(each, str) else each: each
        for each in servers
    }
    return service(
        "192.0.2.10",
        port,
        *(
            server(
                f"192.168.{number >> 8}.{number & 255}",
                80,
                weight=0 if isinstance(each, str) and each.isupper() else 1,
            )
            for number, each in numbers.items()
        ),
        complete=complete,
    )


def lost(taken: Snapshot) -> Dict[int, Optional[int]]:
    """Return the numbers of lost servers by the ports of their services, without zeros."""
    return {vs.port: vs.lost for vs in taken.services if vs.lost != 0}


def letters(taken: Snapshot, port: int) -> str:
    """Return the lost servers of a service that are listed, in the order of the list."""
    return "".join(
        chr(int(row.server.split(":")[0].split(".")[3]) + ord("a") - 1)
        for row in taken.lost
        if row.server and row.service == f"TCP 192.0.2.10:{port}"
    )


def lost_services(taken: Snapshot) -> list[int]:
    """Return the ports of the lost services that are listed, in the order of the list."""
    return [int(row.service.rpartition(":")[2]) for row in taken.lost if not row.server]


def only(taken: Snapshot) -> LostRow:
    """Return the one row that is listed."""
    (row,) = taken.lost
    return row
