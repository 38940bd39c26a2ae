# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands for a shell, made of words: each is quoted, so that a name in one stays a name."""

from __future__ import annotations

import shlex
from typing import NewType

from lvs_agent.doctor.machine import Machine

# Made by the functions of this module alone: a string of another's does not pass mypy.
Remedy = NewType("Remedy", str)


def command(*words: str) -> Remedy:
    """One program with its arguments."""
    return Remedy(shlex.join(words))


def both(*commands: Remedy) -> Remedy:
    """Each command if those before it have succeeded."""
    return Remedy(" && ".join(commands))


def append(machine: Machine, line: str, file: str) -> Remedy:
    """The command that adds a line to a file, and ends the last line first if need be."""
    if not _ended(machine, file):
        begins = command("printf", r"\n%s\n", line)
    elif "\\" in line:  # echo of some shells takes it for an escape
        begins = command("printf", r"%s\n", line)
    else:
        begins = command("echo", line)
    return Remedy(f"{begins} >> {shlex.quote(file)}")


def write(file: str, *lines: str) -> Remedy:
    """The command that makes a file of some lines."""
    text = command("printf", r"%s\n", *lines)
    return Remedy(f"{text} > {shlex.quote(file)}")


def move(path: str, to: str) -> Remedy:
    """The command that gives a file another name, and keeps what has that name."""
    return command("mv", "-T", "--backup=numbered", path, to)


def _ended(machine: Machine, file: str) -> bool:
    try:
        text = machine.read(file)
    except FileNotFoundError:
        return True
    except OSError:
        return False  # an empty line more does no harm
    return not text or text.endswith("\n")
