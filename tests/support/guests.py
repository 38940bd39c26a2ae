# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual machines with a kernel of their own (tests/lab/boot)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import List, Optional

from tests.support.paths import TESTS

LAB = TESTS / "lab"
MEMORY = "512M"  # of a guest


class GuestError(AssertionError):
    """A script did not exit with 0; the text is all that it printed."""


def boot(
    folder: Path, script: str, *arguments: object, limit: int = 300, memory: str = MEMORY
) -> Path:
    """Run one of the lab's scripts in a guest and return folder, which has what it saved."""
    run(folder, LAB / script, *arguments, limit=limit, memory=memory)
    return folder


def run(
    folder: Path,
    script: Path,
    *arguments: object,
    image: Optional[Path] = None,
    limit: int = 300,
    memory: str = MEMORY,
) -> str:
    """Return what a script prints in a guest with this machine's files, or with an image."""
    done = subprocess.run(
        command(folder, script, *arguments, image=image, limit=limit, memory=memory),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise GuestError(done.stdout)
    return done.stdout


def command(
    folder: Path,
    script: Path,
    *arguments: object,
    image: Optional[Path] = None,
    limit: int = 300,
    memory: str = MEMORY,
) -> List[str]:
    """Return the command that runs a script in a guest, which is stopped after limit seconds."""
    options: List[object] = ["-t", limit, "-m", memory]
    if image is not None:
        options += ["-i", image]
    return [str(word) for word in [LAB / "boot", *options, folder, script, *arguments]]
