# SPDX-License-Identifier: GPL-3.0-or-later
"""The files for pollers, and the commands that they tell a reader to run."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import Dict, List

from tests.support.paths import CHECKOUT, CONTRIB

# packages of Debian 12 and 13, unpacked there by make test-pollers
BOOKWORM = CHECKOUT / "build" / "test" / "bookworm"
TRIXIE = CHECKOUT / "build" / "test" / "trixie"

# a line that is a command, in a comment of a file
PREFIX = "#   "


def command(file: str, program: str, replaced: Dict[str, str]) -> List[str]:
    """The words of the one command with that program in a file's comments.

    Raises AssertionError if there are more, or if what is to be replaced is not in it.
    """
    lines = (CONTRIB / file).read_text().splitlines()
    (found,) = (line for line in lines if line.startswith(f"{PREFIX}{program} "))
    return shlex.split(put(found[len(PREFIX) :], replaced))


def put(text: str, replaced: Dict[str, str]) -> str:
    """text with what is an example in it made to fit a test."""
    for old, new in replaced.items():
        assert old in text, f"{old} is not in: {text}"
        text = text.replace(old, new)
    return text


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program that has ended, with its output, in the C locale."""
    return subprocess.run(
        command,
        env={**os.environ, "LANG": "C", "LC_ALL": "C", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
