# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthetic directors: services of ten real servers each, with realistic counters in every row.

A director is a recording for the real collector. When the collector is not what is measured, a
collector of tests.support.collectors serves a snapshot of it instead, at almost no cost.
"""

from __future__ import annotations

import copy
import itertools
import json
import shutil
import time
from pathlib import Path
from typing import Callable, Iterator, Sequence, Union

from lvs_agent.boundary import wire
from lvs_agent.collector.history import History
from lvs_agent.kernel.recording import ReplayedKernel
from lvs_agent.kernel.survey import Survey
from lvs_agent.services import RealServer, Traffic, VirtualService
from lvs_agent.snapshot import Snapshot
from tests.bench import messages
from tests.support import collectors, recorded
from tests.support.recorded import GET_DEST, GET_SERVICE, Exchange

SERVERS = messages.SERVERS


def recording(folder: Path, services: int) -> Path:
    """Write a recording of a director with so many services, and return its folder.

    It is the recording of the small director in tests/data with its services replaced.
    """
    shutil.copytree(recorded.SMALL, folder)
    lines = (folder / "netlink.jsonl").read_text().splitlines()
    every = recorded.exchanges(recorded.SMALL)
    dump, dests = messages.templates()
    rows = {each.request.hex() for each in every if each.command in (GET_SERVICE, GET_DEST)}
    lines = [line for line in lines if json.loads(line)["request"] not in rows]
    lines.append(
        _exchange(dump, dump.request, [messages.service(dump, n) for n in range(services)])
    )
    for n in range(services):
        request = messages.request_for(dests, n)
        lines.append(
            _exchange(dests, request, [messages.server(dests, n, s) for s in range(SERVERS)])
        )
    (folder / "netlink.jsonl").write_text("\n".join([*lines, ""]))
    return folder


def snapshot(folder: Path) -> Snapshot:
    """Return a collector's snapshot of a recording.

    Discontinuity times are set to 0, as they depend on the collector and not on the recording.
    """
    found = Survey(ReplayedKernel(folder)).take()
    History(None).annotate(found)
    for row in _rows(found):
        row.continuous_since = 0.0
    return found


def later(snapshot: Snapshot) -> Snapshot:
    """Return a copy of a snapshot with higher counters and without every seventh service."""
    changed = copy.deepcopy(snapshot)
    del changed.services[::7]
    for row in _rows(changed):
        assert row.counters
        row.counters = Traffic(*(each + 1 for each in row.counters))
    return changed


def handing_out(*snapshots: Snapshot) -> Callable[[collectors.Connection], None]:
    """Return an answer for collectors.at() that sends these snapshots in turn, as if just taken.

    Only the line with the time is encoded for each answer.
    """
    turns = itertools.cycle([(each, b"".join([*wire.encode(each)][1:])) for each in snapshots])

    def answer(connection: collectors.Connection) -> None:
        now, rows = next(turns)
        now.taken = time.clock_gettime(time.CLOCK_BOOTTIME)
        connection.sendall(next(wire.encode(now)) + rows)

    return answer


def _rows(snapshot: Snapshot) -> Iterator[Union[VirtualService, RealServer]]:
    for service in snapshot.services:
        yield service
        yield from service.real_servers


def _exchange(like: Exchange, request: bytes, replies: Sequence[bytes]) -> str:
    datagrams = [b"".join(replies).hex(), like.datagrams[-1].hex()]
    return json.dumps({"request": request.hex(), "replies": datagrams})
