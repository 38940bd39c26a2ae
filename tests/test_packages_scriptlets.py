# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of the rpm's scriptlets to an administrator's snmpd.local.conf, in a folder."""

from __future__ import annotations

import ctypes.util
import os
import re
import subprocess
import sys
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


# Reads /etc/snmp as snmpd does, in a process of its own, since libnetsnmp keeps what it has read.
# The token probe stands for the lines of a drop-in.
READ = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p)
probed = handler(lambda token, rest: print(rest.decode()))
library.register_config_handler(b"snmpd", b"probe", probed, None, None)
library.init_snmp(b"snmpd")
"""
LIBNETSNMP = str(ctypes.util.find_library("netsnmp"))


def included(root: Path) -> int:
    """Return how often net-snmp reads the drop-in, given the files in /etc/snmp."""
    drop_in = root / DROP_INS[1:] / "probe.conf"
    drop_in.write_text("probe drop-in\n")
    done = subprocess.run(
        [sys.executable, "-c", READ, LIBNETSNMP],
        env={
            "MIBS": "",
            "SNMPCONFPATH": f"{root}/etc/snmp",
            "SNMP_PERSISTENT_DIR": f"{root}/persistent",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    drop_in.unlink()
    return done.stdout.splitlines().count("drop-in")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "\n",
        f"{SECRET}\n",
        SECRET,
        f"{SECRET}\n# end",
        f"{SECRET}\r\n",
        f"{SECRET}\r\n# end",
        f"{SECRET}\r",
        f"{SECRET}\n[snmp]\ndefVersion 2c",
        f"[snmptrapd]\r\n{SECRET}\r\n",
        "\ufeff# saved with a byte order mark\n",
        "community of bytes: \udcff",
        "\0",
    ],
)
@pytest.mark.parametrize("linked", [False, True], ids=["file", "link"])
def test_the_include_line_works_and_goes_again(
    root: Path, local: Path, text: Optional[str], linked: bool
) -> None:
    file = local
    if linked:
        file = root / "site" / "snmpd.conf"
        file.parent.mkdir()
        local.symlink_to("../../site/snmpd.conf")
    before = (text or "").encode(errors="surrogateescape")
    if text is not None:
        file.write_bytes(before)
    for left in (1, 2):
        scriptlet(root, "post", left)
        assert included(root) == 1
        assert file.read_bytes() == f"{include(root)}\n".encode() + before
    scriptlet(root, "postun", 0)
    assert (file.read_bytes() if file.exists() else b"") == before
    assert local.is_symlink() == linked
    assert {each.name for each in local.parent.iterdir()} <= {local.name, "snmpd.conf.d"}


@pytest.mark.parametrize("after", [SECRET, f"{SECRET}\n", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_lines_around_the_include_line_stay(
    root: Path, local: Path, after: str, end: str
) -> None:
    local.write_bytes(f"one 1{end}{include(root)}{end}{after}".encode())
    scriptlet(root, "postun", 0)
    assert local.read_bytes() == f"one 1{end}{after}".encode()


def test_an_include_line_that_ends_the_file_goes(root: Path, local: Path) -> None:
    local.write_text(f"one 1\n{include(root)}")
    scriptlet(root, "postun", 0)
    assert local.read_text() == "one 1\n"


@pytest.mark.parametrize(
    "line",
    ["includeDir {}", "  includeDir   {}/", "\tincludedir\t{}\n", "includedir {}\n# end"],
)
@pytest.mark.parametrize("name", ["snmpd.conf", "snmpd.local.conf"])
def test_an_include_line_that_works_is_enough(
    root: Path, local: Path, name: str, line: str
) -> None:
    text = line.format(f"{root}{DROP_INS}")
    (local.parent / name).write_text(text)
    assert included(root) == 1
    scriptlet(root, "post", 1)
    assert {each.name for each in local.parent.glob("snmpd*.conf")} == {name}
    assert (local.parent / name).read_text() == text


@pytest.mark.parametrize(
    "line",
    [
        "includeDir {} ",
        "includeDir {}\r\n",
        "includeDir {} # drop-ins",
        "# includeDir {}",
        "IncludeDir {}",
        "includeDir {}.old",
    ],
)
@pytest.mark.parametrize("name", ["snmpd.conf", "snmpd.local.conf"])
def test_an_include_line_without_effect_is_not_enough(
    root: Path, local: Path, name: str, line: str
) -> None:
    (local.parent / name).write_text(line.format(f"{root}{DROP_INS}"))
    assert included(root) == 0
    scriptlet(root, "post", 1)
    assert included(root) == 1


def test_the_line_stays_while_another_drop_in_needs_it(root: Path, local: Path) -> None:
    scriptlet(root, "post", 1)
    (root / DROP_INS[1:] / "other.conf").write_text("sysName x\n")
    scriptlet(root, "postun", 0)
    assert local.read_text() == f"{include(root)}\n"
