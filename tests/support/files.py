# SPDX-License-Identifier: GPL-3.0-or-later
"""The files in contrib/ for pollers, and the commands in their comments."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import Dict, List

from tests.support.paths import CHECKOUT, CONTRIB

# where make test-pollers unpacks packages of Debian 12 and 13
BOOKWORM = CHECKOUT / "build" / "test" / "bookworm"
TRIXIE = CHECKOUT / "build" / "test" / "trixie"

# prefix of a command in a file's comments
PREFIX = "#   "


def command(file: str, program: str, replaced: Dict[str, str]) -> List[str]:
    """Return the words of the one command in a file's comments that starts a program.

    Raises AssertionError if a text to be replaced is not in it, ValueError if there is no such
    command or more than one.
    """
    lines = (CONTRIB / file).read_text().splitlines()
    (found,) = (line for line in lines if line.startswith(f"{PREFIX}{program} "))
    return shlex.split(put(found[len(PREFIX) :], replaced))


def put(text: str, replaced: Dict[str, str]) -> str:
    """Return text with its examples replaced; each must be in it."""
    for old, new in replaced.items():
        assert old in text, f"{old} is not in: {text}"
        text = text.replace(old, new)
    return text


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the C locale and return the ended process with its output."""
    return subprocess.run(
        command,
        env={**os.environ, "LANG": "C", "LC_ALL": "C", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
