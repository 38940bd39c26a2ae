# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of the rpm's scriptlets to an administrator's snmpd.local.conf, in a folder."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Optional

import pytest

from tests.support.paths import CHECKOUT

SPEC = CHECKOUT / "packaging" / "rpm" / "lvs-agent.spec"
DROP_INS = "/etc/snmp/snmpd.conf.d"
SECRET = "rocommunity secret"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the root of a machine without systemd, where systemctl and lvs-agent do nothing."""
    (tmp_path / DROP_INS[1:]).mkdir(parents=True)
    for program in ("systemctl", "lvs-agent"):
        (tmp_path / program).symlink_to("/bin/true")
    return tmp_path


@pytest.fixture
def local(root: Path) -> Path:
    return root / "etc/snmp/snmpd.local.conf"


def scriptlet(root: Path, name: str, left: int) -> None:
    """Run a section of the spec below root, as rpm does with left versions installed afterwards."""
    spec = SPEC.read_text()
    text = spec.partition(f"\n%{name}\n")[2]
    text = re.split(r"\n%[a-z]", text)[0].replace("%{dropins}", DROP_INS)
    assert "%" not in text
    text = re.sub(r"/(etc|run)/", rf"{root}/\1/", text)
    environment = {**os.environ, "PATH": f"{root}:{os.environ['PATH']}"}
    command = ["sh", "-c", text, name, str(left)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def include(root: Path) -> str:
    return f"includeDir {root}{DROP_INS}"


@pytest.mark.parametrize("text", ["", "\n", f"{SECRET}\n", SECRET, f"{SECRET}\n# end", None])
def test_the_include_line_is_one_of_its_own_and_goes_again(
    root: Path, local: Path, text: Optional[str]
) -> None:
    if text is not None:
        local.write_text(text)
    before = (text or "").splitlines()
    scriptlet(root, "post", 1)
    assert local.read_text() == "".join(f"{each}\n" for each in [*before, include(root)])
    scriptlet(root, "post", 2)
    assert local.read_text().splitlines() == [*before, include(root)]
    scriptlet(root, "postun", 0)
    assert (local.read_text().splitlines() if local.exists() else []) == before


@pytest.mark.parametrize("after", [SECRET, f"{SECRET}\n", ""])
def test_what_was_added_below_the_include_line_stays(root: Path, local: Path, after: str) -> None:
    local.write_text(f"one 1\n{include(root)}\n{after}".rstrip("\n" if not after else ""))
    scriptlet(root, "post", 1)
    scriptlet(root, "postun", 0)
    assert local.read_text() == f"one 1\n{after}"


def test_an_include_line_in_the_other_file_is_enough(root: Path, local: Path) -> None:
    (local.parent / "snmpd.conf").write_text(f"  includeDir   {root}{DROP_INS}/ ")
    scriptlet(root, "post", 1)
    assert not local.exists()
