# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of LVS-MIB about time: rows that are lost, and the age of what was seen last."""

from __future__ import annotations

import time
from typing import Any, Iterator, Optional, Tuple

from lvs_agent.mib import smi
from lvs_agent.mib.index import RS_INDEX, VS_INDEX, instance
from lvs_agent.mib.smi import Column, Oid, Table, Value, at
from lvs_agent.snapshot import LostRow, Snapshot


def seconds_since(name: str) -> Value:
    """Return the age of a time that a row has in seconds since 1970, at the time of the request."""
    get = at(name)

    def age(row: Any) -> Optional[int]:
        since = get(row)
        return None if since is None else int(time.time() - since)

    return age


def _vs_rows(snapshot: Snapshot) -> Iterator[Tuple[Oid, LostRow]]:
    for row in snapshot.lost:
        if not row.server:
            yield instance(*row.service_key), row


def _rs_rows(snapshot: Snapshot) -> Iterator[Tuple[Oid, LostRow]]:
    for row in snapshot.lost:
        if row.server:
            yield (*instance(*row.service_key), *instance(*row.server_key)), row


VS = Table(
    (28,),
    "lvsLostVsTable",
    "lvsLostVsEntry",
    VS_INDEX,
    _vs_rows,
    [
        Column(1, "lvsLostVsName", smi.SnmpAdminString, at("name")),
        Column(2, "lvsLostVsAlias", smi.Alias, at("alias")),
        Column(3, "lvsLostVsLastSeen", smi.DateAndTime, at("last_seen")),
        Column(4, "lvsLostVsSince", smi.DateAndTime, at("since")),
        Column(5, "lvsLostVsAge", smi.Gauge32, seconds_since("since")),
    ],
)

RS = Table(
    (31,),
    "lvsLostRsTable",
    "lvsLostRsEntry",
    RS_INDEX,
    _rs_rows,
    [
        Column(1, "lvsLostRsName", smi.SnmpAdminString, at("name")),
        Column(2, "lvsLostRsAlias", smi.Alias, at("alias")),
        Column(3, "lvsLostRsLastSeen", smi.DateAndTime, at("last_seen")),
        Column(4, "lvsLostRsSince", smi.DateAndTime, at("since")),
        Column(5, "lvsLostRsAge", smi.Gauge32, seconds_since("since")),
    ],
)
