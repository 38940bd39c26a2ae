# SPDX-License-Identifier: GPL-3.0-or-later
"""The file in which root orders a collector to forget lost rows, beside the collector's socket.

Each line is a JSON array: the time of the order (seconds since 1970), and the names of a service
and of a real server. Without a server, the service and all its servers are meant; without a
service, all rows.
"""

from __future__ import annotations

import errno
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, List, Tuple

from lvs_agent import regular
from lvs_agent.boundary.rows import RowCodec, RowError

log = logging.getLogger(__name__)

MAX_FILE_BYTES = 1 << 20
_OTHERS_WRITE = 0o022


@dataclass
class Order:
    """An order to forget what went before a time (seconds since 1970)."""

    time: float
    service: str
    server: str


def beside(socket: Path) -> Path:
    """Return the path of the file of the collector that listens at a socket."""
    return Path(f"{socket}.forget")


def append(path: Path, orders: Iterable[Order]) -> None:
    """Append orders to a file, which other users can read and not write. Raises OSError.

    Makes the folder, in which they can reach the collector's socket, if there is none.
    """
    codec = RowCodec(Order)
    data = b"".join(json.dumps(codec.encode(order)).encode() + b"\n" for order in orders)
    before = os.umask(_OTHERS_WRITE)
    try:
        path.parent.mkdir(exist_ok=True)
        with open(regular.append(path), "ab") as file:
            if os.fstat(file.fileno()).st_size + len(data) > MAX_FILE_BYTES:
                raise OSError(errno.EFBIG, "too long; remove it, and try again", str(path))
            file.write(data)
    finally:
        os.umask(before)


class ForgetFile:
    """The orders that are appended to a file. It need not exist.

    It must be a regular file of root or of this user, to which nobody else can write, of at most
    MAX_FILE_BYTES; else it is left alone, which is logged once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._codec = RowCodec(Order)
        # the file that was read last, and the bytes of it that have been taken
        self._inode = 0
        self._taken = 0
        self._trouble = ""

    def take(self, now: float) -> List[Order]:
        """Return new orders; of several for the same rows, the last. now is in s since 1970."""
        orders: Dict[Tuple[str, str], Order] = {}
        problems = []
        for line in self._lines():
            try:
                order = self._codec.decode(json.loads(line))
                if order.time > now:
                    raise ValueError("a time in the future")
                orders[order.service, order.server] = order
            except (ValueError, RowError, RecursionError) as error:
                problems.append(str(error))
        if problems:
            log.error(
                "%s: invalid lines: %d, the first: %s", self._path, len(problems), problems[0]
            )
        return list(orders.values())

    def _lines(self) -> List[bytes]:
        try:
            data = self._read()
        except OSError as error:
            trouble = "" if error.errno == errno.ENOENT else f"{self._path}: {error.strerror}"
            if trouble and trouble != self._trouble:
                log.error("%s", trouble)
            self._trouble = trouble
            return []
        self._trouble = ""
        whole = data[: data.rfind(b"\n") + 1]
        self._taken += len(whole)
        return whole.splitlines()

    def _read(self) -> bytes:
        """Return what has been appended. Raises OSError."""
        with open(regular.descriptor(self._path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            found = os.fstat(file.fileno())
            if found.st_uid not in (0, os.geteuid()) or found.st_mode & _OTHERS_WRITE:
                raise OSError(errno.EPERM, "other users can write to it; remove it")
            if found.st_size > MAX_FILE_BYTES:
                raise OSError(errno.EFBIG, f"longer than {MAX_FILE_BYTES} bytes; remove it")
            if found.st_ino != self._inode or found.st_size < self._taken:
                self._inode, self._taken = found.st_ino, 0
            file.seek(self._taken)
            return file.read(MAX_FILE_BYTES)
