# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on lvs-agent watch, compared with how snmpd reads its configuration."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from lvs_agent.doctor import watch
from lvs_agent.doctor.finding import State
from lvs_agent.doctor.machine import Done
from lvs_agent.doctor.passline import Snmpd
from lvs_agent.doctor.remedy import command
from lvs_agent.netsnmp import snmpdconf
from lvs_agent.netsnmp.snmpdconf import LOCAL, Invocation
from tests.support import doctors

RESTART = command("systemctl", "restart", "snmpd")
SHOWN = """\
Result={result}
NRestarts=4
ExecStart={{ path=/usr/bin/lvs-agent ; argv[]=/usr/bin/lvs-agent watch{options} ; flags= ; }}
Id={id}
LoadState={load}
ActiveState={active}
SubState={sub}
UnitFileState={file}
"""
HEALTHY = {
    "result": "success",
    "options": "",
    "id": "lvs-agent-watch.service",
    "load": "loaded",
    "active": "active",
    "sub": "running",
    "file": "enabled",
}
SINK = "trap2sink 192.0.2.200 public\n"
MASTER = "master agentx\n"


@pytest.fixture
def machine(tmp_path: Path) -> doctors.Picture:
    drawn = doctors.Picture(tmp_path, {"/etc/snmp/snmpd.conf": doctors.DEBIAN + MASTER + SINK})
    drawn.path("/run/systemd/system").mkdir(parents=True)
    drawn.prints["agentxtrap"] = Done(0, "", "")
    drawn.draw(watch.AGENTX_SOCKET, mode=0o755)
    return drawn


def look(machine: doctors.Picture, **values: str) -> List[Tuple[State, str, str]]:
    machine.prints["systemctl"] = Done(0, SHOWN.format(**{**HEALTHY, **values}), "")
    config = snmpdconf.read(machine, Invocation())
    setup = Snmpd(doctors.process(), config, (), LOCAL, RESTART)
    found = watch.look(machine, setup)
    assert {finding.check for finding in found} <= {"watch"}
    return [(each.state, each.text, str(each.remedy)) for each in found]


def test_all_is_well(machine: doctors.Picture) -> None:
    assert [(state, text) for state, text, _ in look(machine)] == [
        (State.OK, "lvs-agent-watch.service runs"),
        (State.OK, "snmpd accepts notifications at /var/agentx/master"),
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"file": "disabled", "active": "inactive"},
        {"load": "not-found", "file": "", "active": "inactive"},
        {"id": "other.service"},
    ],
)
def test_a_watch_that_is_off_is_no_finding(
    machine: doctors.Picture, values: Dict[str, str]
) -> None:
    assert look(machine, **values) == []


def test_without_systemd_there_is_no_finding(machine: doctors.Picture) -> None:
    machine.path("/run/systemd/system").rmdir()
    assert look(machine) == []


@pytest.mark.parametrize(
    ("values", "state", "text", "remedy"),
    [
        (
            {"active": "inactive"},
            State.WRONG,
            "is enabled, but stopped",
            "systemctl start lvs-agent-watch.service",
        ),
        (
            {"active": "failed", "result": "exit-code"},
            State.WRONG,
            "exits as soon as it is started: exit-code, 4 restarts",
            "journalctl -u lvs-agent-watch.service -n 20",
        ),
        (
            {"active": "activating", "sub": "auto-restart"},
            State.WRONG,
            "exits as soon as it is started",
            "journalctl",
        ),
        (
            {"file": "disabled"},
            State.NOTE,
            "will not run after the next boot",
            "systemctl enable lvs-agent-watch.service",
        ),
    ],
)
def test_a_service_that_does_not_run(
    machine: doctors.Picture, values: Dict[str, str], state: State, text: str, remedy: str
) -> None:
    first = look(machine, **values)[0]
    assert first[0] == state
    assert text in first[1]
    assert first[2].startswith(remedy)


def test_without_agentxtrap_only_the_journal_has_events(machine: doctors.Picture) -> None:
    del machine.prints["agentxtrap"]
    assert look(machine)[1:] == [
        (
            State.NOTE,
            "the watch sends no notifications: agentxtrap is not installed",
            "apt install snmp",
        )
    ]
    assert len(look(machine, options=" --journal-only")) == 1


# lines of snmpd.conf, and whether this snmpd then has an AgentX socket
MASTERS = {
    "": False,
    "master agentx": True,
    "MASTER  agentx ": True,
    "master AgentX": False,
    "master agentx smux": False,
    "master 1": True,
    "master 0": False,
    "master agentx\nmaster smux": False,
    "master all": True,
    "master on": True,
    "master off": False,
    "master": False,
    "# master agentx": False,
    "master agentx\nmaster no": False,
    "master no\nmaster yes": True,
}


@pytest.mark.parametrize("lines", MASTERS)
def test_snmpd_makes_of_a_master_line_what_is_said_of_it(
    machine: doctors.Picture, tmp_path: Path, lines: str
) -> None:
    with doctors.daemon(tmp_path / "real", f"{lines}\nagentXSocket unix:{tmp_path}/agentx"):
        assert (tmp_path / "agentx").exists() == MASTERS[lines]
    machine.draw("/etc/snmp/snmpd.conf", f"{lines}\n{SINK}")
    finding = look(machine)[1]
    assert finding[0] == (State.OK if MASTERS[lines] else State.WRONG)
    if not MASTERS[lines]:
        assert "no line 'master agentx'" in finding[1]


def test_a_missing_master_line_is_added(machine: doctors.Picture) -> None:
    machine.draw("/etc/snmp/snmpd.conf", SINK)
    remedy = look(machine)[1][2]
    assert remedy.endswith(f" && {RESTART}")
    local = machine.path(LOCAL)
    subprocess.run(["sh", "-c", remedy.partition(" && ")[0].replace(LOCAL, str(local))], check=True)
    assert local.read_text() == "master agentx\n"
    assert look(machine)[1][0] == State.OK


def test_a_file_that_another_user_can_replace_is_not_changed(machine: doctors.Picture) -> None:
    machine.draw("/etc/snmp/snmpd.conf", SINK)
    os.chown(machine.path("/etc/snmp"), 65534, 65534)
    assert look(machine)[1][2] == "None"


@pytest.mark.parametrize("sink", watch.SINKS)
def test_a_receiver_is_one_by_any_line_that_snmpd_has_for_it(
    machine: doctors.Picture, tmp_path: Path, sink: str
) -> None:
    (note,) = _without_sink(machine)
    assert "add trap2sink, informsink or trapsess to /etc/snmp/snmpd.local.conf" in note
    arguments = "-v2c -c public 127.0.0.1:9" if sink == "trapsess" else "127.0.0.1:9 public"
    machine.draw("/etc/snmp/snmpd.conf", f"{MASTER}{sink} {arguments}\n")
    assert {state for state, _, _ in look(machine)} == {State.OK}
    with doctors.daemon(tmp_path / "real", f"{sink} {arguments}") as daemon:
        assert "Unknown token" not in daemon.log.read_text()


def _without_sink(machine: doctors.Picture) -> List[str]:
    machine.draw("/etc/snmp/snmpd.conf", MASTER)
    return [text for state, text, _ in look(machine) if state == State.NOTE]


def test_sockets_that_differ(machine: doctors.Picture) -> None:
    other = "agentXSocket unix:/run/other\n"
    machine.draw("/etc/snmp/snmpd.conf", MASTER + SINK + other)
    state, text, remedy = look(machine)[1]
    assert state == State.WRONG
    assert text == (
        "the watch uses the AgentX socket /var/agentx/master, but snmpd's is /run/other"
        " (/etc/snmp/snmpd.conf:3)"
    )
    assert remedy == "systemctl edit lvs-agent-watch.service"
    machine.draw("/run/other")
    for options in (" --agentx /run/other", " --agentx=unix:/run/other --interval 5"):
        assert look(machine, options=options)[1][0] == State.OK
    machine.draw("/etc/snmp/snmpd.conf", f"{MASTER}{SINK}agentXSocket tcp:localhost:705\n")
    assert len(look(machine, options=" --agentx tcp:localhost:705")) == 1


def test_one_of_several_sockets(machine: doctors.Picture, tmp_path: Path) -> None:
    real = f"unix:{tmp_path}/one,unix:{tmp_path}/two"
    with doctors.daemon(tmp_path / "real", f"{MASTER}agentXSocket {real}"):
        assert (tmp_path / "one").exists()
        assert (tmp_path / "two").exists()
    both = "agentXSocket tcp:localhost:705,unix:/var/agentx/master\n"
    machine.draw("/etc/snmp/snmpd.conf", MASTER + SINK + both)
    assert look(machine)[1][0] == State.OK
    text = look(machine, options=" --agentx /run/other")[1][1]
    assert "snmpd's is tcp:localhost:705,/var/agentx/master (" in text


def test_a_socket_that_is_not_there(machine: doctors.Picture) -> None:
    machine.path(watch.AGENTX_SOCKET).unlink()
    state, text, remedy = look(machine)[1]
    assert (state, remedy) == (State.WRONG, RESTART)
    assert text.endswith("does not exist")


def test_a_socket_of_another_user(machine: doctors.Picture) -> None:
    os.chown(machine.path(watch.AGENTX_SOCKET), 65534, 65534)
    state, text, _ = look(machine)[1]
    assert state == State.WRONG
    assert text.startswith("/var/agentx/master belongs to nobody")
