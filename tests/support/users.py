# SPDX-License-Identifier: GPL-3.0-or-later
"""A test's steps as another user."""

from __future__ import annotations

import os
from typing import Callable


def as_user(uid: int, act: Callable[[], str]) -> str:
    """Return what act returns in a child process of that user and group, and of no other group.

    A child and not a program: another user may be unable to enter the folders of this Python.
    act imports nothing for the same reason. A file that is open stays open to it.
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
