# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent(8): it agrees with --help, and every formatter accepts it."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from typing import Dict, List

import pytest

from lvs_agent.arguments import parser
from lvs_agent.boundary.connections import COLLECTOR_SOCKET
from tests.support.lvsmib import BASE
from tests.support.mibs import MIB
from tests.support.paths import CHECKOUT
from tests.support.snmpd import AGENT

MANPAGE = CHECKOUT / "tools" / "manpage"
# Complaints about this machine, not about the page: mandoc's index, which Debian leaves to man-db;
# pages of other programs, which a minimal Debian leaves out; the operating system's name, in whose
# place the page has the agent's version
OF_THE_MACHINE = ("outdated mandoc.db", "referenced manual not found", "specified: Os")


def source(epoch: int = 0) -> str:
    """Return the page in mdoc(7)."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    return subprocess.check_output([sys.executable, MANPAGE], env=environment, text=True)


def formatted(*command: str, page: str) -> str:
    """Return a formatter's output for the page, with its complaints."""
    done = subprocess.run(
        command,
        input=page,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def rendered() -> str:
    """Return the page as text, not wrapped."""
    text = formatted("mandoc", "-Tutf8", "-Owidth=1000", page=source())
    return re.sub(".\b", "", text)


@functools.cache
def help_of(*command: str) -> str:
    """Return the output of --help, not wrapped."""
    environment = {**os.environ, "COLUMNS": "1000"}
    return subprocess.check_output([AGENT, *command, "--help"], env=environment, text=True)


def commands() -> List[str]:
    """Return the commands that --help names; a command with subcommands is replaced by those."""
    found = []
    for name in named_in(help_of()):
        below = named_in(help_of(name))
        found += [f"{name} {command}" for command in below] or [name]
    return found


def named_in(text: str) -> List[str]:
    """Return the commands in the output of --help."""
    return re.findall(r"^    ([a-z-]+)(?: |$)", text, re.MULTILINE)


def options(text: str) -> Dict[str, str]:
    """Return the description of each option in --help, by its names, each with its metavar.

    Python 3.13 prints the metavar once (-t, --tcp-service ADDRESS), the others after each name.
    """
    found = {}
    for names, meaning in re.findall(r"^  (-\S.*?)(?:  +|\n +)(.+)$", text, re.MULTILINE):
        *_, metavar = names.rpartition(names.split(", ")[-1].split(" ")[0])
        bare = [name.partition(" ")[0] for name in names.split(", ")]
        found[", ".join(name + metavar for name in bare)] = meaning
    return found


def plain(text: str) -> str:
    """Return a text for comparison: --help has fragments where the page has sentences."""
    return " ".join(text.split()).lower()


def differences(page: str) -> List[str]:
    """Return the options and usages on which the page and --help differ."""
    found = []
    synopsis = plain(page.partition("SYNOPSIS")[2].partition("DESCRIPTION")[0])
    flat = plain(page)
    known = set()
    for command in [[], *(name.split() for name in commands())]:
        text = help_of(*command)
        usage = text.partition("\n")[0].replace("usage: ", "")
        usage = usage.replace(" [-h]", "") if command else usage.replace(" COMMAND ...", "")
        if f"{plain(usage)} lvs-agent" not in f"{synopsis} lvs-agent":
            found.append(usage)
        for names, meaning in options(text).items():
            known |= set(re.findall(r"--[\w-]+", names))
            if f"{plain(names)} {plain(meaning)}" not in flat:
                found.append(f"{names} {meaning}")
    return found + sorted(set(re.findall(r"(?<![\w-])--[\w-]+", page)) - known)


def test_the_page_and_the_help_name_the_same_commands_and_options() -> None:
    assert {"pass-persist", "collector", "record", "walk"} <= set(commands())
    assert "--max-age SECONDS" in options(help_of("pass-persist"))
    assert differences(rendered()) == []


EDITS = {
    "an option is gone": (r"--listen PATH\s+Create", "Create"),
    "an option is not in the synopsis": (r" \[--no-legacy\]", ""),
    "an option has another default": (r"\(default 60\)", "(default 61)"),
    "an option has another name": ("--expire", "--expiry"),
    "the page has one more": ("Interrupted", "Interrupted, unless --again"),
    "a command is gone": (r"lvs-agent record DIR", ""),
    "a command takes more": (r"lvs-agent record DIR", "lvs-agent record DIR DIR"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_difference_is_found(edit: str) -> None:
    page, edits = re.subn(*EDITS[edit], rendered())
    assert edits
    assert differences(page)


def test_every_example_is_taken() -> None:
    examples = re.findall(r"[$#`] ?lvs-agent ([^`\n]+)", rendered())
    assert len(examples) > 5
    for example in examples:
        parser().parse_args(example.split())


def test_formatters_have_nothing_to_complain_of() -> None:
    lint = formatted("mandoc", "-Tlint", page=source()).splitlines()
    assert [line for line in lint if not any(said in line for said in OF_THE_MACHINE)] == []
    assert formatted("groff", "-mandoc", "-ww", "-Tutf8", "-z", page=source()) == ""


def test_formatters_do_complain() -> None:
    broken = source().replace(".Sh FILES", ".Sh FILES\n.Pq\n.No\\[nonsense] .El\n.El")
    assert "WARNING" in formatted("mandoc", "-Tlint", page=broken)
    assert "warning" in formatted("groff", "-mandoc", "-ww", "-Tutf8", "-z", page=broken)


def test_every_status_is_explained_under_the_name_it_has_in_the_mib() -> None:
    clause = MIB.read_text("utf-8").partition("lvsAgentStatus OBJECT-TYPE")[2]
    names = re.findall(r"\w+\(\d\)", clause.partition("}")[0])
    assert len(names) == 7
    page = rendered()
    assert [name for name in names if f"     {name}" not in page] == []


def test_places_are_the_codes() -> None:
    page = rendered()
    assert BASE in page
    assert f"     {COLLECTOR_SOCKET}\n" in page


def test_the_same_date_gives_the_same_bytes() -> None:
    assert source(1_800_000_000) == source(1_800_000_000)
    assert ".Dd January 15, 2027\n" in source(1_800_000_000)
    assert not re.search("@[a-z -]+@", source())
