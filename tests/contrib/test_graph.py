# SPDX-License-Identifier: GPL-3.0-or-later
"""The units and the crontab of contrib/graph: their commands work, and systemd accepts them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Iterator, List

import pytest

from tests.support import directors, files
from tests.support.directors import SimulatedDirector
from tests.support.paths import CONTRIB
from tests.support.snmpd import AGENT

GRAPH = CONTRIB / "graph"
UNITS = sorted(path.name for path in GRAPH.glob("lvs-graph-*"))
PROGRAM = "/opt/lvs-agent/bin/lvs-agent"
STATE = "/var/lib/lvs-graph"
CONF = "/etc/lvs-graph/snmp.conf"


@pytest.fixture
def director(tmp_path: Path) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path / "director") as running:
        running.serve(*directors.farm())
        yield running


def units() -> List[str]:
    """Return the commands of the services."""
    texts = [(GRAPH / name).read_text() for name in UNITS if name.endswith(".service")]
    return [
        line.partition("=")[2] for text in texts for line in text.splitlines() if "Exec" in line
    ]


def crontab() -> List[str]:
    """Return cron's commands: the part of a line after five fields of time and a user."""
    lines = (GRAPH / "lvs-graph.cron").read_text().splitlines()
    return [line.split(None, 6)[6] for line in lines if re.match(r"[*\d]", line)]


@pytest.mark.parametrize("source", [units, crontab])
def test_what_is_run_regularly_makes_a_page(
    director: SimulatedDirector, tmp_path: Path, source: object
) -> None:
    conf = tmp_path / "snmp.conf"
    conf.write_text("defCommunity public\n")
    assert callable(source)
    lines: List[str] = source()
    assert len(lines) == 2
    for line in sorted(lines, key=lambda line: " update " not in line):
        replaced = {PROGRAM: str(AGENT), STATE: str(tmp_path)}
        if " update " in line:
            replaced.update({CONF: str(conf), "director1 director2": director.address})
        done = files.run(*shlex.split(files.put(line, replaced)))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "TCP 192.0.2.10:80" in (tmp_path / "page" / "index.html").read_text()


def test_units_and_crontab_run_the_same() -> None:
    assert sorted(units()) == sorted(line.replace("nice ", "") for line in crontab())


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_takes_the_unit(tmp_path: Path, unit: str) -> None:
    for name in UNITS:
        text = (GRAPH / name).read_text()
        (tmp_path / name).write_text(text.replace(PROGRAM, "/bin/true"))
    assert verified(tmp_path / unit) == ""


def test_systemd_does_complain(tmp_path: Path) -> None:
    shutil.copy(GRAPH / "lvs-graph-page.timer", tmp_path)
    service = (GRAPH / "lvs-graph-page.service").read_text().replace("Type=", "Kind=")
    (tmp_path / "lvs-graph-page.service").write_text(service.replace(PROGRAM, "/bin/true"))
    assert "Kind" in verified(tmp_path / "lvs-graph-page.service")


def verified(unit: Path) -> str:
    """Return systemd's complaints about a unit, without those about this machine's other units."""
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    return "\n".join(line for line in done.stderr.splitlines() if "lvs-graph" in line)
