# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated kernel with any number of services, whose counters rise, and which can fail.

Its messages are those of a recorded kernel with other addresses and counters in their places.
As a program it is a collector of such a kernel: python -m tests.support.made_kernel --help.
"""

from __future__ import annotations

import argparse
import errno
import gc
import os
import struct
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Union

from lvs_agent.boundary.connections import listen_at
from lvs_agent.collector.history import History
from lvs_agent.collector.server import Collector, serve
from lvs_agent.kernel import procfs
from lvs_agent.kernel.netlink import Request
from lvs_agent.kernel.recording import ReplayedKernel
from tests.support.recorded import DEST, GET_DEST, GET_SERVICE, SERVICE, SMALL, altered, replies

# linux/ip_vs.h: attributes of a service and of a real server, and of the statistics of both
SVC_ADDR, SVC_STATS64, DEST_ADDR, DEST_STATS64 = 3, 12, 1, 12
COUNTERS = range(1, 6)

Replies = Callable[[], Iterator[bytes]]
Meddle = Callable[[Request, Replies], Iterator[bytes]]


class _Message:
    """A recorded reply whose address and five counters can be replaced."""

    def __init__(self, reply: bytes, kind: int, address: int, statistics: int) -> None:
        mark = b"\xa5" * 16
        self._address = altered(reply, (kind, address), lambda _: mark).index(mark)
        self._counters = [
            altered(reply, (kind, statistics, counter), lambda _: mark[:8]).index(mark[:8])
            for counter in COUNTERS
        ]
        self._reply = reply

    def of(self, address: bytes, count: int) -> bytes:
        """Return the reply for an address; its counters are multiples of count."""
        reply = bytearray(self._reply)
        reply[self._address : self._address + len(address)] = address
        for factor, place in enumerate(self._counters, 1):
            struct.pack_into("=Q", reply, place, count * factor)
        return bytes(reply)


class MadeKernel:
    """Services 1, 2, 3 and so on, each TCP port 80 of 10.x.x.x; each has the same real servers.

    meddle is called with each request and a function that gives the usual replies. loaded is false
    while the module is absent. files has texts to read, by path, or errors to raise.
    """

    def __init__(self, services: int, servers: int = 2) -> None:
        self.services: List[int] = list(range(1, services + 1))
        self.servers = servers
        self.loaded = True
        self.meddle: Optional[Meddle] = None
        self.files: Dict[str, Union[str, OSError]] = {}
        self._recording = ReplayedKernel(SMALL)
        every = replies(SMALL, GET_SERVICE)
        tcp = next(reply for reply in every if bytes([10, 2, 0, 1]) in reply)
        masquerading = replies(SMALL, GET_DEST)[-1]
        self._service = _Message(tcp, SERVICE, SVC_ADDR, SVC_STATS64)
        self._server = _Message(masquerading, DEST, DEST_ADDR, DEST_STATS64)

    def ask(self, request: Request) -> Iterator[bytes]:
        if self.meddle is not None:
            return self.meddle(request, lambda: self._replies(request))
        return self._replies(request)

    def read(self, path: str) -> str:
        if not self.loaded:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        text = self.files.get(path)
        if isinstance(text, OSError):
            raise text
        if text is None and path == procfs.IP_VS:
            return self._table()
        return self._recording.read(path) if text is None else text

    def close(self) -> None:
        self._recording.close()

    def _replies(self, request: Request) -> Iterator[bytes]:
        count = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 100)
        if request.command == GET_SERVICE:
            asked = [each for each in self.services if service_address(each) in request.body]
            if not request.dump and not asked:
                raise OSError(errno.ESRCH, os.strerror(errno.ESRCH))
            for service in self.services if request.dump else asked:
                yield self._service.of(service_address(service), count)
        elif request.command == GET_DEST:
            for server in range(1, self.servers + 1):
                yield self._server.of(server_address(server), count)
        else:
            yield from self._recording.ask(request)

    def _table(self) -> str:
        lines = self._recording.read(procfs.IP_VS).splitlines()[:3]
        for service in self.services:
            lines.append(f"TCP  {service_address(service).hex().upper()}:0050 rr ")
            for server in range(1, self.servers + 1):
                address = server_address(server).hex().upper()
                lines.append(f"  -> {address}:0050      Masq    1      0          0         ")
        return "\n".join([*lines, ""])


def service_address(service: int) -> bytes:
    return struct.pack("!I", (10 << 24) + service)


def server_address(server: int) -> bytes:
    return struct.pack("!I", (172 << 24) + (16 << 16) + server)


def main() -> None:
    parser = argparse.ArgumentParser(description="A collector of a made kernel.")
    parser.add_argument("path", type=Path, help="where it listens")
    parser.add_argument("--services", type=int, default=3)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--state", type=Path, help="the state directory")
    args = parser.parse_args()
    gc.disable()  # as lvs-agent collector does
    kernel = MadeKernel(args.services, args.servers)
    serve(Collector(kernel, History(args.state)), listen_at(args.path))


if __name__ == "__main__":
    main()
