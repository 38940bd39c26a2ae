# SPDX-License-Identifier: GPL-3.0-or-later
"""The state on disk, merged with what a process served before it could lock the directory."""

from __future__ import annotations

from typing import Dict, Tuple

from lvs_agent.collector.remembered import Numbering, RowState, ServiceState, State
from lvs_agent.collector.sums import ZERO, Sums
from lvs_agent.services import Traffic, plus


def merged(
    served: Numbering[ServiceState], loaded: Numbering[ServiceState]
) -> Numbering[ServiceState]:
    """Return the loaded state with what this process has served: new rows, and higher counts.

    If a sum over an address is lower than the one that was served, no sum is continuous before the
    next snapshot.
    """
    before = _values(served)
    sums = _joined(served, loaded)
    _merge(served, loaded)
    for name, service in served.rows.items():
        there = loaded.rows.get(name)
        if there is not None and there is not service:
            _merge(service.servers, there.servers)
    loaded.attach(sums)
    sums.drop_unused()
    for key, value in _values(loaded).items():
        if any(now < was for now, was in zip(value, before.get(key, ZERO))):
            sums.since = None
    return loaded


def _joined(served: Numbering[ServiceState], loaded: Numbering[ServiceState]) -> Sums:
    """Return new sums with the loaded bases, and the served ones of addresses that it lacks."""
    assert served.sums is not None
    assert loaded.sums is not None
    sums = Sums(loaded.sums.since)
    for kind, name, base in served.sums.bases():
        if name not in loaded.sums.addresses[kind].known:
            sums.add_base(kind, name, base)
    for kind, name, base in loaded.sums.bases():
        sums.add_base(kind, name, base)
    return sums


def _values(services: Numbering[ServiceState]) -> Dict[Tuple[str, str], Traffic]:
    """Return the sum over each address by its kind and name."""
    assert services.sums is not None
    found = {
        (kind, name): address.absent or ZERO
        for kind, addresses in services.sums.addresses.items()
        for name, address in addresses.known.items()
    }
    for service in services.rows.values():
        for kind, row in [
            ("vip", service),
            *(("rip", row) for row in service.servers.rows.values()),
        ]:
            if row.missing_since is None and row.address is not None:
                key = kind, row.address.name
                found[key] = plus(found[key], row.counted) or ZERO
    return found


def _merge(served: Numbering[State], loaded: Numbering[State]) -> None:
    for name, row in served.rows.items():
        there = loaded.rows.get(name)
        if there is None:
            if row.number not in loaded.names:
                loaded.add(name, row)
        elif _counted(row) >= _counted(there):
            there.counters, there.counter_offset = row.counters, row.counter_offset
            there.continuous_since = row.continuous_since
            if row.missing_since is None:
                loaded.note_present(there)
            else:
                loaded.note_missing(there, row.missing_since)


def _counted(row: RowState) -> int:
    parts = (part for part in (row.counters, row.counter_offset) if part is not None)
    return sum(sum(part) for part in parts)
