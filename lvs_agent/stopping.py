# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a long-running command at SIGTERM and SIGINT."""

from __future__ import annotations

import signal
import socket
from contextlib import contextmanager
from typing import Iterator


@contextmanager
def stop_signals() -> Iterator[socket.socket]:
    """Yield a socket that is readable after SIGTERM or SIGINT, so that no step is interrupted."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        before = signal.set_wakeup_fd(theirs.fileno())
        handlers = {
            number: signal.signal(number, lambda *_: None)
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield ours
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
