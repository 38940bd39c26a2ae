# SPDX-License-Identifier: GPL-3.0-or-later
"""A line on a terminal that shows the progress of a long task; nothing without a terminal."""

from __future__ import annotations

import sys
import time
from typing import Optional, TextIO

PAUSE = 0.2  # seconds between two lines, and before the first
ERASE = "\r\x1b[K"  # back to the start of the line, and clear it: ECMA-48, 8.3.41


class Progress:
    """The progress of a task. Several threads may count at once."""

    def __init__(self, what: str, of: Optional[int] = None, stream: TextIO = sys.stderr) -> None:
        """Start at 0. Parameters: what, the label, such as "rows read:"; of, the total if known."""
        self._what = what
        self._of = "" if of is None else f" of {of}"
        self._stream = stream
        self._shown = stream.isatty()
        self._done = 0
        self._next = time.monotonic() + PAUSE
        self._wrote = False

    def count(self) -> None:
        """Count one more as done."""
        self._done += 1
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + PAUSE
            self._wrote = True
            self._write(f"{self._what} {self._done}{self._of}")

    def end(self) -> None:
        """Erase the line."""
        if self._wrote:
            self._write("")

    def _write(self, text: str) -> None:
        self._stream.write(ERASE + text)
        self._stream.flush()
