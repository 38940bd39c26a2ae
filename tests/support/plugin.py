# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent check as a process, and its output in parts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List, NamedTuple

from tests.support import files
from tests.support.snmpd import AGENT

OK, WARNING, CRITICAL, UNKNOWN = range(4)


class Said(NamedTuple):
    """A result: exit status, first line up to its |, performance data and the other lines."""

    status: int
    line: str
    data: Dict[str, str]
    more: List[str]


def check(address: str, conf: Path, *words: str) -> Said:
    """Check a director with the settings of an snmp.conf; the times of changes are left out."""
    said = check_timed(address, conf, *words)
    return said._replace(line=untimed(said.line), more=[untimed(line) for line in said.more])


def check_timed(address: str, conf: Path, *words: str) -> Said:
    """Check as check() does; clock times are replaced by TIME."""
    done = files.run(str(AGENT), "check", address, *words, "--snmp-conf", str(conf))
    assert done.stderr == ""
    output = re.sub(r"since [-\d]*\s?\d\d:\d\d \(", "since TIME (", done.stdout)
    first, *more = output.splitlines()
    text = " ".join([first, *more])
    line, _, data = first.partition(" | ")
    if not data:
        data = text.partition(" | ")[2] or next((m[2:] for m in more if m[:2] == "| "), "")
    values = re.findall(r"('[^']*'|\w+)=(\S+)", data)
    return Said(
        done.returncode,
        line,
        {label.strip("'"): value for label, value in values},
        [each for each in more if not each.startswith("|")],
    )


def untimed(text: str) -> str:
    return re.sub(r" since TIME \([^)]*\)", "", text)
