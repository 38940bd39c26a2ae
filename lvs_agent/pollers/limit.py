# SPDX-License-Identifier: GPL-3.0-or-later
"""A limit to the time of a command, which holds where no exception arrives: in a name lookup."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import Callable, Iterator


@contextlib.contextmanager
def within(seconds: float, say: Callable[[], object], status: int) -> Iterator[None]:
    """Call say and end the process with a status if the with statement takes longer."""

    def end() -> None:
        say()
        sys.stdout.flush()
        os._exit(status)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
