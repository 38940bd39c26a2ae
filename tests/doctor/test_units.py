# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on the collector's units, from the output of systemctl show."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import pytest

from lvs_agent.doctor import units
from lvs_agent.doctor.finding import State
from lvs_agent.doctor.machine import Done
from lvs_agent.doctor.units import Units
from tests.support import doctors
from tests.support.doctors import HEALTHY, OWN, SHOWN

ENABLE = "systemctl enable --now lvs-agent.socket"
RENAMED = f"mv -T --backup=numbered {OWN} {OWN}.old && systemctl daemon-reload"


def shown(**values: str) -> Units:
    return Units(doctors.Picture(Path("/none")), SHOWN.format(**{**HEALTHY, **values}))


def test_healthy_units() -> None:
    found = shown()
    assert doctors.states(found.socket()) == [State.OK]
    assert found.drop_ins() == []
    assert found.failed() is None
    assert found.fix() == "systemctl restart lvs-agent.service"


@pytest.mark.parametrize(
    ("values", "state", "remedy"),
    [
        ({"load": "masked"}, State.WRONG, f"systemctl unmask lvs-agent.socket && {ENABLE}"),
        ({"load": "bad-setting"}, State.WRONG, "systemd-analyze verify lvs-agent.socket"),
        (
            {"load": "bad-setting", "drop_in": OWN.format("socket")},
            State.WRONG,
            f"{RENAMED.format('socket', 'socket')} && {ENABLE}",
        ),
        ({"active": "inactive"}, State.WRONG, ENABLE),
        ({"active": "inactive", "file": "disabled"}, State.WRONG, ENABLE),
        (
            {"active": "failed", "result": "service-start-limit-hit"},
            State.WRONG,
            "journalctl -u lvs-agent.socket -n 20 && systemctl restart lvs-agent.socket",
        ),
        ({"file": "disabled"}, State.NOTE, "systemctl enable lvs-agent.socket"),
    ],
)
def test_a_socket_that_is_not_well(values: dict[str, str], state: State, remedy: str) -> None:
    (finding,) = shown(**values).socket()
    assert (finding.state, finding.remedy) == (state, remedy)


@pytest.mark.parametrize(
    ("values", "said", "remedy"),
    [
        (
            {"service_load": "masked"},
            "is masked",
            "systemctl unmask lvs-agent.service && systemctl restart lvs-agent.socket",
        ),
        (
            {"service": "activating", "sub": "auto-restart", "service_result": "exit-code"},
            "exit-code, 12 restarts",
            "journalctl -u lvs-agent.service -n 20",
        ),
        (
            {"service": "failed", "service_drop_in": OWN.format("service")},
            "exits as soon as it is started",
            f"{RENAMED.format('service', 'service')} && systemctl restart lvs-agent.service",
        ),
    ],
)
def test_a_service_that_does_not_start(values: dict[str, str], said: str, remedy: str) -> None:
    finding = shown(**values).failed()
    assert finding is not None
    assert (finding.state, finding.remedy) == (State.WRONG, remedy)
    assert said in finding.text


def test_what_an_administrator_changed_is_told_and_renamed() -> None:
    found = shown(service_drop_in=OWN.format("service"))
    assert doctors.states(found.drop_ins()) == [State.NOTE]
    restart = "systemctl restart lvs-agent.service"
    assert found.fix() == f"{RENAMED.format('service', 'service')} && {restart}"


@pytest.mark.parametrize(
    ("values", "begins"),
    [
        ({}, "systemctl restart lvs-agent.socket"),
        (
            {"group": "root"},
            "mkdir -p /etc/systemd/system/lvs-agent.socket.d && printf '%s\\n' '[Socket]'",
        ),
    ],
)
def test_the_socket_is_opened_to_a_group(values: dict[str, str], begins: str) -> None:
    command = shown(**values).open_to("Debian-snmp")
    assert command is not None
    assert command.startswith(begins)
    assert command.endswith("systemctl restart lvs-agent.socket")


def test_an_instance_has_units_of_its_own_and_keeps_its_drop_ins(tmp_path: Path) -> None:
    name = units.named("/run/lvs-agent/collector@lb.sock")
    machine = doctors.Picture(tmp_path, {"/run/systemd/system/x": ""})
    template = SHOWN.replace("lvs-agent.", "lvs-agent@lb.")
    drop_in = "/etc/systemd/system/lvs-agent@lb.service.d/namespace.conf"

    def instance(**values: str) -> Units:
        machine.prints["systemctl"] = Done(0, template.format(**{**HEALTHY, **values}), "")
        return units.ask(machine, name)

    (finding,) = instance(active="inactive").socket()
    assert finding.remedy == "systemctl enable --now lvs-agent@lb.socket"
    failed = {"service": "activating", "sub": "auto-restart", "service_result": "exit-code"}
    found = instance(service_drop_in=drop_in, **failed)
    assert doctors.states(found.drop_ins()) == [State.NOTE]
    assert found.fix() == "systemctl restart lvs-agent@lb.service"
    finding = found.failed() or finding
    assert finding.remedy == "journalctl -u lvs-agent@lb.service -n 20"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/run/lvs-agent/collector.sock", "lvs-agent"),
        ("/run/lvs-agent/collector@1-x:y.z_.sock", "lvs-agent@1-x:y.z_"),
        ("/run/lvs-agent/collector@a/b.sock", None),
        ("/run/lvs-agent/collector@.sock", None),
        ("/run/lb/collector.sock", None),
    ],
)
def test_the_units_of_a_socket(path: str, name: Optional[str]) -> None:
    assert units.named(path) == name


def test_a_socket_that_was_removed() -> None:
    (finding,) = shown().without_socket("/run/x")
    assert finding.state == State.WRONG
    assert finding.remedy == "systemctl restart lvs-agent.socket"
    (finding,) = shown(active="inactive").without_socket("/run/x")
    assert finding.remedy == ENABLE


def test_no_units_say_nothing() -> None:
    for found in (
        Units(doctors.Picture(Path("/none"))),
        shown(load="not-found", service_load="not-found"),
    ):
        assert found.socket() == []
        assert found.failed() is None
        assert found.fix() is None
        assert found.open_to("g") is None


@pytest.mark.parametrize("done", [None, Done(1, "", "Failed to connect to bus: Host is down\n")])
def test_a_systemd_that_does_not_answer(tmp_path: Path, done: Optional[Done]) -> None:
    machine = doctors.Picture(tmp_path, {"/run/systemd/system/x": ""})
    if done is not None:
        machine.prints["systemctl"] = done
    (finding,) = units.ask(machine).socket()
    assert finding.state == State.UNSEEN


def test_a_machine_without_systemd_is_not_asked(tmp_path: Path) -> None:
    machine = doctors.Picture(tmp_path)
    machine.prints["systemctl"] = Done(0, SHOWN.format(**{**HEALTHY, "load": "masked"}), "")
    assert units.ask(machine).socket() == []
    machine.draw("/run/systemd/system/x")
    assert doctors.states(units.ask(machine).socket()) == [State.WRONG]
