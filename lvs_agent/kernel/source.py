# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface to a kernel, and the running kernel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable, Iterator, Optional, Protocol

from lvs_agent.kernel import netlink
from lvs_agent.kernel.netlink import Request

MAX_SEQUENCE = (1 << 32) - 1


class Kernel(Protocol):
    """The interface through which the collector reads a kernel."""

    def ask(self, request: Request) -> Iterator[bytes]:
        """Yield the replies to a request; yields and raises what netlink.replies does."""

    def read(self, path: str) -> str:
        """Return the text of a file below /proc. Raises FileNotFoundError or another OSError."""

    def close(self) -> None:
        """Close what is open."""


class LiveKernel:
    """The running kernel. The netlink socket is opened at the first request."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        # stays open between requests only if the last one was answered to its end
        self._connection: Optional[netlink.Connection] = None
        self._sequence = 0

    def ask(self, request: Request) -> Iterator[bytes]:
        """See Kernel.ask. Raises TimeoutError if the kernel does not answer."""
        return self._exchange(self._next(request), self._receive)

    def read(self, path: str) -> str:
        """See Kernel.read."""
        with open(self._proc / path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self) -> None:
        """Close the netlink socket."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _next(self, request: Request) -> Request:
        # nlmsg_seq has 32 bits; the kernel itself uses 0
        self._sequence = self._sequence % MAX_SEQUENCE + 1
        return replace(request, sequence=self._sequence)

    def _exchange(self, request: Request, receive: Callable[[], bytes]) -> Iterator[bytes]:
        if self._connection is None:
            self._connection = netlink.Connection()
        whole = False
        try:
            self._connection.send(request.encode())
            yield from netlink.replies(request, receive)
            whole = True
        finally:
            if not whole:  # an error, or a caller that stopped before the end
                # Open a new socket: unread replies would be taken for the next request's, and a
                # socket allows one dump at a time (EBUSY).
                self.close()

    def _receive(self) -> bytes:
        assert self._connection is not None
        return self._connection.receive()
