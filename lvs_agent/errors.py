# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors that end a command; each is one line for a person, with the place and the fix."""

from __future__ import annotations


class CommandError(Exception):
    """Something failed: exit status 1."""


class UsageError(CommandError, ValueError):
    """The arguments are wrong: exit status 2."""
