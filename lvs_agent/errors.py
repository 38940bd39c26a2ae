# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that end a command. The text is one line for a person, with the place and the fix."""

from __future__ import annotations


class CommandError(Exception):
    """A failure: exit status 1."""


class UsageError(CommandError, ValueError):
    """Wrong arguments: exit status 2."""
