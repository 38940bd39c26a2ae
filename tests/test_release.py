# SPDX-License-Identifier: GPL-3.0-or-later
"""tools/release refuses what is no release. tests/test_packages.py makes one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from tests.support.paths import CHECKOUT
from tests.support.repository import git

HEADING = "## [1.2.3] - 2026-02-03\n"


@pytest.fixture
def tagged(tmp_path: Path) -> Path:
    """A repository with what a release is recognized by, and not what it is made of."""
    folder = tmp_path / "repository"
    for path, text in (
        ("lvs_agent/__init__.py", '__version__ = "1.2.3"\n'),
        ("CHANGELOG.md", f"# Changelog\n\n{HEADING}"),
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "tools").mkdir()
    shutil.copy(CHECKOUT / "tools" / "release", folder / "tools")
    git(folder, "init", "--quiet")
    commit(folder)
    git(folder, "tag", "v1.2.3")
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Release")


def said(folder: Path) -> List[str]:
    """Return what the command, which fails, says; nothing may be left of a release."""
    done = subprocess.run(
        [folder / "tools" / "release", sys.executable, folder.parent / "made"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert not list((folder.parent / "made").glob("*"))
    return done.stderr.splitlines()


def test_a_change_that_is_not_committed(tagged: Path) -> None:
    (tagged / "new").touch()
    assert said(tagged) == ["release: git status shows changes that are not committed"]


@pytest.mark.parametrize("heading", ["## [Unreleased]\n", "## [1.2.4] - 2026-02-03\n", ""])
def test_no_date_in_the_changelog(tagged: Path, heading: str) -> None:
    (tagged / "CHANGELOG.md").write_text(heading)
    commit(tagged)
    assert said(tagged) == [
        'release: CHANGELOG.md has no heading "## [1.2.3] - YYYY-MM-DD"',
        "release: the commit that is checked out has no tag v1.2.3",
    ]


def test_no_tag(tagged: Path) -> None:
    git(tagged, "tag", "--delete", "v1.2.3")
    assert said(tagged) == ["release: the commit that is checked out has no tag v1.2.3"]


def test_a_tag_of_another_commit(tagged: Path) -> None:
    (tagged / "new").touch()
    commit(tagged)
    assert said(tagged) == ["release: the commit that is checked out has no tag v1.2.3"]


def test_nothing_is_refused_of_a_release(tagged: Path) -> None:
    """It continues with the first step, which this repository lacks."""
    assert "packaging/stage" in said(tagged)[0]
