# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a kernel, and the running kernel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable, Iterator, Optional, Protocol

from lvs_agent.kernel import netlink
from lvs_agent.kernel.netlink import Request

MAX_SEQUENCE = (1 << 32) - 1


class Kernel(Protocol):
    """What the collector asks of a kernel."""

    def ask(self, request: Request) -> Iterator[bytes]:
        """The replies to a request, as netlink.replies gives and raises them."""

    def read(self, path: str) -> str:
        """A file below /proc. Raises OSError, FileNotFoundError among them."""

    def close(self) -> None:
        """Free what is open."""


class LiveKernel:
    """The kernel this runs on; netlink is first touched when it is asked."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        # open between two requests only if the one before was answered to its end
        self._connection: Optional[netlink.Connection] = None
        self._sequence = 0

    def ask(self, request: Request) -> Iterator[bytes]:
        """See Kernel.ask; TimeoutError if the kernel does not answer."""
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
        # nlmsg_seq has 32 bits; 0 is the kernel's own
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
            if not whole:  # an error, or a reader that has stopped before the end
                # Open a new socket: unread replies would be taken for the next request's, and a
                # socket allows one dump at a time (EBUSY).
                self.close()

    def _receive(self) -> bytes:
        assert self._connection is not None
        return self._connection.receive()
