# SPDX-License-Identifier: GPL-3.0-or-later
"""Completion for bash: bash offers the commands, options and values that --help shows."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Set

import pytest

from lvs_agent.arguments import parser
from tests.support.paths import CHECKOUT

# the words as bash hands them to the function that is registered for the command
ASK = """
source "$1"; shift
[[ $(complete -p lvs-agent) =~ -F\\ ([^ ]+) ]]
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"${BASH_REMATCH[1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("completion") / "lvs-agent"
    file.write_bytes(subprocess.check_output([sys.executable, CHECKOUT / "tools" / "completion"]))
    return file


def offered(script: Path, words: str, folder: Path = CHECKOUT) -> Set[str]:
    """Return what bash offers for the last word, in a folder."""
    command = ["bash", "--norc", "-eu", "-c", ASK, "bash", str(script), *words.split(" ")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def parsers(above: argparse.ArgumentParser, name: str) -> Dict[str, argparse.ArgumentParser]:
    """Return the parsers of a command and of those below it, by their words."""
    found = {name: above}
    for action in above._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                found.update(parsers(below, f"{name} {word}"))
    return found


PARSERS = parsers(parser(), "lvs-agent")


def options(of: argparse.ArgumentParser) -> List[str]:
    """Return the options that --help shows."""
    return [
        option
        for action in of._actions
        for option in action.option_strings
        if action.help != argparse.SUPPRESS
    ]


def test_bash_accepts_the_script(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)


@pytest.mark.parametrize("above", ["lvs-agent", "lvs-agent graph"])
def test_commands_are_offered(script: Path, above: str) -> None:
    words = above.count(" ") + 1
    below = {name.split()[words] for name in PARSERS if name.startswith(f"{above} ")}
    assert len(below) > 2
    assert offered(script, f"{above} ") == below


def test_a_command_is_completed(script: Path) -> None:
    assert offered(script, "lvs-agent pa") == {"pass-persist"}
    assert offered(script, "lvs-agent gr") == {"graph"}


@pytest.mark.parametrize("command", PARSERS)
def test_options_are_offered(script: Path, command: str) -> None:
    assert offered(script, f"{command} -") == set(options(PARSERS[command]))


def test_a_value_is_completed(script: Path) -> None:
    assert offered(script, "lvs-agent graph draw conns --period ") == {
        *("day", "week", "month", "year")
    }
    assert offered(script, "lvs-agent graph draw b") == {"bits", "bits-per-conn"}


def test_files_and_folders_are_completed(script: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert offered(script, "lvs-agent walk --replay f", tmp_path) == {"folder"}
    assert offered(script, "lvs-agent walk --log f", tmp_path) == {"folder", "file"}
    assert offered(script, "lvs-agent record f", tmp_path) == {"folder"}
