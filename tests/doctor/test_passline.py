# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on the pass_persist line, compared with what snmpd does with that line."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import pytest

from lvs_agent.doctor import passline
from lvs_agent.doctor.finding import Finding, State
from lvs_agent.doctor.machine import Machine
from lvs_agent.doctor.remedy import command
from lvs_agent.netsnmp import snmpdconf
from lvs_agent.netsnmp.reader import Config
from lvs_agent.netsnmp.snmpdconf import Invocation
from tests.support import doctors
from tests.support.lvsmib import BASE, oid
from tests.support.recorded import SMALL
from tests.support.snmpd import AGENT

DROP_IN = "/etc/snmp/snmpd.conf.d/lvs-agent.conf"
GOOD = f"pass_persist {BASE} /usr/bin/lvs-agent pass-persist\n"
RESTART = command("systemctl", "restart", "snmpd")
REPLAY = f"{AGENT} pass-persist --replay {SMALL}"

# a line, and part of the finding on it: None if it is good
LINES: Dict[str, Optional[str]] = {
    f"pass_persist {BASE} {REPLAY}": None,
    f"pass_persist -p {5000 * '1'} {BASE} {REPLAY}": "no pass_persist line",
    f"PASS_persist   {BASE[1:]}\t{REPLAY}  ": None,
    f"pass_persist {BASE} {REPLAY}\t": None,
    f"pass_persist {BASE} {REPLAY}\r": None,
    f"pass_persist -p 10 {BASE} {REPLAY} # old": None,
    f"pass_persist enterprises.8225.4711 {REPLAY}": "no names",
    f'pass_persist {BASE} "{AGENT}" pass-persist': "a quote",
    f"pass_persist {BASE} {AGENT}\tpass-persist --replay {SMALL}": "a tab",
    f"pass_persist {BASE} {AGENT} pass-persist  --replay {SMALL}": "two spaces",
    f"pass_persist {BASE} /usr/bin/none pass-persist": "/usr/bin/none: no such file",
    f"pass_persist {BASE} lvs-agent pass-persist": "not an absolute path",
    f"pass_persist {BASE} {REPLAY.replace('pass-persist', 'walk')}": "pass-persist is missing",
    f"pass_persist {BASE}": "no program",
    f"pass_persist {BASE} # {REPLAY}": "no program",
    f"pass {BASE} {REPLAY}": "use pass_persist",
    f"pass_persist .1.3.6.1.4.1.8225.4712 {REPLAY}": "no pass_persist line",
    f"# pass_persist {BASE} {REPLAY}": "no pass_persist line",
}


def added(line: str, file: str) -> str:
    return f"printf '%s\\n' '{line}' >> {file}"


def commented(number: int, file: str) -> str:
    return f"sed -i --follow-symlinks '{number}s/^/#/' {file}"


def described(config: Config, uid: int = 0, target: str = snmpdconf.LOCAL) -> passline.Snmpd:
    return passline.Snmpd(doctors.process(uid=uid), config, (), target, RESTART)


def look(machine: Machine, uid: int = 0) -> List[Finding]:
    return passline.look(machine, described(snmpdconf.read(machine, Invocation()), uid))


@pytest.fixture
def machine(tmp_path: Path) -> doctors.Picture:
    drawn = doctors.Picture(tmp_path, {"/etc/snmp/snmpd.conf": doctors.DEBIAN})
    drawn.draw("/usr/bin/lvs-agent", "", 0o755)
    drawn.path(DROP_IN).parent.mkdir()
    return drawn


@pytest.mark.parametrize("line", LINES)
def test_snmpd_makes_of_a_line_what_is_said_of_it(tmp_path: Path, line: str) -> None:
    with doctors.daemon(tmp_path, line) as daemon:
        answers = "INTEGER: 1" in daemon.ask("snmpget", oid("lvsAgentStatus", 0), community="probe")
        told = Invocation((str(daemon.config),), only=True)
        (finding,) = passline.look(Machine(), described(snmpdconf.read(Machine(), told)))
    expected = LINES[line]
    assert answers == (expected is None)
    assert finding.state == (State.OK if expected is None else State.WRONG)
    assert (expected or "runs ") in finding.text


# the first words of two lines, and whether the second is used
ORDERS = {
    ("pass_persist", "pass_persist"): False,
    ("pass_persist -p 20", "pass_persist -p 10"): False,
    ("pass_persist -p 200", "pass_persist"): False,
    ("pass", "pass_persist"): False,
    ("pass -p 20", "pass_persist -p 10"): True,
    ("pass_persist", "pass"): False,
    ("pass_persist", "pass -p 10"): True,
}


@pytest.mark.parametrize("words", ORDERS, ids=" ".join)
def test_of_two_lines_the_used_one_is_known(tmp_path: Path, words: Tuple[str, str]) -> None:
    second = ORDERS[words]
    programs = ["/bin/false", REPLAY] if second else [REPLAY, "/bin/false"]
    lines = [f"{word} {BASE} {program}" for word, program in zip(words, programs)]
    with doctors.daemon(tmp_path, "\n".join(lines)) as daemon:
        said = daemon.ask("snmpget", oid("lvsAgentStatus", 0), community="probe")
        config = snmpdconf.read(Machine(), Invocation((str(daemon.config),), only=True))
    one = passline.used(config.lines)
    assert one is not None
    assert one.line.number == 1 + second
    # a program of pass gives no answer here, as this one speaks the other protocol
    assert ("INTEGER: 1" in said) is (one.line.token == "pass_persist")


@pytest.mark.parametrize(
    ("token", "shadows"), [("pass_persist", True), ("pass", False)], ids=["pass_persist", "pass"]
)
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_a_line_for_a_larger_subtree(
    tmp_path: Path, token: str, shadows: bool, first: bool
) -> None:
    lines = [f"pass_persist {BASE} {REPLAY}", f"{token} .1.3.6.1.4.1.8225 /bin/false"]
    with doctors.daemon(tmp_path, "\n".join(lines[:: -1 if first else 1])) as daemon:
        said = daemon.ask("snmpget", oid("lvsAgentStatus", 0), community="probe")
        config = snmpdconf.read(Machine(), Invocation((str(daemon.config),), only=True))
    (finding,) = passline.look(Machine(), described(config))
    assert ("INTEGER: 1" in said) is not shadows
    assert (finding.state == State.WRONG, finding.remedy) == (shadows, None)


@pytest.mark.parametrize("line", [each for each, said in LINES.items() if said is not None])
def test_the_remedy_makes_a_line_that_works(
    tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(AGENT)])
    conf = tmp_path / "snmpd.conf"
    conf.write_text(f"rocommunity public\n{line}")
    told = Invocation((str(conf),), only=True)
    where = described(snmpdconf.read(Machine(), told), target=str(conf))
    (finding,) = passline.look(Machine(), replace(where, restart=command("true")))
    subprocess.run(["sh", "-c", finding.remedy or ""], check=True)
    assert line in conf.read_text()
    (finding,) = passline.look(Machine(), described(snmpdconf.read(Machine(), told)))
    assert finding.state == State.OK


def test_a_healthy_line(machine: doctors.Picture) -> None:
    machine.draw(DROP_IN, GOOD)
    (finding,) = look(machine)
    assert finding.state == State.OK
    assert finding.text == f"{DROP_IN}:1: runs /usr/bin/lvs-agent pass-persist"


def test_no_line_gives_the_one_to_add(machine: doctors.Picture) -> None:
    (finding,) = look(machine)
    assert finding.state == State.WRONG
    assert finding.remedy == f"{added(GOOD.strip(), '/etc/snmp/snmpd.local.conf')} && {RESTART}"


def test_a_file_that_may_not_be_read_is_not_called_empty(machine: doctors.Picture) -> None:
    machine.draw(DROP_IN, GOOD)
    machine.draw("/etc/snmp/snmpd.conf")
    config = snmpdconf.read(machine, Invocation())
    config.closed.append("/etc/snmp/snmpd.local.conf")
    (finding,) = passline.look(machine, described(config))
    assert finding.state == State.UNSEEN


def test_a_line_that_is_repeated(machine: doctors.Picture) -> None:
    machine.draw("/etc/snmp/snmpd.local.conf", GOOD)
    machine.draw(DROP_IN, "# comment\n" + GOOD)
    finding = doctors.only(look(machine), State.NOTE)
    assert finding.text.startswith("/etc/snmp/snmpd.local.conf:1: not used: " + DROP_IN + ":2")
    assert finding.remedy == f"{commented(1, '/etc/snmp/snmpd.local.conf')} && {RESTART}"


def test_a_line_that_is_repeated_with_another_program(machine: doctors.Picture) -> None:
    machine.draw("/usr/local/bin/lvs-agent", "", 0o755)
    old = GOOD.replace("/usr/bin", "/usr/local/bin")
    machine.draw("/etc/snmp/snmpd.conf", old + doctors.DEBIAN)
    machine.draw(DROP_IN, GOOD)
    used, other = look(machine)
    assert used.text == "/etc/snmp/snmpd.conf:1: runs /usr/local/bin/lvs-agent pass-persist"
    assert other.state == State.NOTE
    assert other.text.startswith(f"{DROP_IN}:1: not used: /etc/snmp/snmpd.conf:1")
    assert other.remedy == f"{commented(1, DROP_IN)} && {RESTART}"


@pytest.mark.parametrize(
    ("config", "file", "said", "remedy"),
    [
        (
            "rocommunity public\n",
            DROP_IN,
            "no includeDir line",
            added("includeDir /etc/snmp/snmpd.conf.d", "/etc/snmp/snmpd.local.conf"),
        ),
        (
            doctors.DEBIAN,
            DROP_IN[:-5],
            "must end in .conf",
            f"mv -T --backup=numbered {DROP_IN[:-5]} {DROP_IN}",
        ),
    ],
)
def test_a_line_in_a_file_that_snmpd_does_not_read(
    machine: doctors.Picture, config: str, file: str, said: str, remedy: str
) -> None:
    machine.draw("/etc/snmp/snmpd.conf", config)
    machine.draw(file, GOOD)
    (finding,) = look(machine)
    assert finding.state == State.WRONG
    assert finding.text.startswith(f"{file}:1: ")
    assert said in finding.text
    assert finding.remedy == f"{remedy} && {RESTART}"


def test_leftovers_beside_a_good_line_are_nobodys_business(machine: doctors.Picture) -> None:
    machine.draw(DROP_IN, GOOD)
    machine.draw(DROP_IN + ".dpkg-old", GOOD)
    assert doctors.states(look(machine)) == [State.OK]


@pytest.mark.parametrize("oid", [".1.3.6.1.4.1.8225", f"{BASE}.26"])
def test_an_oid_that_is_not_quite_ours(machine: doctors.Picture, oid: str) -> None:
    machine.draw(DROP_IN, GOOD.replace(BASE, oid))
    (finding,) = look(machine)
    assert finding.state == State.WRONG
    assert f"{oid}, not {BASE}" in finding.text
    right = f"{commented(1, DROP_IN)} && {added(GOOD.strip(), DROP_IN)} && {RESTART}"
    assert finding.remedy == right
    machine.draw(DROP_IN, GOOD.replace(BASE, oid).replace("lvs-agent", "another"))
    (finding,) = look(machine)
    # what another program serves is not taken from it
    assert finding.remedy == f"{added(GOOD.strip(), '/etc/snmp/snmpd.local.conf')} && {RESTART}"


def test_a_drop_in_that_snmpds_user_can_not_read(machine: doctors.Picture, tmp_path: Path) -> None:
    for folder in (tmp_path, *machine.path(DROP_IN).parents[:3]):
        folder.chmod(0o755)
    machine.draw(DROP_IN, GOOD, 0o600)
    (finding,) = look(machine, uid=4242)
    assert finding.state == State.WRONG
    assert finding.remedy == f"chgrp 4242 {DROP_IN} && chmod g+r {DROP_IN} && {RESTART}"


@pytest.mark.parametrize("mode", [0o700, 0o744, 0o711])
def test_a_program_that_snmpds_user_can_not_run(
    machine: doctors.Picture, tmp_path: Path, mode: int
) -> None:
    for name in (DROP_IN, "/usr/bin/x"):
        for folder in machine.path(name).parents[:4]:
            folder.chmod(0o755)
    machine.draw("/usr/bin/lvs-agent", "", mode)
    machine.draw(DROP_IN, GOOD)
    (finding,) = look(machine, uid=4242)
    assert "/usr/bin/lvs-agent: 4242 may not run it" in finding.text


def test_a_program_of_another_name_is_worth_a_note(machine: doctors.Picture) -> None:
    machine.draw("/opt/wrapper", "", 0o755)
    machine.draw(DROP_IN, GOOD.replace("/usr/bin/lvs-agent", "/opt/wrapper"))
    assert doctors.states(look(machine)) == [State.NOTE]


def test_the_module_of_2001_is_in_the_way(machine: doctors.Picture) -> None:
    machine.draw(DROP_IN, GOOD + "dlmod lvs /usr/lib/snmp/dlmod/liblvs.so\n")
    finding = doctors.only(look(machine), State.WRONG)
    assert finding.text.startswith(f"{DROP_IN}:2: loads the module of 2001")
    assert finding.remedy == f"{commented(2, DROP_IN)} && {RESTART}"


def test_what_is_included_and_not_there(machine: doctors.Picture) -> None:
    machine.draw(DROP_IN, GOOD + "includeFile gone.conf\n")
    finding = doctors.only(look(machine), State.NOTE)
    assert finding.text == f"{DROP_IN}:2: gone.conf: no such file; snmpd reads the others"
