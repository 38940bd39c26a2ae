# SPDX-License-Identifier: GPL-3.0-or-later
"""Add the man page to what pyproject.toml installs."""

import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithManPage(build_py):  # type: ignore[misc]  # setuptools is not typed
    """The build step that every wheel runs, an editable one too."""

    def run(self) -> None:
        """Build the modules, and lvs-agent(8) from the commands' parsers."""
        super().run()
        page = Path(self.get_finalized_command("build").build_base, "lvs-agent.8")
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_bytes(subprocess.check_output([sys.executable, "tools/manpage"]))
        self.distribution.data_files.append(("share/man/man8", [str(page)]))


setup(cmdclass={"build_py": BuildWithManPage})
