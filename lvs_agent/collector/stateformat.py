# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of the state file; statereader reads them.

The first line is an object with the format, the names of each row's columns, the number of rows
that were written with it, the id of the boot, the number that the next service gets, the time of
the last complete snapshot, and the time before which no sum over an address is continuous. A line
for each base of an address follows, and one for each service with one for each of its real servers.

Changes are appended after another such object, which gives only the boot, the number and the time
of the snapshot: first a line for each forgotten row, then the changed rows. The line of a forgotten
row contains the new base of its address, so that the row and the base change together. A later row
replaces an earlier one of the same name, or of the same number.

Columns are found by their names, so that a version with fewer or more of them can read the file:
it ignores those that it does not know, and gives the others their defaults.
"""

from __future__ import annotations

import json
from typing import Dict, Iterator, List, Mapping, Set

from lvs_agent.boundary.rows import RowCodec
from lvs_agent.collector.remembered import Numbering, RealServerState, ServiceState
from lvs_agent.collector.sums import Base, Forgotten

FORMAT = 2
NEXT = "next_server_number"  # the column of a service with the number that its next server gets
BASELINE = "baseline"  # the column of a service with the pairs of its baseline

# the changed services by name, each with the names of its changed servers
Changes = Mapping[str, Set[str]]


class Codecs:
    """A codec for each kind of row. Codecs remember what they saw: use new ones per file."""

    def __init__(self) -> None:
        self.service = RowCodec(ServiceState, until="address")
        self.server = RowCodec(RealServerState, until="address")
        self.base = RowCodec(Base)
        self.forgotten = RowCodec(Forgotten, until="service")

    def columns(self) -> Dict[str, List[str]]:
        """Return the names of the columns of each kind."""
        return {
            "service": [*self.service.names, NEXT, BASELINE],
            "server": self.server.names,
            "vip": self.base.names,
            "rip": self.base.names,
            "forgotten": self.forgotten.names,
        }


class Writer:
    """An encoder of states."""

    def __init__(self) -> None:
        self._codecs = Codecs()
        self._dumps = json.JSONEncoder(separators=(",", ":")).encode

    def whole(self, services: Numbering[ServiceState], boot: str) -> Iterator[bytes]:
        """Yield the lines of a new file."""
        sums = services.sums
        bases = [] if sums is None else list(sums.bases())
        yield self._line(
            {
                "lvs-agent history": FORMAT,
                "columns": self._codecs.columns(),
                "rows": count_rows(services) + len(bases),
                "boot": boot,
                "next": services.next_number,
                "looked": services.looked,
                "sums": None if sums is None else sums.since,
            }
        )
        for kind, name, base in bases:
            yield self._line((kind, name, self._codecs.base.encode(base)))
        for name, service in services.rows.items():
            yield from self._rows(name, service, service.servers.rows)

    def changes(
        self, services: Numbering[ServiceState], changes: Changes, boot: str
    ) -> Iterator[bytes]:
        """Yield the lines to append: the forgotten rows, and the changed ones."""
        present = {"boot": boot, "next": services.next_number, "looked": services.looked}
        yield self._line(present)
        for row in [] if services.sums is None else services.sums.forgotten:
            yield self._line(("forgotten", row.service, self._codecs.forgotten.encode(row)))
        for name, changed in changes.items():
            service = services.rows.get(name)
            if service is not None:
                servers = service.servers.rows
                yield from self._rows(
                    name, service, {each: servers[each] for each in changed if each in servers}
                )

    def _rows(
        self, name: str, service: ServiceState, servers: Mapping[str, RealServerState]
    ) -> Iterator[bytes]:
        values = (*self._codecs.service.encode(service), service.servers.next_number)
        yield self._line(("service", name, (*values, service.baseline)))
        for address, server in servers.items():
            yield self._line(("server", address, self._codecs.server.encode(server)))

    def _line(self, value: object) -> bytes:
        return self._dumps(value).encode() + b"\n"


def count_rows(services: Numbering[ServiceState]) -> int:
    """Return the number of services and real servers."""
    return sum(1 + len(row.servers.rows) for row in services.rows.values())
