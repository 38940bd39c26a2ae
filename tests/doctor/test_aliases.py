# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on the file of aliases of a simulated machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lvs_agent.aliases import ALIASES
from lvs_agent.doctor import aliases
from lvs_agent.doctor.finding import State
from tests.support import doctors
from tests.support.builders import server, service
from tests.support.doctors import Picture

AT = str(ALIASES)
SHOP = service("192.0.2.10", 443, server("192.168.0.1"), server("2001:db8::1"))
SNMPD = doctors.process(uid=12345)


@pytest.fixture
def machine(tmp_path: Path) -> Picture:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return Picture(tmp_path)


def test_without_a_file_there_is_nothing_to_say_unless_snmpds_line_names_one(
    machine: Picture,
) -> None:
    assert aliases.look(machine, [SHOP], SNMPD) == []
    (finding,) = aliases.look(machine, [SHOP], SNMPD, "/etc/names")
    assert (finding.state, finding.text) == (State.NOTE, "/etc/names: does not exist")


def test_aliases_of_rows_that_are_there(machine: Picture) -> None:
    lines = ["# none", "-t 192.0.2.10:443 shop", "192.0.2.10 front", "2001:db8::1 web2"]
    machine.draw(AT, "\n".join([*lines, "-t 192.0.2.10:443 -r 192.168.0.1:8080 shop on web1"]))
    (finding,) = aliases.look(machine, [SHOP], SNMPD)
    assert (finding.state, finding.text) == (State.OK, f"{AT}: 4 aliases")


def test_aliases_of_rows_that_are_not_there_are_counted(machine: Picture) -> None:
    lines = ["TCP 192.0.2.10:443 shop", "UDP 192.0.2.10:443 shop", "192.168.0.2 web2"]
    machine.draw(AT, "\n".join(lines))
    (finding,) = aliases.look(machine, [SHOP], SNMPD)
    said = f"{AT}: 3 aliases; aliases that match no row now: 2, the first in line 2"
    assert (finding.state, finding.text) == (State.NOTE, said)
    (finding,) = aliases.look(machine, [], SNMPD)
    assert (finding.state, finding.text) == (State.OK, f"{AT}: 3 aliases")


def test_invalid_lines(machine: Picture) -> None:
    machine.draw("/etc/names", "\nTCP 192.0.2.10:https shop\n" + "nonsense\n" * 2)
    (finding,) = aliases.look(machine, [SHOP], SNMPD, "/etc/names")
    assert finding.state == State.WRONG
    assert finding.text == (
        "/etc/names:2: not an address and port: '192.0.2.10:https'; write numbers, since names are"
        " not looked up; invalid lines after it: 2"
    )


def test_a_file_that_snmpds_user_may_not_read(machine: Picture) -> None:
    machine.draw(AT, "192.168.0.1 web1", 0o640)
    (finding,) = aliases.look(machine, [SHOP], SNMPD)
    assert (finding.state, finding.remedy) == (State.WRONG, f"chmod a+r {AT}")
    assert finding.text == f"{AT}: snmpd (12345) may not read it"
    machine.path(AT).parent.chmod(0o750)
    (finding,) = aliases.look(machine, [SHOP], SNMPD)
    assert finding.remedy == f"chmod a+x {os.path.dirname(AT)} && chmod a+r {AT}"
    os.chown(machine.path(AT).parent, 12345, 12345)  # who may put a link there
    (finding,) = aliases.look(machine, [SHOP], doctors.process(uid=12346))
    assert (finding.state, finding.remedy) == (State.WRONG, None)


@pytest.mark.timeout(20)
def test_a_fifo_is_not_waited_for(machine: Picture) -> None:
    machine.path(AT).parent.mkdir(parents=True)
    os.mkfifo(machine.path(AT))
    (finding,) = aliases.look(machine, [SHOP], SNMPD)
    assert (finding.state, finding.remedy) == (State.WRONG, f"ls -l {AT}")
    assert finding.text == f"{AT}: not read: not a regular file"
