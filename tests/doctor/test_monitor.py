# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on monitor lines, compared with the triggers that a real snmpd creates for them."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

import pytest

from lvs_agent.doctor import asking, monitor
from lvs_agent.doctor.finding import Finding, State
from lvs_agent.doctor.machine import Machine
from lvs_agent.doctor.passline import Snmpd
from lvs_agent.doctor.remedy import command
from lvs_agent.netsnmp import snmpdconf
from lvs_agent.netsnmp.snmpdconf import Invocation
from tests.support import doctors
from tests.support.lvsmib import BASE
from tests.support.paths import CONTRIB

RECIPES = CONTRIB / "recipes"
USER = f'createUser self SHA "a secret of self"\nrouser self auth {BASE}\n'
NAMED = f"{USER}iquerySecName self\n"
UP = f'monitor -r 60 "no real server" {BASE}.21.1.12 < 1\n'
OTHER = 'monitor -r 60 "up" .1.3.6.1.2.1.1.3.0 > 0\n'

# mteTriggerComment and mteEventComment, columns in which a row of net-snmp has an empty text; the
# traps of monitor lines need a row of each table
TRIGGERS, EVENTS = ".1.3.6.1.2.1.88.1.2.2.1.3", ".1.3.6.1.2.1.88.1.4.2.1.2"

# options of snmpd and lines, and a part of the finding: "" if the lines work, None if none is due
CASES = {
    "they work": ("", NAMED + UP, ""),
    "as of Debian's drop-in": ("-I -smux", NAMED + UP, ""),
    "modules without which they work": ("-I -mteTrigger,mteEventConf", NAMED + UP, ""),
    "the old name of the token": ("", f"{USER}agentSecName self\n{UP}", ""),
    "the user in the line": ("", USER + UP.replace("-r 60", "-r 60 -u self"), ""),
    "as Debian starts it": (
        "-I -smux,mteTrigger,mteTriggerConf",
        NAMED + UP,
        "disables mteTriggerConf",
    ),
    "an exclamation mark": ("-I !mteTriggerConf", NAMED + UP, "disables mteTriggerConf"),
    "no traps": ("-I -mteEvent", NAMED + UP, "disables mteEvent"),
    "no queries": ("-I -iquery", NAMED + UP, "disables iquery"),
    "a list of others": (
        "-I snmp_mib,system_mib,vacm_conf,vacm_vars,usmConf",
        NAMED + UP,
        "disables mteTriggerConf, iquery, mteEvent",
    ),
    "no user": ("", USER + UP, "snmpd.conf:3: no traps: no line iquerySecName"),
    "an empty name": ("", f"{USER}iquerySecName\n{UP}", "snmpd.conf:4: no traps: no line"),
    "another MIB": ("-I -mteTriggerConf", NAMED + OTHER, None),
    "another MIB without a user": ("", USER + OTHER, None),
    "no lines": ("-I -mteTriggerConf", NAMED, None),
    "a comment": ("-I -mteTriggerConf", f"{NAMED}# {UP}", None),
}


def described(machine: Machine, config: Path) -> Snmpd:
    found = snmpdconf.read(machine, Invocation((str(config),), only=True))
    restart = command("systemctl", "restart", "snmpd")
    return Snmpd(doctors.process(), found, (), str(config), restart)


@pytest.mark.parametrize("case", CASES)
def test_the_finding_is_true(tmp_path: Path, case: str) -> None:
    options, lines, expected = CASES[case]
    with doctors.daemon(tmp_path, lines, options.split()) as daemon:
        tables = [daemon.ask("snmpwalk", each, community="probe") for each in (TRIGGERS, EVENTS)]
        machine = doctors.Beside(daemon.pid)
        (process,) = machine.processes()
        findings = monitor.look(machine, asking.read(machine, process))
    works = all(' = ""' in table for table in tables)
    if expected is None:
        assert findings == []
        return
    (finding,) = findings
    assert works == (expected == "")
    assert finding.state == (State.WRONG if expected else State.OK)
    assert expected in finding.text
    assert str(daemon.config) in finding.text


def look(lines: str, tmp_path: Path, *told: str) -> Tuple[doctors.Picture, List[Finding]]:
    """Return a machine with systemd whose snmpd has these arguments, and its findings."""
    machine = doctors.Picture(tmp_path, {"/run/systemd/system/x": "", "/conf": lines})
    machine.told = list(told)
    return machine, monitor.look(machine, described(machine, Path("/conf")))


@pytest.mark.parametrize(
    ("oid", "ours"),
    [
        (f"{BASE}.21.1.12", True),
        (BASE.lstrip("."), True),
        ("enterprises.8225.4711.26.2", True),
        ("lvsVsRealServersUp", True),
        ("LVS-MIB::lvsAgentStatus.0", True),
        ("lvsVsRealServersUpper", False),
        (".1.3.6.1.4.1.8225.47110.1", False),
        (".1.3.6.1.4.1", False),
        ("laErrorFlag", False),
    ],
)
def test_lines_about_the_mib(tmp_path: Path, oid: str, ours: bool) -> None:
    line = f'{NAMED}monitor -r 60 -o ifDescr "x" {oid} < 1\n'
    _, findings = look(line, tmp_path, "/usr/sbin/snmpd", "-f")
    assert doctors.states(findings) == [State.OK] * ours


def test_the_lines_of_the_recipe_are_found(tmp_path: Path) -> None:
    text = (RECIPES / "traps.conf").read_text()
    numbers = [str(n) for n, line in enumerate(text.split("\n"), 1) if line.startswith("monitor")]
    _, (finding,) = look(text, tmp_path, "/usr/sbin/snmpd", "-f")
    assert finding.state == State.OK
    assert finding.text.startswith(f"/conf:{','.join(numbers)}: ")


def test_the_fix_is_the_drop_in_of_the_recipe(tmp_path: Path) -> None:
    machine, (finding,) = look(NAMED + UP, tmp_path, *monitor.DEBIAN)
    lines = (RECIPES / "snmpd-monitor.conf").read_text().splitlines()
    assert list(monitor.LINES) == [line for line in lines if line and not line.startswith("#")]
    printed = f"printf '%s\\n' '[Service]' ExecStart= '{monitor.LINES[2]}' >> {monitor.DROP_IN}"
    again = "systemctl daemon-reload && systemctl restart snmpd"
    folder = "/etc/systemd/system/snmpd.service.d"
    assert finding.remedy == f"mkdir -p {folder} && {printed} && {again}"
    # installed, but snmpd was not restarted
    machine.draw(monitor.DROP_IN)
    (finding,) = monitor.look(machine, described(machine, Path("/conf")))
    assert finding.remedy == again


def test_no_fix_is_given_for_another_command(tmp_path: Path) -> None:
    _, (finding,) = look(NAMED + UP, tmp_path, *monitor.DEBIAN, "udp:161")
    assert (finding.state, finding.remedy) == (State.WRONG, None)


def test_a_file_that_was_not_read_may_name_the_user(tmp_path: Path) -> None:
    machine = doctors.Picture(tmp_path, {"/conf": UP})
    running = described(machine, Path("/conf"))
    assert doctors.states(monitor.look(machine, running)) == [State.WRONG]
    running.config.closed.append("/etc/snmp/snmpd.conf.d/secret.conf")
    assert doctors.states(monitor.look(machine, running)) == [State.OK]
