# SPDX-License-Identifier: GPL-3.0-or-later
"""Both ends of the collector's socket: a path, or the socket that systemd passes."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import List, Optional, Protocol

COLLECTOR_SOCKET = Path("/run/lvs-agent/collector.sock")
LISTEN_FDS_START = 3  # sd_listen_fds(3)


class Listener(Protocol):
    """The source of a collector's connections."""

    def fileno(self) -> int:
        """Return the file descriptor that is readable when a connection is pending."""

    def accept(self) -> socket.socket:
        """Return the next connection.

        Raises BlockingIOError if none is pending, EOFError if there will be no more.
        """

    def path(self) -> Path:
        """Return the path at which clients connect."""

    def close(self) -> None:
        """Close what is open, and remove what was made."""


class _SocketListener:
    """A unix socket that listens. One that was made here is removed by close()."""

    def __init__(self, listening: socket.socket, made: Optional[Path] = None) -> None:
        self._socket = listening
        self._made = made
        listening.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def accept(self) -> socket.socket:
        return self._socket.accept()[0]

    def path(self) -> Path:
        # the name of an abstract socket begins with a NUL (unix(7))
        return Path(os.fsdecode(self._socket.getsockname()).replace("\0", "@"))

    def close(self) -> None:
        self._socket.close()
        if self._made is not None:
            self._made.unlink(missing_ok=True)


def listen_at(path: Path) -> Listener:
    """Return a listener at path for its owner and group.

    A socket left by a killed collector is replaced. Raises OSError, also if another collector
    listens there.
    """
    try:
        connect_to(path).close()
    except FileNotFoundError:
        pass
    except ConnectionRefusedError:
        # connect(2) gives the same error for a file that is not a socket
        if not path.is_socket():
            raise FileExistsError(f"{path}: not a socket") from None
        path.unlink()
    except BlockingIOError:  # its queue of clients is full
        raise FileExistsError(f"{path}: another collector already listens there") from None
    else:
        raise FileExistsError(f"{path}: another collector already listens there")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        listening.bind(os.fspath(path))
    except OSError as error:
        error.filename = os.fspath(path)
        raise
    finally:
        os.umask(before)
    listening.listen(socket.SOMAXCONN)  # as systemd does; beyond it connect(2) fails
    return _SocketListener(listening, made=path)


def activated() -> List[Listener]:
    """Return the sockets that systemd has passed to this process (sd_listen_fds(3)).

    Raises OSError if one of them is no listening unix socket.
    """
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = os.environ.get("LISTEN_FDS", "0")
    if not (count.isascii() and count.isdigit() and len(count) < 10):
        raise OSError(errno.EINVAL, f"LISTEN_FDS: not a number of sockets: {count!r}")
    return [_passed(fd) for fd in range(LISTEN_FDS_START, LISTEN_FDS_START + int(count))]


def _passed(fd: int) -> Listener:
    try:
        passed = socket.socket(fileno=fd)
        kind = passed.family, passed.type
        listens = passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise OSError(error.errno, f"descriptor {fd} from systemd: {error.strerror}") from error
    if kind != (socket.AF_UNIX, socket.SOCK_STREAM) or not listens:
        raise OSError(
            errno.EINVAL,
            f"descriptor {fd} from systemd is no listening unix stream socket; let the socket unit"
            " have only ListenStream=PATH, without Accept=yes",
        )
    return _SocketListener(passed)


def connect_to(path: Path) -> socket.socket:
    """Return a connection to the collector at path. Raises OSError naming it, and never waits."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        connection.connect(os.fspath(path))
    except OSError as error:
        connection.close()
        # an error of Python's own has no errno: the path is too long for a socket
        number, text = error.errno or errno.ENAMETOOLONG, error.strerror or str(error)
        raise OSError(number, text, os.fspath(path)) from error
    return connection
