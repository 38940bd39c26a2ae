# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that edits a director from a thread, and the record of when it did."""

from __future__ import annotations

import subprocess
import threading
import time
from types import TracebackType
from typing import Dict, List, Optional, Sequence, Tuple, Type

from tests.lab.past import Past
from tests.lab.walkcheck import Change, Row
from tests.support import ipvsadm


class Editing:
    """A thread that runs _run(), and its program. trouble is why it has ended, "" if it has not."""

    _program: subprocess.Popen[bytes]

    def __init__(self) -> None:
        self._past: Optional[Past] = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run)
        self._stop = threading.Event()
        self.trouble = ""

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._program.kill()
        self._program.wait()

    def start(self, past: Past, lock: threading.Lock) -> None:
        """Start editing; the lock is held while the past is written."""
        self._past, self._lock = past, lock
        self._thread.start()

    def stop(self) -> None:
        """Stop editing."""
        self._stop.set()
        self._thread.join()

    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        raise NotImplementedError

    def _begin(self, rows: Sequence[Tuple[Row, bool]]) -> List[Change]:
        """Record that rows begin to be present, or to be gone."""
        now = time.monotonic()
        changes = [(row, Change(now, present=present)) for row, present in rows]
        with self._lock:
            for row, change in changes:
                if self._past is not None:
                    self._past.change(row, change)
        return [change for _row, change in changes]

    def _done(self, changes: Sequence[Change]) -> None:
        """Record that changes are done."""
        now = time.monotonic()
        with self._lock:
            for change in changes:
                change.done = now


def listed() -> Dict[ipvsadm.ServiceKey, ipvsadm.Service]:
    """Return the services that ipvsadm lists."""
    listing = subprocess.run(["ipvsadm", "-Ln"], stdout=subprocess.PIPE, text=True, check=True)
    found: Dict[ipvsadm.ServiceKey, ipvsadm.Service] = {}
    ipvsadm.parse_list(listing.stdout, found)
    return found
