# SPDX-License-Identifier: GPL-3.0-or-later
"""How a collector is reached, seen from both ends: a path, systemd's socket, or a handed-over one.

A responder with no collector on the machine starts one of its own. The two share a socketpair
over which the responder hands one end of a new socketpair for each snapshot it wants; the end
of the responder, by whatever signal, ends its collector.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
from pathlib import Path
from typing import Callable, Optional, Protocol

log = logging.getLogger(__name__)

COLLECTOR_SOCKET = Path("/run/lvs-agent/collector.sock")
BACKLOG = 64
LISTEN_FDS_START = 3  # sd_listen_fds(3)


class Listener(Protocol):
    """Where a collector's connections come from."""

    def fileno(self) -> int:
        """What is readable when a connection is there to be taken."""

    def accept(self) -> socket.socket:
        """The next connection. BlockingIOError: there is none; EOFError: none will ever be."""

    def close(self) -> None:
        """Leave nothing behind."""


class _SocketListener:
    """A listening unix socket; one that was made here is removed at the end."""

    def __init__(self, listening: socket.socket, made: Optional[Path] = None) -> None:
        self._socket = listening
        self._made = made
        listening.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def accept(self) -> socket.socket:
        return self._socket.accept()[0]

    def close(self) -> None:
        self._socket.close()
        if self._made is not None:
            self._made.unlink(missing_ok=True)


class _HandoffListener:
    """Connections handed over a socketpair by the process that started this one."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        control.setblocking(False)

    def fileno(self) -> int:
        return self._control.fileno()

    def accept(self) -> socket.socket:
        data, fds, _flags, _address = socket.recv_fds(self._control, 1, 1)
        if not data:
            raise EOFError
        return socket.socket(fileno=fds[0])

    def close(self) -> None:
        self._control.close()


def listen_at(path: Path) -> Listener:
    """A socket at path for its owner and group. Raises OSError, if another collector is there too.

    One that a collector left when it was killed is replaced.
    """
    try:
        connect_to(path).close()
    except FileNotFoundError:
        pass
    except ConnectionRefusedError:
        # connect(2) refuses a file that is no socket in the same way
        if not path.is_socket():
            raise FileExistsError(f"{path} is not a socket") from None
        path.unlink()
    else:
        raise FileExistsError(f"another collector already listens at {path}")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        listening.bind(os.fspath(path))
    finally:
        os.umask(before)
    listening.listen(BACKLOG)
    return _SocketListener(listening, made=path)


def activated() -> Optional[Listener]:
    """The socket systemd listens at for this process, if it does (sd_listen_fds(3))."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    return _SocketListener(socket.socket(fileno=LISTEN_FDS_START))


def connect_to(path: Path) -> socket.socket:
    """A connection to the collector at path. Raises OSError, never waits."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        connection.connect(os.fspath(path))
    except OSError:
        connection.close()
        raise
    return connection


class OwnCollector:
    """A collector that this process runs for itself; started, and started again, when needed."""

    def __init__(self, run: Callable[[Listener], None]) -> None:
        self._run = run
        self._control: Optional[socket.socket] = None
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
        self._run(_HandoffListener(theirs))


class Connector:
    """Where a responder finds its collector, looked for anew for each snapshot.

    path is tried first. Where nothing is there, or the door is closed to this user, own is
    used, if there is one, until there is a collector at path: two would not both get hold of
    the state directory.
    """

    def __init__(self, path: Optional[Path], own: Optional[OwnCollector]) -> None:
        self._path = path
        self._own = own
        self._refused = False

    def connect(self) -> socket.socket:
        """A connection, on which a snapshot is on its way. Raises OSError naming the place."""
        if self._path is not None:
            try:
                connection = connect_to(self._path)
            except (FileNotFoundError, PermissionError) as error:
                if self._own is None:
                    raise OSError(error.errno, error.strerror, str(self._path)) from error
                if isinstance(error, PermissionError) and not self._refused:
                    self._refused = True
                    log.warning("%s: %s; using /proc instead", self._path, error.strerror)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(self._path)) from error
            else:
                if self._own is not None:
                    self._own.let_go()
                return connection
        assert self._own is not None
        return self._own.connect()

    def close(self) -> None:
        """End what was started."""
        if self._own is not None:
            self._own.close()
