# SPDX-License-Identifier: GPL-3.0-or-later
"""Remedies, run by two shells on files whose names need quoting."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from lvs_agent.doctor import remedy
from lvs_agent.doctor.machine import Machine
from lvs_agent.doctor.remedy import Remedy, append, both, command, comment, move
from lvs_agent.netsnmp.reader import Line
from lvs_agent.regular import LIMIT

ODD = "a b'\"$(touch made)*;&\n#"
DOCTOR = Path(remedy.__file__).parent

shells = pytest.mark.parametrize("shell", ["dash", "bash"])


def run(shell: str, folder: Path, text: Remedy) -> str:
    done = subprocess.run(
        [shell, "-c", text], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


@shells
def test_a_word_stays_a_word(shell: str, tmp_path: Path) -> None:
    assert run(shell, tmp_path, command("printf", "%s", ODD)) == ODD
    assert run(shell, tmp_path, both(command("printf", ODD[:3]), command("echo", "b"))) == "a bb\n"
    assert list(tmp_path.iterdir()) == []


@shells
@pytest.mark.parametrize("before", [None, "", "one 1\n", "rocommunity secret", "one 1\n\n"])
@pytest.mark.parametrize("line", ["view v included .1", r"view v\n included .1", ODD[:20]])
def test_a_line_is_added_as_a_line(shell: str, tmp_path: Path, before: str, line: str) -> None:
    file = tmp_path / ODD
    if before is not None:
        file.write_text(before)
    run(shell, tmp_path, append(Machine(), str(file), line))
    assert file.read_text().splitlines() == [*(before or "").splitlines(), line]
    assert file.read_text().endswith("\n")
    assert [file] == list(tmp_path.iterdir())


def test_a_file_that_can_not_be_read_to_its_end_gets_an_empty_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a" * LIMIT + "b")
    run("sh", tmp_path, append(Machine(), str(file), "line"))
    assert file.read_text().endswith("b\nline\n")


@shells
def test_several_lines_are_added(shell: str, tmp_path: Path) -> None:
    (tmp_path / ODD).write_text("before")
    run(shell, tmp_path, append(Machine(), str(tmp_path / ODD), "[Socket]", "SocketGroup=%s\\n"))
    assert (tmp_path / ODD).read_text() == "before\n[Socket]\nSocketGroup=%s\\n\n"


def test_a_line_goes_to_its_section(tmp_path: Path) -> None:
    file = tmp_path / "snmpd.conf"
    for before in ("[snmp]\ndefVersion 2c\n", "rocommunity public\n  [snmp]\ndefVersion 2c"):
        file.write_text(before)
        run("sh", tmp_path, append(Machine(), str(file), "includeDir /d", section="snmpd"))
        assert file.read_text() == f"{before.rstrip()}\n[snmpd]\nincludeDir /d\n"


@shells
def test_a_line_becomes_a_comment_where_a_link_leads(shell: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("one\ntwo\nthree")
    (tmp_path / ODD).symlink_to("file")
    run(shell, tmp_path, comment(Line(str(tmp_path / ODD), 2, "two", b"")))
    assert (tmp_path / ODD).is_symlink()
    assert (tmp_path / "file").read_text() == "one\n#two\nthree"


def test_nothing_is_lost_where_a_file_is_moved_to(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    (tmp_path / ODD).write_text("two")
    run("sh", tmp_path, move(str(tmp_path / "a"), str(tmp_path / ODD)))
    assert {each.read_text() for each in tmp_path.iterdir()} == {"one", "two"}
    assert (tmp_path / ODD).read_text() == "one"


def test_a_link_to_a_folder_is_replaced_not_entered(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a").write_text("one")
    (tmp_path / "a.old").symlink_to("folder")
    run("sh", tmp_path, move(str(tmp_path / "a"), str(tmp_path / "a.old")))
    assert (tmp_path / "a.old").read_text() == "one"
    assert list((tmp_path / "folder").iterdir()) == []


@pytest.mark.parametrize("file", sorted(DOCTOR.glob("*.py")), ids=lambda file: file.stem)
def test_no_other_module_writes_for_a_shell(file: Path) -> None:
    """No other module constructs a Remedy from a string either; mypy rejects a plain string."""
    tree = ast.parse(file.read_text("utf-8"))
    strings = [str(each.value) for each in ast.walk(tree) if isinstance(each, ast.Constant)]
    signs = [each for each in strings if any(sign in each for sign in (" && ", ">> ", "$("))]
    made = [
        each.lineno
        for each in ast.walk(tree)
        if isinstance(each, ast.Call) and ast.unparse(each.func).endswith("Remedy")
    ]
    assert (not signs and not made) is (file.stem != "remedy")


@pytest.mark.parametrize(
    ("started", "word"),
    [
        ("/opt/lvs-agent/bin/lvs-agent", "/opt/lvs-agent/bin/lvs-agent"),
        ("/usr/bin/pytest", "lvs-agent"),
        ("FOUND", "lvs-agent"),
    ],
)
def test_the_program_that_runs_is_named_so_that_a_shell_finds_it(
    started: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tmp_path / "lvs-agent"
    found.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [started.replace("FOUND", str(found))])
    assert remedy.own("doctor") == f"{word} doctor"
