# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests with a kernel of their own (tests/lab/boot)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import List, Optional

LAB = Path(__file__).parent / "lab"


class GuestError(AssertionError):
    """A script did not end with 0; the text is all that it printed."""


def boot(folder: Path, script: str, *arguments: object) -> Path:
    """Run one of the lab's scripts in a guest; what it saved is in folder."""
    run(folder, LAB / script, *arguments)
    return folder


def run(folder: Path, script: Path, *arguments: object, image: Optional[Path] = None) -> str:
    """What a script prints in a guest: one with this machine's files, or with an image."""
    options: List[object] = ["-t", 300]
    if image is not None:
        options += ["-i", image]
    command = [LAB / "boot", *options, folder, script, *arguments]
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise GuestError(done.stdout)
    return done.stdout
