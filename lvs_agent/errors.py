# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that end a command. The text is one line for a person, with the place and the fix."""

from __future__ import annotations


class CommandError(Exception):
    """A failure: exit status 1."""


class UsageError(CommandError, ValueError):
    """Wrong arguments: exit status 2."""


def printable(text: str) -> str:
    """Return a text with all characters that are not printable escaped, as Python writes them."""
    # not the codec unicode_escape, which Python loads from a file: a log message may tell that no
    # file can be opened
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def reason(error: OSError) -> str:
    """Return the text of an OSError as other programs print it: FILE: No such file or directory."""
    if error.strerror is None:  # raised with a text of its own
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
