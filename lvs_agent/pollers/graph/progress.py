# SPDX-License-Identifier: GPL-3.0-or-later
"""A line on a terminal that says how far a long work is; nothing where nobody looks."""

from __future__ import annotations

import sys
import time
from typing import Optional, TextIO

PAUSE = 0.2  # seconds between two lines, and before the first
ERASE = "\r\x1b[K"  # back to the line's begin, and clear it: ECMA-48, 8.3.41


class Progress:
    """How far a work is. A thread may count while another does."""

    def __init__(self, what: str, of: Optional[int] = None, stream: TextIO = sys.stderr) -> None:
        """what is counted, such as "reading: rows"; of how many, if that is known."""
        self._what = what
        self._of = "" if of is None else f" of {of}"
        self._stream = stream
        self._shown = stream.isatty()
        self._done = 0
        self._next = time.monotonic() + PAUSE
        self._wrote = False

    def count(self) -> None:
        """One more is done."""
        self._done += 1
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + PAUSE
            self._wrote = True
            self._write(f"{self._what} {self._done}{self._of}")

    def end(self) -> None:
        """Take the line away."""
        if self._wrote:
            self._write("")

    def _write(self, text: str) -> None:
        self._stream.write(ERASE + text)
        self._stream.flush()
