# SPDX-License-Identifier: GPL-3.0-or-later
"""The notifications of events, with the values that the tables have.

A notification is a list of arguments for agentxtrap: its OID, and the OID, type and value of each
object.
"""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from lvs_agent.codes import Status
from lvs_agent.mib import lvs, smi
from lvs_agent.mib.index import VS_INDEX, instance
from lvs_agent.mib.lookup import MibTree
from lvs_agent.mib.notifications import NOTIFICATIONS, PATH, TEXT
from lvs_agent.mib.smi import Oid, Varbind, dotted
from lvs_agent.names import server_key, service_key
from lvs_agent.snapshot import Snapshot
from lvs_agent.watch.events import Change, Event, Kind

_TYPES = {smi.Integer: "i", smi.Gauge: "u", smi.Octets: "x", smi.Text: "s"}


def _names() -> Dict[Kind, str]:
    names = {Kind.AGENT_STATUS: "lvsNotifyAgentStatus", Kind.SUMMARY: "lvsNotifySummary"}
    for kind in set(Kind) - names.keys():
        row, _, state = kind.value.partition("-")
        names[kind] = f"lvsNotify{'Vs' if row == 'service' else 'Rs'}{state.title()}"
    return names


def _objects() -> Dict[str, Tuple[Oid, int]]:
    """Return the path of each scalar and column, and the number of its index's parts."""
    scalars, tables = lvs.objects(with_legacy=False)
    return {
        **{scalar.name: (scalar.path, 0) for scalar in scalars},
        **{
            column.name: ((*table.path, 1, column.number), len(table.index))
            for table in tables
            for column in table.columns
        },
    }


_BY_NAME = {notification.name: notification for notification in NOTIFICATIONS}
_BY_KIND = {kind: _BY_NAME[name] for kind, name in _names().items()}
_OBJECTS = _objects()


def notifications(events: Sequence[Event], snapshot: Snapshot) -> List[List[str]]:
    """Return the notifications of the events of one snapshot."""
    tree = lvs.tree(snapshot, 0.0, with_legacy=False)
    return [_notification(event, tree) for event in events]


def summary(text: str, status: Status) -> List[str]:
    """Return a notification with a text."""
    tree = lvs.tree(Snapshot(taken=0.0, status=status), 0.0, with_legacy=False)
    return _notification(Event(Change(Kind.SUMMARY), text, 0), tree)


def _notification(event: Event, tree: MibTree) -> List[str]:
    declared = _BY_KIND[event.change.kind]
    words = [_oid((*PATH, declared.number))]
    for name in declared.objects:
        if name == "lvsNotifyText":
            words += [_oid((*TEXT, 0)), "s", str(smi.SnmpAdminString.fit(event.text))]
            continue
        found = tree.get(_place(name, event.change))
        if found is not None:
            words += [f"{_oid(())}.{found.oid}", _TYPES[found.type], _value(found)]
    return words


def _place(name: str, change: Change) -> Oid:
    path, parts = _OBJECTS[name]
    if not parts:
        return (*path, 0)
    index = instance(*service_key(change.service))
    if parts > len(VS_INDEX):
        index = (*index, *instance(*server_key(change.server)))
    return (*path, *index)


def _oid(path: Oid) -> str:
    return f".{dotted((*lvs.LVS, *path))}"


def _value(varbind: Varbind) -> str:
    return varbind.value.hex() if isinstance(varbind.value, bytes) else str(varbind.value)
