# SPDX-License-Identifier: GPL-3.0-or-later
"""Shell commands made of words. Each word is quoted, so that a name in it stays a name."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from typing import NewType

from lvs_agent.doctor.machine import Machine
from lvs_agent.netsnmp.reader import Line

# Only the functions of this module make one: mypy rejects any other string.
Remedy = NewType("Remedy", str)

NAME = "lvs-agent"


def command(*words: str) -> Remedy:
    """Return the command that runs a program with its arguments."""
    return Remedy(shlex.join(words))


def program() -> str:
    """Return how a shell runs the running lvs-agent: by its path if PATH does not lead to it."""
    path = os.path.abspath(sys.argv[0])
    named = os.path.basename(path) == NAME  # not so if another program imports this one
    return path if named and shutil.which(NAME) != path else NAME


def own(*words: str) -> Remedy:
    """Return the command that runs lvs-agent with arguments."""
    return command(program(), *words)


def both(*commands: Remedy) -> Remedy:
    """Return a command that runs each of commands if those before it have succeeded."""
    return Remedy(" && ".join(commands))


def append(machine: Machine, file: str, *lines: str, section: str = "") -> Remedy:
    """Return the command that adds lines at a file's end: to this section, if it has sections."""
    try:
        text = machine.read(file)
    except FileNotFoundError:
        text = ""
    except OSError:
        text = "?"  # an extra empty line does no harm
    before = [""] if text and not text.endswith("\n") else []
    if section and re.search(r"^\s*\[", text, re.MULTILINE):
        before.append(f"[{section}]")
    begins = command("printf", r"%s\n", *before, *lines)
    return Remedy(f"{begins} >> {shlex.quote(file)}")


def comment(line: Line) -> Remedy:
    """Return the command that turns a line into a comment, so that others keep their numbers."""
    return command("sed", "-i", "--follow-symlinks", f"{line.number}s/^/#/", line.file)


def move(path: str, to: str) -> Remedy:
    """Return the command that renames a file, keeping a backup of any file with the new name."""
    return command("mv", "-T", "--backup=numbered", path, to)
