# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual machines with a kernel of their own (tests/lab/boot).

If the environment variable LAB_KERNEL names a distribution's kernel, tests/kernels/boot runs it.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import List, Optional

import pytest

from tests.support.paths import TESTS

LAB = TESTS / "lab"
BOOT = (TESTS / "kernels" if "LAB_KERNEL" in os.environ else LAB) / "boot"
MEMORY = "512M"  # of a guest
# Seconds after which a guest is stopped, since it hangs. On a busy machine a guest takes several
# times as long as usual.
LIMIT = 900
# for modules whose tests boot guests, which have time limits of their own
NO_TIMEOUT = pytest.mark.timeout(0)


class GuestError(AssertionError):
    """A script did not exit with 0; the text is all that it printed."""


def boot(
    folder: Path, script: str, *arguments: object, limit: int = LIMIT, memory: str = MEMORY
) -> Path:
    """Run one of the lab's scripts in a guest and return folder, which has what it saved."""
    run(folder, LAB / script, *arguments, limit=limit, memory=memory)
    return folder


def run(
    folder: Path,
    script: Path,
    *arguments: object,
    image: Optional[Path] = None,
    append: str = "",
    limit: int = LIMIT,
    memory: str = MEMORY,
) -> str:
    """Return what a script prints in a guest with this machine's files, or with an image."""
    done = subprocess.run(
        command(folder, script, *arguments, image=image, append=append, limit=limit, memory=memory),
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
    append: str = "",
    tap: str = "",
    limit: int = LIMIT,
    memory: str = MEMORY,
) -> List[str]:
    """Return the command that runs a script in a guest, which is stopped after limit seconds.

    append is for the command line of a distribution's kernel. tap is a tap device of the host for
    the guest's interface vec0.
    """
    options: List[object] = ["-t", limit, "-m", memory]
    if image is not None:
        options += ["-i", image]
    if append:
        options += ["-a", append]
    if tap:
        options += ["-n", tap]
    return [str(word) for word in [BOOT, *options, folder, script, *arguments]]
