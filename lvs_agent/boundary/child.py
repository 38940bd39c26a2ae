# SPDX-License-Identifier: GPL-3.0-or-later
"""The child collector: a collector that a responder runs where the machine has none.

The two share a socketpair. For each snapshot the responder makes another socketpair and sends
one end of it over the first. When the responder dies, the child reads end of file and exits.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import socket
from typing import Callable, Optional

from lvs_agent.boundary.connections import Listener


class HandoffListener:
    """A listener whose connections the parent process sends over a socketpair."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        control.setblocking(False)

    def fileno(self) -> int:
        """See Listener.fileno."""
        return self._control.fileno()

    def accept(self) -> socket.socket:
        """See Listener.accept. Raises OSError if this process has no file descriptor left."""
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
    """A collector that this process runs for itself, and starts or restarts when needed."""

    def __init__(self, run: Callable[[Listener], None]) -> None:
        self._run = run
        # this process's end of the socketpair; the child runs until it is closed
        self._control: Optional[socket.socket] = None
        # the last child, until it is known to have ended
        self._process: Optional[multiprocessing.process.BaseProcess] = None

    def connect(self) -> socket.socket:
        """Return a connection to the child. Raises OSError if it can't be started or reached."""
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
        """Tell the child to save its state and exit, without waiting for it."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None and not self._process.is_alive():
            self._process = None

    def close(self) -> None:
        """Tell the child to save its state and exit, and wait until it has."""
        self.let_go()
        if self._process is not None:
            self._process.join()
            self._process = None

    def _start(self) -> None:
        self.let_go()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # sending to a hung collector must not block once its queue is full
        ours.setblocking(False)
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=self._child, args=(ours, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._control = ours

    def _child(self, ours: socket.socket, theirs: socket.socket) -> None:
        ours.close()
        # snmpd waits for the end of this pipe when the responder exits, so don't hold it open
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.close(null)
        self._run(HandoffListener(theirs))
