# SPDX-License-Identifier: GPL-3.0-or-later
"""The services and servers that were there and are gone: which of them are lost, and since when.

Of the lasting servers of a service that are gone, as many are lost as the service lacks to its
baseline, the most with a weight above 0 that it held lately. So a server that another replaces is
not lost. A lasting service that is gone is lost, and its servers are not counted.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from lvs_agent.collector.forgetting import Order
from lvs_agent.collector.remembered import Numbering, RowState, ServiceState
from lvs_agent.collector.sums import address_in
from lvs_agent.snapshot import AddressSum, LostRow, Snapshot

LOST_SECONDS = 7 * 86400.0
# After a boot or a load of the module, the tables are filled again: nothing is lost meanwhile.
SETTLE_SECONDS = 300
# the rows that are listed, of a service and of a director
MAX_OF_SERVICE = 100
MAX_ROWS = 1000

WAITING = (
    "rows that are missing: {}; they are lost if they are still missing"
    f" {SETTLE_SECONDS // 60} minutes after the boot or the load of ip_vs"
)


def settled(snapshot: Snapshot) -> bool:
    """Return whether the last boot and the last load of the module are long enough ago."""
    return snapshot.taken - snapshot.loaded >= SETTLE_SECONDS


def fill_in(snapshot: Snapshot, services: Numbering[ServiceState], oldest: float) -> None:
    """Fill in the lost rows, the latest first, and how many there are, also for each address.

    Rows that have been gone since before the time oldest are not lost.
    """
    gone = _lost_services(services, oldest)
    rows = [_row(services.rows[name], name) for name in gone[:MAX_ROWS]]
    snapshot.lost_services, snapshot.lost_servers = len(gone), 0
    _count(gone, snapshot.vips)
    waiting = _waiting_services(services) if snapshot.complete else 0
    for service in snapshot.services:
        state = services.rows.get(service.name)
        if state is None:
            continue
        lost = state.lost_servers(oldest)
        service.lost = len(lost)
        snapshot.lost_servers += len(lost)
        _count(lost, snapshot.rips)
        servers = state.servers.rows
        rows += [_row(servers[name], service.name, name) for name in lost[:MAX_OF_SERVICE]]
        if service.complete and state.servers.missing > state.servers.gone:
            waiting += len(state.lost_servers(oldest, missing=True)) - len(lost)
    snapshot.lost = sorted(rows, key=lambda row: row.since, reverse=True)[:MAX_ROWS]
    if waiting:
        text = WAITING.format(waiting)
        snapshot.text = f"{snapshot.text}; {text}" if snapshot.text else text


def forget(
    services: Numbering[ServiceState], orders: Iterable[Order], oldest: float, latest: float
) -> Dict[str, Set[str]]:
    """Forget what went before orders were given. Return what is changed, as Changes.

    For oldest see fill_in(). What went after the time latest is meant too: the clock was set back.
    """
    # together, since finding the lost servers of a service takes a look at all of them
    together: Dict[Tuple[str, float], Set[str]] = {}
    for order in orders:
        together.setdefault((order.service, order.time), set()).add(order.server)
    changes: Dict[str, Set[str]] = {}
    for (service, ordered), named in together.items():

        def is_meant(row: RowState, ordered: float = ordered) -> bool:
            since = row.gone_since
            return row.lasting and since is not None and (since <= ordered or since > latest)

        for name in [service] if service else list(services.rows):
            if name in services.rows:
                meant = _forget(services.rows[name], named, is_meant, oldest)
                if meant is not None:
                    changes.setdefault(name, set()).update(meant)
    return changes


def _forget(
    service: ServiceState, named: Set[str], is_meant: Callable[[RowState], bool], oldest: float
) -> Optional[Set[str]]:
    """Forget servers of a service, with "" all of them and the service.

    Return their names, None if nothing is changed.
    """
    servers = service.servers.rows
    if service.gone_since is None:
        found = servers if "" in named else named.intersection(servers)
        meant = {each for each in found if is_meant(servers[each])}
        if not meant:
            return None
        service.lower_baseline(len(meant.intersection(service.lost_servers(oldest))))
    elif "" in named and is_meant(service):
        meant = set(servers)
        service.forget()
        service.baseline = []
    else:
        return None
    for each in meant:
        servers[each].forget()
    return meant


def _lost_services(services: Numbering[ServiceState], oldest: float) -> List[str]:
    found = []
    if services.gone:
        for name, row in services.rows.items():
            if row.lasting and row.gone_since is not None and row.gone_since >= oldest:
                found.append((row.gone_since, name))
    return [name for _since, name in sorted(found, reverse=True)]


def _count(names: Iterable[str], addresses: Mapping[str, AddressSum]) -> None:
    """Count lost rows for those of their addresses that have present rows."""
    for name in names:
        address = addresses.get(address_in(name))
        if address is not None:
            address.lost += 1


def _waiting_services(services: Numbering[ServiceState]) -> int:
    """Return the number of services that are missing and not gone yet, but may be lost then."""
    if services.missing == services.gone:
        return 0
    rows = services.rows.values()
    return sum(
        row.lasting and row.missing_since is not None and row.gone_since is None for row in rows
    )


def _row(state: RowState, service: str, server: str = "") -> LostRow:
    assert state.gone_since is not None
    return LostRow(service, server, state.last_seen, state.gone_since)
