# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a step of a test as another user."""

from __future__ import annotations

import os
from typing import Callable


def as_user(uid: int, act: Callable[[], str]) -> str:
    """Return what act returns in a child process with that user and group, and no other groups.

    It is a forked child, not a program, since the other user may be unable to enter the folders of
    this Python. For the same reason act must not import anything. Open files stay open to it.
    """
    here, there = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            os.write(there, act().encode())
            status = 0
        finally:
            os._exit(status)
    os.close(there)
    with os.fdopen(here) as said:
        text = said.read()
    assert os.waitpid(child, 0)[1] == 0, f"{act.__name__} failed as user {uid}"
    return text
