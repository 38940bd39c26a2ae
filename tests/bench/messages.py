# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink messages about synthetic services and real servers, with realistic counters.

They are messages of the small director in tests/data with some attributes replaced.
"""

from __future__ import annotations

import struct
from typing import Iterator, List, Sequence, Tuple

from tests.support import recorded
from tests.support.recorded import DEST, GET_DEST, GET_SERVICE, SERVICE, Exchange

SERVERS = 10  # per service

# linux/ip_vs.h: attributes of a service, of a real server and of the statistics of both
SVC_ADDR, DEST_ADDR, ACTIVE_CONNS, INACT_CONNS, STATS64, PAD = 3, 1, 7, 8, 12, 11
# counters grow for years, rates are per second
HIGHEST = [10**9, 10**11, 10**11, 10**14, 10**14, 10**3, 10**5, 10**5, 10**8, 10**8]


def templates() -> Tuple[Exchange, Exchange]:
    """Return a dump of services and one of real servers, as templates for the others."""
    every = recorded.exchanges(recorded.SMALL)
    dump = next(each for each in every if each.command == GET_SERVICE)
    return dump, next(each for each in every if each.command == GET_DEST and each.messages())


def service(dump: Exchange, n: int) -> bytes:
    """Return the message of service n: 10.8.x.y:80."""
    message = _with(dump.messages()[0], (SERVICE, SVC_ADDR), _address(8, n))
    return _with(message, (SERVICE, STATS64), _stats(_numbers(n)))


def server(dests: Exchange, n: int, place: int) -> bytes:
    """Return the message of a real server of service n: 10.101.x.y:80, 10.102.x.y:80, ..."""
    numbers = _numbers(1000 * n + place + 1_000_000)
    message = _with(dests.messages()[1], (DEST, DEST_ADDR), _address(101 + place, n))
    for kind in (ACTIVE_CONNS, INACT_CONNS):
        message = _with(message, (DEST, kind), struct.pack("=I", next(numbers) % 100_000))
    return _with(message, (DEST, STATS64), _stats(numbers))


def request_for(dests: Exchange, n: int) -> bytes:
    """Return the request for the real servers of service n."""
    return _with(dests.request, (SERVICE, SVC_ADDR), _address(8, n))


def number_of(body: bytes) -> int:
    """Return the number n of the service whose real servers are requested."""
    ((_kind, named),) = recorded.split(body)
    _ten, _second, high, low = dict(recorded.split(named))[SVC_ADDR][:4]
    return high * 250 + low - 1


def _with(message: bytes, path: Sequence[int], payload: bytes) -> bytes:
    body = recorded.altered(message[20:], tuple(path), lambda _: payload)
    return struct.pack("=I", 20 + len(body)) + message[4:20] + body


def _address(second: int, n: int) -> bytes:
    return bytes([10, second, n // 250, n % 250 + 1]).ljust(16, b"\0")


def _stats(numbers: Iterator[int]) -> bytes:
    attributes: List[recorded.Attribute] = []
    for kind, highest in enumerate(HIGHEST, 1):
        attributes += [(kind, struct.pack("=Q", next(numbers) % highest)), (PAD, b"")]
    return recorded.join(attributes)


def _numbers(seed: int) -> Iterator[int]:
    """Yield pseudo-random numbers: the same for a seed each time. random would take more memory."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield state >> 11
