# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a regular file at a path that other users control, and never opens any other kind."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Optional

_CHUNK = 1 << 20


def read(path: Path, limit: Optional[int] = None) -> bytes:
    """Return the content of a regular file.

    Raises OSError: EINVAL for another kind of file, EFBIG for a file of more than limit bytes,
    EAGAIN for a file below /proc or /sys that would block.
    """
    # O_PATH does not open the file itself (open(2)): some devices act as soon as they are opened
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            file = os.open(f"/proc/self/fd/{place}", flags)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        os.close(place)
    try:
        data = bytearray()
        while chunk := os.read(file, _CHUNK):
            data += chunk
            if limit is not None and len(data) > limit:
                raise OSError(errno.EFBIG, f"longer than {limit} bytes", str(path))
        return bytes(data)
    finally:
        os.close(file)
