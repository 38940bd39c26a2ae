# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a long-running command at SIGTERM or SIGINT, and delays these signals in a short step."""

from __future__ import annotations

import select
import signal
import socket
from contextlib import contextmanager
from typing import Iterator

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_MOST_SECONDS = 2000000.0  # poll(2) takes an int of milliseconds


class StoppedError(Exception):
    """A signal that ends the command has arrived."""


@contextmanager
def stop_signals() -> Iterator[socket.socket]:
    """Yield a socket that becomes readable at SIGTERM or SIGINT, which interrupt no step."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        before = signal.set_wakeup_fd(theirs.fileno())
        handlers = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
        try:
            yield ours
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Block the signals in this thread, and in threads and processes that it starts.

    A signal that arrives meanwhile acts at the end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def wait(stop: socket.socket, seconds: float, file: int = -1) -> bool:
    """Wait until a file is readable, and return whether it is; a negative number is no file.

    Waits at most 23 days. Raises StoppedError at a signal; stop is what stop_signals() yields.
    """
    readable = select.poll()
    readable.register(stop, select.POLLIN)
    if file >= 0:
        readable.register(file, select.POLLIN)
    found = dict(readable.poll(min(max(0.0, seconds), _MOST_SECONDS) * 1000))
    if stop.fileno() in found:
        raise StoppedError
    return file in found
