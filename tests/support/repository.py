# SPDX-License-Identifier: GPL-3.0-or-later
"""git in a test's own repository, without anybody's configuration."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.org",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.org",
}


def git(folder: Path, *arguments: str) -> None:
    """Run a command of git's."""
    subprocess.run(
        ["git", "-C", str(folder), *arguments], env={**os.environ, **ENVIRONMENT}, check=True
    )
