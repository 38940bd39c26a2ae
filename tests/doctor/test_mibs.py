# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on MIB files, from the output of net-snmp's own snmptranslate."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lvs_agent.doctor import mibs
from lvs_agent.doctor.finding import State
from lvs_agent.doctor.machine import Machine
from tests.support import doctors
from tests.support.mibs import IETF, MIB


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which net-snmp looks for MIB files."""
    (tmp_path / "mibs").mkdir()
    (tmp_path / "snmp.conf").write_text("mibs :\n")
    monkeypatch.setenv("SNMPCONFPATH", str(tmp_path))
    monkeypatch.setenv("MIBDIRS", str(tmp_path / "mibs"))
    return tmp_path / "mibs"


def test_no_file(folder: Path) -> None:
    (finding,) = mibs.look(Machine())
    assert finding.state == State.NOTE
    assert finding.remedy == f"cp --backup=numbered {MIB} /usr/share/snmp/mibs/LVS-MIB.txt"
    shutil.copy(MIB, folder)  # as the remedy does


def test_the_file_is_in_a_folder_that_net_snmp_is_told_to_leave_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mibs, "FILE", str(MIB))
    (finding,) = mibs.look(Machine())
    assert finding.state == State.NOTE
    assert (finding.remedy or "").endswith(f"mibdirs +{MIB.parent}' >> /etc/snmp/snmp.conf")


def test_no_ietf_modules(folder: Path) -> None:
    shutil.copy(MIB, folder)
    (finding,) = mibs.look(Machine())
    assert finding.state == State.NOTE
    assert "SNMPv2-TC, SNMP-FRAMEWORK-MIB, INET-ADDRESS-MIB" in finding.text


@pytest.mark.parametrize(
    ("text", "begins"),
    [("", "printf '%s\\n' '"), ("mibs :\n", "printf '%s\\n' '"), ("mibs :", "printf '%s\\n' '' '")],
)
def test_the_folder_is_named_in_a_line_of_its_own(
    folder: Path, tmp_path: Path, text: str, begins: str
) -> None:
    shutil.copy(MIB, folder)
    there = "/usr/lib/erlang/lib/snmp-5.13/mibs"
    machine = doctors.Picture(tmp_path / "root", {f"{there}/SNMPv2-TC.mib": ""})
    machine.draw("/etc/snmp/snmp.conf", text)
    done = Machine().run(["snmptranslate", "-m", "+LVS-MIB", "LVS-MIB::lvs"])
    assert done is not None
    machine.prints["snmptranslate"] = done
    (finding,) = mibs.look(machine)
    assert finding.remedy == f"{begins}mibdirs +{there}' >> /etc/snmp/snmp.conf"


def test_the_remedy_brings_them(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(MIB, folder)
    monkeypatch.delenv("MIBDIRS")
    with open(tmp_path / "snmp.conf", "a", encoding="utf-8") as file:
        file.write(f"mibdirs +{IETF}\nmibdirs +{folder}\n")
    (finding,) = mibs.look(Machine())
    assert finding.state == State.OK


@pytest.mark.parametrize(
    ("file", "begins"),
    [
        ("/x", "apt install erlang-snmp && lvs-agent doctor"),
        ("/usr/bin/dnf", "dnf reinstall net-snmp-libs"),
    ],
)
def test_the_remedy_is_the_distributions(
    folder: Path, tmp_path: Path, file: str, begins: str
) -> None:
    shutil.copy(MIB, folder)
    machine = doctors.Picture(tmp_path / "root", {file: ""})
    done = Machine().run(["snmptranslate", "-m", "+LVS-MIB", "LVS-MIB::lvs"])
    assert done is not None
    machine.prints["snmptranslate"] = done
    (finding,) = mibs.look(machine)
    assert (finding.remedy or "").startswith(begins)


def test_without_the_tools_the_file_is_looked_for(tmp_path: Path) -> None:
    machine = doctors.Picture(tmp_path)
    assert doctors.states(mibs.look(machine)) == [State.NOTE]
    machine.draw(mibs.FILE)
    assert doctors.states(mibs.look(machine)) == [State.OK]


def test_nothing_is_kept(folder: Path) -> None:
    before = sorted(os.listdir("/var/lib/snmp"))
    mibs.look(Machine())
    assert sorted(os.listdir("/var/lib/snmp")) == before
