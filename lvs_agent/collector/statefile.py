# SPDX-License-Identifier: GPL-3.0-or-later
"""The collector's state on disk: history.jsonl in a folder, whose lines stateformat describes.

A new file replaces the old one as a whole or not at all. Changes are appended to it until it is
about twice as long; then it is replaced. A line that can't be read is left out, and the file is
kept beside the new one as history.damaged. One process at a time may write.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Iterable, Iterator, Optional

from lvs_agent import regular
from lvs_agent.collector.remembered import Numbering, ServiceState
from lvs_agent.collector.stateformat import Changes, Writer
from lvs_agent.collector.statereader import FormatError, LineError, Reader
from lvs_agent.collector.sums import Sums

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
STATE_DIRECTORY = Path("/var/lib/lvs-agent")
# The number of missing rows to remember: enough for a large director that is cleared and set up
# again, and a limit where pods come and go every minute.
MAX_MISSING = 65536
MAX_LINE_BYTES = 4096  # a row has less than 400
MAX_FILE_BYTES = 1 << 28
MAX_DAMAGED = 10000  # lines, after which the rest is not read
_SPARE_BYTES = 1 << 20  # of changes in a small file
_READ = os.O_RDONLY | os.O_NOFOLLOW
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW


class StateError(Exception):
    """State that can't be kept on disk; the text says why and what to do."""


class StateFile:
    """history.jsonl in a folder. Any process may load it; the one that holds it may save it.

    damaged counts the lines that the last load could not read, problem tells of the first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "history.jsonl"
        self._writer = Writer()
        self._lock: Optional[int] = None
        # the file's length if it is as this process left it, else -1; and when it was last replaced
        self._bytes = -1
        self._whole_bytes = 0
        self.damaged = 0
        self.problem = ""

    def hold(self) -> None:
        """Lock the folder in order to save, and create it if needed. Raises StateError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            owner = self._folder.stat().st_uid
            if owner != os.geteuid():
                # the collector that owns the folder could not read root's files in it, and root
                # would follow any links that the owner has put there
                raise StateError(
                    f"{self._folder}: belongs to user {owner}, not to this user"
                    f" ({os.geteuid()}); name another folder with --state"
                )
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._lock = os.open(self._folder / "lock", flags, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise StateError(f"{self._folder}: in use by another collector") from error
        except OSError as error:
            self.close()
            raise StateError(
                f"{self._folder}: {error.strerror}; name a writable folder with --state"
            ) from error

    def close(self) -> None:
        """Release the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def load(self) -> Numbering[ServiceState]:
        """Return the saved state, which is empty if there is no file yet.

        Raises StateError, also for a newer version's file, which is left alone.
        """
        self.damaged, self.problem = 0, ""
        try:
            with open(regular.descriptor(self._path, _READ), "rb") as file:
                services = self._read(file)
            if self.damaged and self._lock is not None:
                self._keep_damaged()
        except FileNotFoundError:
            return Numbering(sums=Sums())
        except OSError as error:
            raise StateError(f"{self._path}: {error.strerror}") from error
        return services

    def save(self, services: Numbering[ServiceState], changes: Changes) -> None:
        """Append changes to the file, or replace it where that is not possible.

        A power failure can't take back what was saved. Raises StateError, and leaves a file that
        can be loaded.
        """
        try:
            self._append(self._writer.changes(services, changes, boot_id()))
        except OSError:
            self.replace(services)

    def replace(self, services: Numbering[ServiceState]) -> None:
        """Replace the file. Raises StateError, and leaves the old file, if that fails."""
        try:
            lines = self._writer.whole(services, boot_id())
            self._bytes = self._whole_bytes = regular.replace(self._path, lines)
        except OSError as error:
            self._bytes = -1
            raise StateError(f"{self._path}: {error.strerror}") from error

    def is_long(self) -> bool:
        """Return whether the file is to be replaced when no client waits."""
        return self._bytes > 2 * self._whole_bytes + _SPARE_BYTES

    def _append(self, lines: Iterable[bytes]) -> None:
        """Append lines. Raises OSError, also if the file is not the one that was last written."""
        with open(regular.descriptor(self._path, _APPEND), "ab") as file:
            if os.fstat(file.fileno()).st_size != self._bytes:
                raise OSError("changed by another program")
            self._bytes = -1  # until all lines are on disk
            file.writelines(lines)
            file.flush()
            os.fdatasync(file.fileno())
            self._bytes = file.tell()

    def _read(self, file: BinaryIO) -> Numbering[ServiceState]:
        found = os.fstat(file.fileno())
        if found.st_size > MAX_FILE_BYTES:
            raise StateError(f"{self._path}: longer than {MAX_FILE_BYTES} bytes; move it away")
        if found.st_uid not in (0, self._folder.stat().st_uid):
            raise StateError(f"{self._path}: belongs to user {found.st_uid}; move it away")
        reader = Reader(boot_id(), MAX_MISSING)
        for place, line in enumerate(_lines(file), 1):
            try:
                if place == 1:
                    reader.header(line)
                elif line.endswith(b"\n"):  # a power failure can cut off the last line
                    reader.line(line)
            except FormatError as error:
                raise StateError(
                    f"{self._path}: {error};"
                    " upgrade lvs-agent, or move the file away to number the rows again"
                ) from error
            except LineError as error:
                self._note(f"{self._path}:{place}: {error}")
                if self.damaged == MAX_DAMAGED:
                    break
        missing = reader.finish()
        if missing:
            self._note(f"{self._path}: {missing}")
        return reader.services

    def _note(self, problem: str) -> None:
        self.damaged += 1
        self.problem = self.problem or problem

    def _keep_damaged(self) -> None:
        kept = self._path.with_suffix(".damaged")
        with suppress(FileNotFoundError):
            kept.unlink()
        os.link(self._path, kept, follow_symlinks=False)


def boot_id() -> str:
    """Return the unique id of this boot of the machine (random(4)); "" where it is hidden."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield each line. Of one that is too long, yield the first bytes, which are not JSON."""
    while line := file.readline(MAX_LINE_BYTES):
        rest = line
        while len(rest) == MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE_BYTES)
        yield line if rest is line else line + b"\n"
