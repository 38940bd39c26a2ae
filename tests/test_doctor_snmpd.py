# SPDX-License-Identifier: GPL-3.0-or-later
"""What the doctor says of snmpd's processes and of its version."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

import pytest

from lvs_agent.doctor import snmpd
from lvs_agent.doctor.finding import State
from lvs_agent.doctor.machine import Done
from tests import doctors


def printed(version: str) -> Done:
    return Done(0, f"\nNET-SNMP version:  {version}\nWeb:               http://www\n", "")


@pytest.fixture
def machine(tmp_path: Path) -> doctors.Picture:
    drawn = doctors.Picture(tmp_path, {"/run/systemd/system/x": ""})
    drawn.prints["snmpd"] = printed("5.9.3")
    return drawn


def test_the_real_one_tells_its_version(tmp_path: Path) -> None:
    with doctors.daemon(tmp_path, "") as daemon:
        machine = doctors.Beside(daemon.pid)
        running = snmpd.find(machine)
        assert [each.pid for each in running] == [daemon.pid]
        first = snmpd.look(machine, running)[0]
    assert first.state == State.OK
    assert first.text.startswith("snmpd 5.")
    assert first.text.endswith(f"runs as root (pid {daemon.pid})")


@pytest.mark.parametrize(
    ("version", "states"),
    [
        ("5.4.4", [State.OK, State.WRONG]),
        ("5.5", [State.OK, State.NOTE]),
        ("5.9.4.pre2", [State.OK, State.NOTE]),
        ("5.10", [State.OK]),
        ("", [State.OK, State.UNSEEN]),
    ],
)
def test_versions_with_known_faults(
    machine: doctors.Picture, version: str, states: List[State]
) -> None:
    machine.prints["snmpd"] = printed(version)
    assert doctors.states(snmpd.look(machine, [doctors.process()])) == states


@pytest.mark.parametrize(
    ("program", "remedy"),
    [("/usr/sbin/snmpd (deleted)", "systemctl restart snmpd"), ("/tmp/snmpd", None)],
)
def test_another_program_is_not_asked_for_its_version(
    machine: doctors.Picture, program: str, remedy: Optional[str]
) -> None:
    exe = machine.path("/proc/7/exe")
    exe.parent.mkdir(parents=True)
    exe.symlink_to(program)
    first, second = snmpd.look(machine, [doctors.process()])
    assert first.text == "snmpd runs as root (pid 7)"
    assert (second.state, second.remedy) == (State.UNSEEN, remedy)
    assert second.text == f"the version of pid 7 is not known: it runs {program}"


def test_none_runs(machine: doctors.Picture) -> None:
    (finding,) = snmpd.look(machine, [])
    assert (finding.state, finding.remedy) == (State.WRONG, "systemctl enable --now snmpd")


@pytest.mark.parametrize(
    ("file", "remedy"), [(None, "apt install snmpd"), ("/usr/bin/dnf", "dnf install net-snmp")]
)
def test_none_is_installed(tmp_path: Path, file: Optional[str], remedy: str) -> None:
    machine = doctors.Picture(tmp_path, {file: ""} if file else {})
    (finding,) = snmpd.look(machine, [])
    assert (finding.text, finding.remedy) == ("snmpd is not installed", remedy)


def test_of_several_it_is_about_the_oldest(machine: doctors.Picture) -> None:
    machine.running = [
        doctors.process(pid=3, started=9.0),
        doctors.process(pid=8, started=5.0),
        doctors.process("sshd", pid=9),
    ]
    found = snmpd.find(machine)
    assert [each.pid for each in found] == [8, 3]
    texts = [each.text for each in snmpd.look(machine, found)]
    assert "2 snmpd run; this is about pid 8, not 3" in texts


def test_restart_where_there_is_no_systemd(tmp_path: Path) -> None:
    assert snmpd.restart(doctors.Picture(tmp_path)) == "service snmpd restart"
