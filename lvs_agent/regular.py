# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens regular files, and no other kind, at paths that other users control; replaces files."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Iterable, List, Optional

LIMIT = 1 << 20  # bytes of a file that Files reads
_CHUNK = 1 << 20
_LINKS = 40  # as in path_resolution(7)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Files:
    """The files of this machine by the names that configuration files give them."""

    def path(self, name: str) -> Path:
        """Return the path of a file. Raises OSError for a name with a NUL."""
        if "\0" in name:
            raise OSError(errno.EINVAL, "file name contains a NUL", name)
        return Path(name)

    def content(self, name: str) -> bytes:
        """Return the content of a regular file of at most LIMIT bytes. Raises OSError."""
        return read(self.path(name), LIMIT)

    def listed(self, folder: str) -> List[str]:
        """Return the names in a folder, in the order of readdir(3). Raises OSError."""
        return os.listdir(self.path(folder))

    def names(self, folder: str) -> List[str]:
        """Return the names in a folder, sorted; none if it does not exist or can't be read."""
        try:
            return sorted(self.listed(folder))
        except OSError:
            return []

    def exists(self, name: str) -> bool:
        """Return whether a file exists, as far as this user can tell."""
        try:
            return os.path.exists(self.path(name))
        except OSError:
            return False


def read(path: Path, limit: Optional[int] = None) -> bytes:
    """Return the content of a regular file.

    Raises OSError as descriptor() does, and EFBIG for a file of more than limit bytes.
    """
    file = descriptor(path, os.O_RDONLY)
    try:
        data = bytearray()
        while chunk := os.read(file, _CHUNK):
            data += chunk
            if limit is not None and len(data) > limit:
                raise OSError(errno.EFBIG, f"longer than {limit} bytes", str(path))
        return bytes(data)
    finally:
        os.close(file)


def append(path: Path) -> int:
    """Return a descriptor that appends to a regular file, which is created if there is none.

    Raises OSError as descriptor() does.
    """
    try:
        return descriptor(path, os.O_WRONLY | os.O_APPEND)
    except FileNotFoundError as error:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        # where links led, which with O_EXCL is no link that another user has put there since
        return os.open(error.filename, flags, 0o666)


def replace(path: Path, lines: Iterable[bytes]) -> int:
    """Replace a file by one that only this user can read, and return its length.

    Raises OSError, and leaves the old file. A power failure leaves either the old or the new file.
    """
    new = path.with_suffix(".new")
    try:
        with suppress(FileNotFoundError):
            new.unlink()
        with open(os.open(new, _NEW, 0o600), "wb") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
            length = file.tell()
        os.replace(new, path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return length
    except OSError:
        with suppress(OSError):
            new.unlink()  # an incomplete file would take space on a full disk
        raise


def descriptor(path: Path, flags: int) -> int:
    """Return a descriptor of a regular file, opened with these flags of open(2).

    Raises OSError: EINVAL for another kind of file, which is not opened, and with O_NOFOLLOW for a
    link; ELOOP for a link that belongs neither to root nor to this user; EAGAIN for a file below
    /proc or /sys that would block.
    """
    place = _place(path, 0 if flags & os.O_NOFOLLOW else _LINKS)
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        flags = (flags & ~os.O_NOFOLLOW) | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            return os.open(f"/proc/self/fd/{place}", flags)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        os.close(place)


def _place(path: Path, links: int) -> int:
    """Return a descriptor for the place of a file, or of a link that follows so many links."""
    while True:
        # O_PATH does not open the file itself (open(2)): some devices act when they are opened
        place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        status = os.fstat(place)
        if not links or not stat.S_ISLNK(status.st_mode):
            return place
        try:
            target = os.readlink("", dir_fd=place)
        finally:
            os.close(place)
        if status.st_uid not in (0, os.geteuid()):
            raise OSError(errno.ELOOP, "a link of another user", str(path))
        path = path.parent / target
        links -= 1
