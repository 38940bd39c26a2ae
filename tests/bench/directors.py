# SPDX-License-Identifier: GPL-3.0-or-later
"""Made directors: services of ten real servers each, with the counters of busy ones in every row.

Each is a recording, for the real collector; a snapshot of it can be handed out by a collector of
tests.collectors, for what shall cost nothing beside what is measured.
"""

from __future__ import annotations

import copy
import itertools
import json
import random
import shutil
import struct
import time
from pathlib import Path
from typing import Callable, Iterator, List, Sequence, Union

from lvs_agent import wire
from lvs_agent.history import History
from lvs_agent.kernel import ReplayedKernel
from lvs_agent.snapshot import RealServer, Snapshot, Traffic, VirtualService
from lvs_agent.survey import Survey
from tests import collectors, recorded
from tests.recorded import DEST, GET_DEST, GET_SERVICE, SERVICE, Exchange

SERVERS = 10  # of each service

# linux/ip_vs.h: attributes of a service, a real server, and of the statistics of both
SVC_ADDR, DEST_ADDR, ACTIVE_CONNS, INACT_CONNS, STATS64, PAD = 3, 1, 7, 8, 12, 11


def recording(folder: Path, services: int) -> Path:
    """A director of that many services: the small one of tests/data with these in their place."""
    shutil.copytree(recorded.SMALL, folder)
    lines = (folder / "netlink.jsonl").read_text().splitlines()
    every = recorded.exchanges(recorded.SMALL)
    dump = next(each for each in every if each.command == GET_SERVICE)
    dests = next(each for each in every if each.command == GET_DEST and each.messages())
    rows = {each.request.hex() for each in every if each.command in (GET_SERVICE, GET_DEST)}
    lines = [line for line in lines if json.loads(line)["request"] not in rows]
    lines.append(_exchange(dump, dump.request, [_service(dump, n) for n in range(services)]))
    for n in range(services):
        request = _with(dests.request, (SERVICE, SVC_ADDR), _address(8, n))
        lines.append(_exchange(dests, request, [_server(dests, n, s) for s in range(SERVERS)]))
    (folder / "netlink.jsonl").write_text("\n".join([*lines, ""]))
    return folder


def snapshot(folder: Path) -> Snapshot:
    """What a collector makes of a recording, without discontinuity times, which are its own."""
    found = Survey(ReplayedKernel(folder)).take()
    History(None).annotate(found)
    for row in _rows(found):
        row.since = 0.0
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


def _exchange(like: Exchange, request: bytes, messages: Sequence[bytes]) -> str:
    replies = [b"".join(messages).hex(), like.datagrams[-1].hex()]
    return json.dumps({"request": request.hex(), "replies": replies})


def _service(dump: Exchange, n: int) -> bytes:
    message = _with(dump.messages()[0], (SERVICE, SVC_ADDR), _address(8, n))
    return _with(message, (SERVICE, STATS64), _stats(random.Random(n)))


def _server(dests: Exchange, n: int, server: int) -> bytes:
    values = random.Random(f"{n}.{server}")
    message = _with(dests.messages()[1], (DEST, DEST_ADDR), _address(101 + server, n))
    for place in (ACTIVE_CONNS, INACT_CONNS):
        message = _with(message, (DEST, place), struct.pack("=I", values.randrange(100_000)))
    return _with(message, (DEST, STATS64), _stats(values))


def _with(message: bytes, path: Sequence[int], payload: bytes) -> bytes:
    body = recorded.altered(message[20:], tuple(path), lambda _: payload)
    return struct.pack("=I", 20 + len(body)) + message[4:20] + body


def _address(second: int, n: int) -> bytes:
    return bytes([10, second, n // 250, n % 250 + 1]).ljust(16, b"\0")


def _stats(values: random.Random) -> bytes:
    """Five counters and five rates; what is added up in years is large."""
    highest = [10**9, 10**11, 10**11, 10**14, 10**14, 10**3, 10**5, 10**5, 10**8, 10**8]
    numbers = [struct.pack("=Q", values.randrange(each)) for each in highest]
    attributes: List[recorded.Attribute] = []
    for kind, number in enumerate(numbers, 1):
        attributes += [(kind, number), (PAD, b"")]
    return recorded.join(attributes)
