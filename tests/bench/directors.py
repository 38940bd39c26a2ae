# SPDX-License-Identifier: GPL-3.0-or-later
"""Made directors: services of ten real servers each, with the counters of busy ones in every row.

Each is a recording, for the real collector; a snapshot of it can be handed out by a collector of
tests.support.collectors, for what shall cost nothing beside what is measured.
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
from lvs_agent.snapshot import RealServer, Snapshot, Traffic, VirtualService
from tests.bench import messages
from tests.support import collectors, recorded
from tests.support.recorded import GET_DEST, GET_SERVICE, Exchange

SERVERS = messages.SERVERS


def recording(folder: Path, services: int) -> Path:
    """A director of that many services: the small one of tests/data with these in their place."""
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
    """What a collector makes of a recording, without discontinuity times, which are its own."""
    found = Survey(ReplayedKernel(folder)).take()
    History(None).annotate(found)
    for row in _rows(found):
        row.continuous_since = 0.0
    return found


def later(snapshot: Snapshot) -> Snapshot:
    """The same director with other counters, and every seventh service gone."""
    changed = copy.deepcopy(snapshot)
    del changed.services[::7]
    for row in _rows(changed):
        assert row.counters
        row.counters = Traffic(*(each + 1 for each in row.counters))
    return changed


def handing_out(*snapshots: Snapshot) -> Callable[[collectors.Connection], None]:
    """For collectors.at: these in turn, each as if it had been taken just now.

    Only the line that has the time is made anew each time.
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
