# SPDX-License-Identifier: GPL-3.0-or-later
"""Collectors for tests: they listen at a unix socket and send whatever bytes a test gives them."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, List

from lvs_agent.boundary import wire
from lvs_agent.codes import Source
from lvs_agent.services import RealServer, Traffic, VirtualService
from lvs_agent.snapshot import Snapshot
from tests.support import builders

Connection = socket.socket


def traffic(value: int) -> Traffic:
    """Return the same number for all five quantities."""
    return builders.traffic(value, step=0)


def service(host: int, counted: int = 0, rate: int = 0, servers: int = 1) -> VirtualService:
    """Return TCP 192.0.2.HOST:80, number HOST, with real servers 10.0.0.1 and up."""
    return builders.service(
        f"192.0.2.{host}",
        80,
        *(server(each, counted, rate) for each in range(1, servers + 1)),
        scheduler="rr",
        persist_timeout=0,
        netmask="255.255.255.255",
        persistence_engine="",
        counters=traffic(counted),
        rates=traffic(rate),
        number=host,
        continuous_since=0.0,
    )


def server(host: int, counted: int = 0, rate: int = 0) -> RealServer:
    """Return 10.0.0.HOST:80, number HOST, with a value in every field that the kernel fills."""
    return builders.server(
        f"10.0.0.{host}",
        80,
        upper_threshold=0,
        lower_threshold=0,
        active_conns=0,
        inact_conns=0,
        persist_conns=0,
        counters=traffic(counted),
        rates=traffic(rate),
        tunnel_type=0,
        tunnel_port=0,
        tunnel_flags=0,
        number=host,
        continuous_since=0.0,
    )


def snapshot(*services: VirtualService) -> Snapshot:
    """Return a snapshot taken now."""
    taken = time.clock_gettime(time.CLOCK_BOOTTIME)
    return builders.snapshot(*services, taken=taken, source=Source.NETLINK)


def encoded(*services: VirtualService) -> bytes:
    """Return a snapshot taken now, encoded for the socket."""
    return b"".join(wire.encode(snapshot(*services)))


@contextmanager
def at(path: Path, answer: Callable[[socket.socket], None]) -> Iterator[List[float]]:
    """Run a collector at path that calls answer with each connection, then closes it.

    Yield the list of the times at which connections were accepted.
    """
    came: List[float] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen(16)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                came.append(time.monotonic())
                with connection:
                    try:
                        answer(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield came
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)
            path.unlink(missing_ok=True)
