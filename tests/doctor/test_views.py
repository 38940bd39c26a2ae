# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on views: those that hide the subtree, and the line that shows it."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest

from lvs_agent.doctor import views
from lvs_agent.doctor.finding import Finding, State
from lvs_agent.doctor.passline import Snmpd
from lvs_agent.doctor.remedy import command
from lvs_agent.netsnmp import snmpdconf
from lvs_agent.netsnmp.oids import SUBTREE
from lvs_agent.netsnmp.reader import Config
from lvs_agent.netsnmp.snmpdconf import Invocation
from tests.support import doctors

CONF = "/etc/snmp/snmpd.conf"
TARGET = "/etc/snmp/snmpd.conf.d/lvs-agent.conf"


def judge(machine: doctors.Picture, config: Config, rows: int = 0) -> List[Finding]:
    snmpd = Snmpd(doctors.process(), config, (), TARGET, command("restart"))
    return views.look(machine, snmpd, rows)


def look(tmp_path: Path, text: str, rows: int = 0) -> List[Finding]:
    machine = doctors.Picture(tmp_path, {CONF: text})
    return judge(machine, snmpdconf.read(machine, Invocation()), rows)


def test_debians_view_hides_us_and_is_named_once(tmp_path: Path) -> None:
    (finding,) = look(tmp_path, doctors.DEBIAN)
    assert finding.state == State.WRONG
    assert finding.text == (f"view systemonly ({CONF}:3) hides {SUBTREE} from {CONF}:4,5,6")
    assert (
        finding.remedy
        == f"printf '%s\\n' 'view systemonly included {SUBTREE}' >> {TARGET} && restart"
    )


def test_the_remedy_is_one(tmp_path: Path) -> None:
    (finding,) = look(tmp_path, doctors.REDHAT)
    line = (finding.remedy or "").split("'")[3]
    (finding,) = look(tmp_path, doctors.REDHAT + line + "\n")
    assert finding.state == State.OK


def test_a_community_for_something_else_is_no_fault(tmp_path: Path) -> None:
    text = doctors.DEBIAN + "rocommunity secret 10.0.0.0/8\n"
    found = look(tmp_path, text)
    assert doctors.states(found) == [State.NOTE, State.OK]


def test_a_part_is_worth_a_note(tmp_path: Path) -> None:
    (finding,) = look(tmp_path, f"rocommunity c default {SUBTREE}.26\n")
    assert finding.state == State.NOTE
    assert finding.remedy is None


def test_nobody_may_read(tmp_path: Path) -> None:
    (finding,) = look(tmp_path, "sysLocation here\n")
    assert finding.state == State.WRONG


def test_a_community_is_never_printed(tmp_path: Path) -> None:
    for text in (doctors.DEBIAN, doctors.REDHAT, "rocommunity public\n"):
        for finding in look(tmp_path, text):
            assert "public" not in f"{finding.text} {finding.remedy}"


def test_a_file_that_is_closed_is_not_called_empty(tmp_path: Path) -> None:
    config = Config(closed=[CONF])
    assert judge(doctors.Picture(tmp_path), config) == []


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (500, f"rocommunity c default {SUBTREE}.26"),
        (500, f"rocommunity c default -V v\nview v included .1\nview v excluded {SUBTREE}.21"),
        (5000, "rocommunity -v 1 c"),
        (5000, doctors.REDHAT.replace(" v2c ", " v1 ") + f"view systemview included {SUBTREE}"),
    ],
)
def test_a_request_that_skips_for_a_second_is_wrong(tmp_path: Path, rows: int, line: str) -> None:
    for more, state in ((0, State.NOTE), (1, State.WRONG)):
        finding = doctors.only(look(tmp_path, line + "\n", rows + more), state)
        assert "snmpd may skip the rest for 1.0 s" in finding.text
        assert finding.remedy is None


@pytest.mark.parametrize("line", [f"view v excluded {SUBTREE}", f"view v excluded {SUBTREE}.26"])
def test_a_line_that_would_not_open_a_view_is_not_proposed(tmp_path: Path, line: str) -> None:
    (finding,) = look(tmp_path, f"rocommunity c default -V v\n{line}\n")
    assert (finding.state, finding.remedy) == (State.WRONG, None)
