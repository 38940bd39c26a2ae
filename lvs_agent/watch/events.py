# SPDX-License-Identifier: GPL-3.0-or-later
"""The events that watch reports, and their texts."""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass
from itertools import groupby
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from lvs_agent.codes import Status
from lvs_agent.mib import smi
from lvs_agent.names import row_name, server_key, service_key
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import LostRow, Snapshot

MOST_EVENTS = 10  # of one look that are reported one by one
_NAMES = 3  # names for each kind of event in a summary


class Kind(enum.Enum):
    """The kind of an event, as in the field LVS_EVENT of the journal; the most urgent first."""

    AGENT_STATUS = "agent-status"
    SUMMARY = "summary"
    SERVICE_LOST = "service-lost"
    SERVICE_DOWN = "service-down"
    SERVER_LOST = "server-lost"
    SERVER_DOWN = "server-down"
    SERVICE_FOUND = "service-found"
    SERVICE_UP = "service-up"
    SERVER_FOUND = "server-found"
    SERVER_UP = "server-up"


# the event at the end of a condition, by the event at its beginning
ENDS = {
    Kind.SERVICE_LOST: Kind.SERVICE_FOUND,
    Kind.SERVICE_DOWN: Kind.SERVICE_UP,
    Kind.SERVER_LOST: Kind.SERVER_FOUND,
    Kind.SERVER_DOWN: Kind.SERVER_UP,
}
_ORDER = list(Kind)
_ERROR, _WARNING, _NOTICE = 3, 4, 5  # priorities of syslog(3)
_PRIORITIES = {
    **dict.fromkeys(ENDS.values(), _NOTICE),
    Kind.SERVICE_LOST: _ERROR,
    Kind.SERVICE_DOWN: _ERROR,
    Kind.SERVER_LOST: _WARNING,
    Kind.SERVER_DOWN: _WARNING,
}


class Change(NamedTuple):
    """The kind of an event, and the names of its service and real server, "" for none."""

    kind: Kind
    service: str = ""
    server: str = ""

    @property
    def name(self) -> str:
        """The row's name, unique in a director."""
        return row_name(self.service, self.server)


@dataclass(frozen=True)
class Event:
    """A change with its text and its priority in syslog.

    alias is the row's, servers and up are the numbers of its service's real servers.
    """

    change: Change
    text: str
    priority: int
    alias: str = ""
    servers: Optional[int] = None
    up: Optional[int] = None


def events(changes: Iterable[Change], snapshot: Snapshot) -> List[Event]:
    """Return the events of changes: the status, and then each row or a summary of the rows.

    A summary replaces more than MOST_EVENTS, and also several rows if no service is left, since
    that is one problem.
    """
    ordered = sorted(changes, key=_place)
    rows = [change for change in ordered if change.kind != Kind.AGENT_STATUS]
    found = [_status(change, snapshot) for change in ordered[: len(ordered) - len(rows)]]
    if len(rows) > (MOST_EVENTS if snapshot.services else 1):
        urgent = min(_PRIORITIES[change.kind] for change in rows)
        return [*found, Event(Change(Kind.SUMMARY), summary(rows, snapshot), urgent)]
    services = {service.name: service for service in snapshot.services} if rows else {}
    lost = {(row.service, row.server): row for row in snapshot.lost} if rows else {}
    return [*found, *(_row(change, services, lost) for change in rows)]


def _place(change: Change) -> Tuple[int, Tuple[object, ...]]:
    """Return a key that sorts by kind, and then as the rows of the tables."""
    keys: Tuple[object, ...] = ()
    if change.service:
        keys = service_key(change.service)
    if change.server:
        keys = (*keys, server_key(change.server))
    return _ORDER.index(change.kind), keys


def summary(changes: Sequence[Change], snapshot: Snapshot) -> str:
    """Return a summary of changes, sorted by kind, of at most smi.MAX_TEXT_BYTES bytes.

    The lists of lost rows in a snapshot may be shorter than the numbers of these rows.
    """
    groups = [(kind, list(group)) for kind, group in groupby(changes, lambda change: change.kind)]
    more = ""
    if snapshot.lost_is_cut_off:
        services, servers = snapshot.lost_services or 0, snapshot.lost_servers or 0
        more = f"; {services} services and {servers} real servers are lost in all"
    for names in range(_NAMES, -1, -1):
        text = "; ".join(_group(kind, group, names) for kind, group in groups) + more
        if len(text.encode()) <= smi.MAX_TEXT_BYTES:
            break
    return text


def _group(kind: Kind, changes: Sequence[Change], names: int) -> str:
    row, _, state = kind.value.partition("-")
    noun = "real server" if row == "server" else row
    head = f"{len(changes)} {noun}{'s' if len(changes) > 1 else ''} {state}"
    if not names:
        return head
    more = len(changes) - names
    return f"{head}: {', '.join(each.name for each in changes[:names])}" + (
        f" and {more} more" if more > 0 else ""
    )


def _status(change: Change, snapshot: Snapshot) -> Event:
    text = f"agent status is {snapshot.status.label}"
    if snapshot.text:
        text += f": {snapshot.text}"
    return Event(change, text, _NOTICE if snapshot.status == Status.OK else _ERROR)


def _row(
    change: Change,
    services: Dict[str, VirtualService],
    lost: Dict[Tuple[str, str], LostRow],
) -> Event:
    service = services.get(change.service)
    servers = up = None
    since = counted = alias = ""
    if change.kind in (Kind.SERVICE_LOST, Kind.SERVER_LOST):
        row = lost[change.service, change.server]
        alias = row.alias
        since = time.strftime(", missing since %Y-%m-%d %H:%M:%S UTC", time.gmtime(row.since))
    if service is not None:
        servers, up = len(service.real_servers), service.sums.real_servers_up
        counted = f", {up} of {servers + (service.lost or 0)} real servers up"
        if service.lost:
            counted += f", {service.lost} lost"
        here = [rs.alias for rs in service.real_servers if rs.name == change.server]
        alias = alias or (here[0] if here else "" if change.server else service.alias)
    alias = str(smi.Alias.fit(alias))  # the journal takes no entry of hundreds of KiB
    name = f"{change.name} ({alias})" if alias else change.name
    state = change.kind.value.partition("-")[2]
    text = f"{name} is {state}{since}{counted}"
    return Event(change, text, _PRIORITIES[change.kind], alias, servers, up)
