# SPDX-License-Identifier: GPL-3.0-or-later
"""The sums over addresses, as served and as remembered by a collector."""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Tuple

from lvs_agent.collector.remembered import Numbering, ServiceState
from lvs_agent.mib.addresses import RIP, VIP
from lvs_agent.services import Traffic
from lvs_agent.snapshot import Snapshot

ZERO = Traffic(0, 0, 0, 0, 0)
Key = Tuple[str, str]  # vip or rip, and the address


class Sum(NamedTuple):
    """The counters of an address, and the time since which they are continuous."""

    counters: Optional[Traffic]
    since: Optional[float]


def served(snapshot: Snapshot) -> Dict[Key, Sum]:
    """Return the sums in the tables of LVS-MIB."""
    return {
        (kind, row.rows[0].address): Sum(row.counters, row.continuous_since)
        for kind, table in (("vip", VIP), ("rip", RIP))
        for _instance, row in table.rows(snapshot)
    }


def value(snapshot: Snapshot, address: str) -> int:
    """Return the first counter of a virtual address, or of one of a real server."""
    found = served(snapshot)
    counters = found.get(("vip", address), found.get(("rip", address)))
    assert counters is not None
    assert counters.counters is not None
    return counters.counters[0]


def remembered(services: Numbering[ServiceState]) -> Dict[Key, int]:
    """Return the first counter of each remembered address, present or not."""
    assert services.sums is not None
    found = {
        (kind, name): (address.absent or ZERO)[0]
        for kind, addresses in services.sums.addresses.items()
        for name, address in addresses.known.items()
    }
    for service in services.rows.values():
        rows = [("vip", service), *(("rip", server) for server in service.servers.rows.values())]
        for kind, row in rows:
            if row.missing_since is None and row.address is not None:
                found[kind, row.address.name] += (row.counted or ZERO)[0]
    return {key: number % 2**64 for key, number in found.items()}
