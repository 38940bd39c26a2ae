# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends a command of the poll side; each is one line, for a person."""

from __future__ import annotations


class PollerError(Exception):
    """Something failed: exit status 1."""


class UsageError(PollerError, ValueError):
    """What was asked for can't be meant so: exit status 2."""
