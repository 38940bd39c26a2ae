# SPDX-License-Identifier: GPL-3.0-or-later
"""The child collector: a collector that a responder runs where the machine has none.

The two share a socketpair. For each snapshot the responder makes another socketpair and sends
one end of it over the first. When the responder dies, the child reads end of file and exits.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from pathlib import Path
from typing import Callable, List, NoReturn, Optional

from lvs_agent.boundary.connections import COLLECTOR_SOCKET, Listener

log = logging.getLogger(__name__)


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

    def path(self) -> Path:
        """See Listener.path: that of the collector in whose place this one runs."""
        return COLLECTOR_SOCKET

    def close(self) -> None:
        """See Listener.close."""
        self._control.close()


class ChildCollector:
    """A collector that this process runs for itself, and starts or restarts when needed."""

    def __init__(self, run: Callable[[Listener], None]) -> None:
        self._run = run
        # this process's end of the socketpair; the child runs until it is closed
        self._control: Optional[socket.socket] = None
        self._child = 0
        # that child and earlier ones, until they are known to have ended
        self._pids: List[int] = []

    def connect(self) -> socket.socket:
        """Return a connection to the child. Raises OSError if it can't be started or reached."""
        self._reap(os.WNOHANG)
        if self._control is None or self._child not in self._pids:
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
        self._reap(os.WNOHANG)

    def close(self) -> None:
        """Tell the child to save its state and exit, and wait until it has."""
        self.let_go()
        self._reap(0)

    def _reap(self, options: int) -> None:
        self._pids = [pid for pid in self._pids if not _ended(pid, options)]

    def _start(self) -> None:
        self.let_go()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # sending to a hung collector must not block once its queue is full
        ours.setblocking(False)
        with theirs:
            try:
                # not multiprocessing, which leaves descriptors open when fork(2) fails
                self._child = os.fork()
            except OSError:
                ours.close()
                raise
            if self._child == 0:
                self._serve(ours, theirs)
        self._pids.append(self._child)
        self._control = ours

    def _serve(self, ours: socket.socket, theirs: socket.socket) -> NoReturn:
        """Run the collector in the child, and end the child there: its caller is the parent's."""
        try:
            ours.close()
            # snmpd waits for the end of this pipe when the responder exits, so don't hold it open
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(null, 1)
            os.close(null)
            self._run(HandoffListener(theirs))
        except OSError as error:
            log.error("the child collector ended: %s", error)
        except Exception:
            log.critical("internal error; please report it", exc_info=True)
        finally:
            os._exit(0)


def _ended(pid: int, options: int) -> bool:
    """Return True if a child has ended; wait for its end unless options is WNOHANG."""
    try:
        return os.waitpid(pid, options)[0] == pid
    except ChildProcessError:  # SIGCHLD is ignored: the kernel does not keep the status
        return True
