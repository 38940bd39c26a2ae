# SPDX-License-Identifier: GPL-3.0-or-later
"""The collector's socket, from both ends: a path, or the socket that systemd passes."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Optional, Protocol

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
    """The socket systemd listens at for this process, if it does (sd_listen_fds(3)).

    Raises OSError if it passes several.
    """
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    count = os.environ.get("LISTEN_FDS")
    if count != "1":
        raise OSError(errno.EINVAL, f"systemd passes {count} sockets: leave one ListenStream=")
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
