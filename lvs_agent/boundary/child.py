# SPDX-License-Identifier: GPL-3.0-or-later
"""A collector that a responder runs as its child, where there is none on the machine.

The two share a socketpair over which the responder hands one end of a new socketpair for each
snapshot it wants. When the responder dies, the child reads end of file and exits.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import socket
from typing import Callable, Optional

from lvs_agent.boundary.connections import Listener


class HandoffListener:
    """Connections handed over a socketpair by the process that started this one."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        control.setblocking(False)

    def fileno(self) -> int:
        """See Listener.fileno."""
        return self._control.fileno()

    def accept(self) -> socket.socket:
        """See Listener.accept; OSError where this process has no descriptor left."""
        data, fds, _flags, _address = socket.recv_fds(self._control, 1, 1)
        if not data:
            raise EOFError
        for other in fds[1:]:
            os.close(other)
        if not fds:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return socket.socket(fileno=fds[0])

    def close(self) -> None:
        """See Listener.close."""
        self._control.close()


class ChildCollector:
    """A collector that this process runs for itself; started, and started again, when needed."""

    def __init__(self, run: Callable[[Listener], None]) -> None:
        self._run = run
        # our end of the socketpair: while it is open the child runs on
        self._control: Optional[socket.socket] = None
        # the last child, until it is known to have ended
        self._process: Optional[multiprocessing.process.BaseProcess] = None

    def connect(self) -> socket.socket:
        """A connection to it. Raises OSError if it can't be started."""
        if self._control is None or self._process is None or not self._process.is_alive():
            self._start()
        assert self._control is not None
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._control, [b"c"], [theirs.fileno()])
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        return ours

    def let_go(self) -> None:
        """Let it end when it has saved what it must, without waiting for that."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None and not self._process.is_alive():
            self._process = None

    def close(self) -> None:
        """End it, and wait until it has saved what it must."""
        self.let_go()
        if self._process is not None:
            self._process.join()
            self._process = None

    def _start(self) -> None:
        self.let_go()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # a hung collector must not hang a hand-over once its queue is full
        ours.setblocking(False)
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=self._child, args=(ours, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._control = ours

    def _child(self, ours: socket.socket, theirs: socket.socket) -> None:
        ours.close()
        # snmpd waits for the end of this pipe when the responder is gone
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.close(null)
        self._run(HandoffListener(theirs))
