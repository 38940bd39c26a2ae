# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on a collector, from the answers of one at a socket."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Callable, Dict, List

import pytest

from lvs_agent.boundary import wire
from lvs_agent.codes import Status
from lvs_agent.doctor import collector
from lvs_agent.doctor.collector import SOCKET_PATH
from lvs_agent.doctor.director import Director
from lvs_agent.doctor.finding import Finding, State
from lvs_agent.doctor.machine import Done, Process
from lvs_agent.snapshot import Snapshot
from tests.support import collectors, doctors
from tests.support.doctors import HEALTHY, OWN, SHOWN
from tests.support.users import as_user

ADMIN = 0x1000
INITIAL = "user:[4026531837]"
NOBODY = 65534
LOADED = Director(True, 2)
RESTART = "systemctl restart lvs-agent.service"
Answer = Callable[[collectors.Connection], None]


@pytest.fixture
def machine(tmp_path: Path) -> doctors.Picture:
    drawn = doctors.Picture(tmp_path)
    drawn.path(SOCKET_PATH).parent.mkdir(parents=True)
    return drawn


def systemd(machine: doctors.Picture, **values: str) -> None:
    values.setdefault("pid", str(os.getpid()))
    machine.draw("/run/systemd/system/x")
    machine.prints["systemctl"] = Done(0, SHOWN.format(**{**HEALTHY, **values}), "")


def running(machine: doctors.Picture, capabilities: int = ADMIN, **spaces: str) -> Process:
    """Let this process, which listens at the socket, have these properties, and a user's not."""
    forged = doctors.process("lvs-agent", pid=9, uid=4242, started=1.0)
    process = doctors.process("lvs-agent", pid=os.getpid(), uid=61234, capabilities=capabilities)
    machine.running = [forged, process]
    machine.spaces = {os.getpid(): spaces, 7: {"net": "net:[1]"}}
    return process


def answers(snapshot: Snapshot) -> Answer:
    return lambda connection: connection.sendall(b"".join(wire.encode(snapshot)))


def healthy() -> Snapshot:
    return collectors.snapshot(collectors.service(1), collectors.service(2, servers=2))


def ailing(status: Status, text: str = "as it is") -> Snapshot:
    snapshot = collectors.snapshot()
    snapshot.status, snapshot.text = status, text
    return snapshot


def look(
    machine: doctors.Picture, answer: Answer, director: Director = LOADED, uid: int = 0
) -> List[Finding]:
    with collectors.at(machine.path(SOCKET_PATH), answer):
        return collector.look(machine, director, doctors.process(uid=uid))


def by_check(findings: List[Finding]) -> Dict[str, State]:
    return {finding.check: finding.state for finding in findings}


def test_a_healthy_collector(machine: doctors.Picture) -> None:
    systemd(machine)
    running(machine, net="net:[1]", user=INITIAL)
    machine.path(SOCKET_PATH).parent.chmod(0o750)
    before = os.umask(0o117)
    try:
        findings = look(machine, answers(healthy()))
    finally:
        os.umask(before)
    assert set(doctors.states(findings)) == {State.OK}
    assert [each.check for each in findings] == ["units", "socket", "collector", "privilege"]
    assert findings[2].text.endswith("ms: 2 virtual services, 3 real servers")


@pytest.mark.parametrize(
    ("snmpd", "state", "said"),
    [
        (None, State.NOTE, "no collector; root's snmpd in the initial user namespace needs none"),
        (doctors.process(uid=0), State.OK, "none is needed: snmpd runs as root"),
        (doctors.process(uid=4242), State.WRONG, "snmpd runs as 4242"),
    ],
)
def test_no_collector_matters_by_who_snmpd_is(
    machine: doctors.Picture, snmpd: Process, state: State, said: str
) -> None:
    (finding,) = collector.look(machine, LOADED, snmpd)
    assert finding.state == state
    assert said in finding.text


def test_a_stopped_socket_of_an_instance(machine: doctors.Picture) -> None:
    systemd(machine)
    machine.prints["systemctl"] = Done(
        0, SHOWN.replace("agent.", "agent@lb.").format(**{**HEALTHY, "active": "inactive"}), ""
    )
    at = "/run/lvs-agent/collector@lb.sock"
    (finding,) = collector.look(machine, LOADED, doctors.process(uid=4242), at)
    assert finding.remedy == "systemctl enable --now lvs-agent@lb.socket"


def test_a_stopped_socket_is_the_only_thing_said(machine: doctors.Picture) -> None:
    systemd(machine, active="inactive")
    (finding,) = collector.look(machine, LOADED, doctors.process(uid=4242))
    assert finding.remedy == "systemctl enable --now lvs-agent.socket"


def test_a_socket_that_snmpd_may_not_use(machine: doctors.Picture) -> None:
    systemd(machine, group="root", drop_in=OWN.format("socket"))
    before = os.umask(0o177)
    try:
        findings = look(machine, answers(healthy()), uid=4242)
    finally:
        os.umask(before)
    finding = doctors.only(findings, State.WRONG)
    assert finding.check == "socket"
    assert "collector.sock (root:root 0600): snmpd (4242) may not connect" in finding.text
    assert "SocketGroup=4242" in (finding.remedy or "")


def test_a_socket_for_everybody_is_worth_a_note(machine: doctors.Picture) -> None:
    before = os.umask(0)
    try:
        findings = look(machine, answers(healthy()))
    finally:
        os.umask(before)
    finding = doctors.only(findings, State.NOTE)
    assert finding.remedy == f"chgrp root {SOCKET_PATH} && chmod 0660 {SOCKET_PATH}"


def test_no_command_changes_a_socket_that_another_user_can_replace(
    machine: doctors.Picture,
) -> None:
    os.chown(machine.path(SOCKET_PATH).parent, 65534, 65534)
    before = os.umask(0)
    try:
        findings = look(machine, answers(healthy()))
    finally:
        os.umask(before)
    assert doctors.only(findings, State.NOTE).remedy is None


def test_a_file_that_is_no_socket(machine: doctors.Picture) -> None:
    machine.draw(SOCKET_PATH)
    (finding,) = collector.look(machine, LOADED, None)
    assert finding.state == State.WRONG
    assert finding.remedy == f"mv -T --backup=numbered {SOCKET_PATH} {SOCKET_PATH}.old"


def test_no_capability(machine: doctors.Picture) -> None:
    systemd(machine, service_drop_in=OWN.format("service"))
    running(machine, capabilities=0)
    finding = doctors.only(look(machine, answers(ailing(Status.NO_STATISTICS))), State.WRONG)
    assert finding.text == (
        "the collector may not read the kernel's tables: it lacks cap_net_admin"
        " (its capabilities: none)"
    )
    own = OWN.format("service")
    assert (finding.remedy or "").startswith(f"mv -T --backup=numbered {own} {own}.old && ")
    assert (finding.remedy or "").endswith(f" && {RESTART}")


def test_another_capability(machine: doctors.Picture) -> None:
    running(machine, capabilities=0x2000)
    finding = doctors.only(look(machine, answers(ailing(Status.NO_STATISTICS))), State.WRONG)
    assert "it lacks cap_net_admin (its capabilities: 0x2000)" in finding.text


def test_a_capability_that_does_not_count(machine: doctors.Picture) -> None:
    running(machine, user="user:[2]")
    finding = doctors.only(look(machine, answers(ailing(Status.NO_STATISTICS))), State.WRONG)
    assert "cap_net_admin in the initial one" in finding.text
    running(machine, user=INITIAL)
    finding = doctors.only(look(machine, answers(ailing(Status.NO_STATISTICS))), State.WRONG)
    assert finding.text.endswith("as it is")


def test_a_network_namespace_of_its_own(machine: doctors.Picture) -> None:
    running(machine, net="net:[2]")
    findings = look(machine, answers(collectors.snapshot()))
    assert "PrivateNetwork=yes" in doctors.only(findings, State.WRONG).text
    for findings in (
        look(machine, answers(healthy())),
        look(machine, answers(collectors.snapshot()), Director(True, 0)),
    ):
        assert "another network namespace" in doctors.only(findings, State.NOTE).text
        assert State.WRONG not in doctors.states(findings)


def test_a_collector_that_does_not_see_the_module(machine: doctors.Picture) -> None:
    findings = look(machine, answers(ailing(Status.NO_IPVS)), Director(True, 0))
    assert doctors.only(findings, State.WRONG).check == "collector"


def test_without_the_module_it_waits(machine: doctors.Picture) -> None:
    findings = look(machine, answers(ailing(Status.NO_IPVS)), Director(False))
    assert by_check(findings)["collector"] == State.OK


def test_an_empty_director_is_none_of_the_collectors_faults(machine: doctors.Picture) -> None:
    findings = look(machine, answers(collectors.snapshot()), Director(True, 0))
    assert by_check(findings)["collector"] == State.OK


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("row numbers are not saved: no room", RESTART),
        ("read errors: 1, the first: x", "lvs-agent record /root/lvs-agent-record"),
    ],
)
def test_what_the_collector_says_itself(machine: doctors.Picture, text: str, remedy: str) -> None:
    systemd(machine)
    finding = doctors.only(look(machine, answers(ailing(Status.DEGRADED, text))), State.WRONG)
    assert finding.text == f"the collector reports: {text}"
    assert finding.remedy == remedy


def test_more_than_it_needs(machine: doctors.Picture) -> None:
    running(machine, capabilities=0x1FFFFFFFFFF)
    finding = doctors.only(look(machine, answers(healthy())), State.NOTE)
    assert finding.check == "privilege"
    assert "0x1ffffffffff" in finding.text


def older_version(connection: collectors.Connection) -> None:
    connection.sendall(collectors.encoded().replace(b'"took"', b'"lasted"', 1))


def nonsense(connection: collectors.Connection) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (older_version, "another version; restart it"),
        (nonsense, "not work: cannot read"),
        (lambda connection: None, "truncated"),
    ],
)
def test_an_answer_that_cannot_be_used(machine: doctors.Picture, answer: Answer, said: str) -> None:
    systemd(machine)
    finding = doctors.only(look(machine, answer), State.WRONG)
    assert said in finding.text
    assert finding.remedy == RESTART


def test_a_service_that_does_not_start_is_the_reason(machine: doctors.Picture) -> None:
    systemd(machine, service="activating", sub="auto-restart", service_result="exit-code")
    finding = doctors.only(look(machine, lambda connection: None), State.WRONG)
    assert finding.check == "units"


def test_a_silent_collector_is_not_waited_for_long(
    machine: doctors.Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "FETCH_SECONDS", 0.2)
    held: List[collectors.Connection] = []
    began = time.monotonic()
    with collectors.at(machine.path(SOCKET_PATH), lambda each: held.append(each.dup())):
        findings = collector.look(machine, LOADED, None)
    assert time.monotonic() - began < 5
    assert doctors.only(findings, State.WRONG).check == "collector"


def test_an_ordinary_user_may_not_ask(machine: doctors.Picture, tmp_path: Path) -> None:
    with collectors.at(machine.path(SOCKET_PATH), answers(healthy())):
        machine.path(SOCKET_PATH).chmod(0o660)
        for folder in (tmp_path, *machine.path(SOCKET_PATH).parents[:2]):
            folder.chmod(0o755)
        # reach the folder by a descriptor, as this user may not enter the folders above it
        at = os.open(tmp_path, os.O_RDONLY)

        def states() -> str:
            machine.root = Path(f"/proc/self/fd/{at}")
            found = collector.look(machine, LOADED, doctors.process(uid=NOBODY))
            return " ".join(each.state.value for each in found)

        try:
            assert "unseen" in as_user(NOBODY, states).split()
        finally:
            os.close(at)
