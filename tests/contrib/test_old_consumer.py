# SPDX-License-Identifier: GPL-3.0-or-later
"""A script for the legacy tables, while services come and go between its three queries."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Iterator, List

import pytest

from lvs_agent.services import VirtualService
from lvs_agent.snapshot import Snapshot
from tests.support import builders, directors
from tests.support.directors import SimulatedDirector

SCRIPT = Path(__file__).with_name("service-bytes")
WANTED = 443
GONE = "No Such Instance currently exists at this OID"

# runs the real tool, reports on $ANSWERED when it is done, and waits for a line on $GO
WRAPPER = """#!/bin/sh
/usr/bin/{tool} "$@"
echo > "$ANSWERED"
read -r _ < "$GO"
"""

Farm = List[VirtualService]


def farm(*ports: int) -> Farm:
    """Return a service at each port, with 1000 times the port's number in bytes."""
    return [
        builders.service("192.0.2.10", port, counters=directors.counted(port * 1000))
        for port in ports
    ]


# the services before the script, and after each of its two walks
CHANGES = {
    "nothing": [farm(80, WANTED, 993)] * 3,
    "one before it goes": [farm(25, 80, WANTED), farm(80, WANTED), farm(WANTED)],
    "one before it comes": [farm(WANTED), farm(80, WANTED), farm(25, 80, WANTED)],
    "others take turns": [farm(21, WANTED), farm(WANTED, 25), farm(80, 8080, WANTED)],
    "the kernel changes the order": [farm(80, WANTED, 25), farm(25, 80, WANTED), farm(WANTED, 25)],
}


def by_position(snapshot: Snapshot) -> None:
    """Number services as net-snmp-lvs-module did, by their places in the kernel's list."""
    for number, service in enumerate(snapshot.services, 1):
        service.number = number


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path_factory.mktemp("director")) as running:
        yield running


@pytest.fixture(scope="module")
def old_director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path_factory.mktemp("old"), annotate=by_position) as running:
        yield running


def asked(director: SimulatedDirector, folder: Path, changes: List[Farm]) -> str:
    """Return the script's output, with one farm for each of its queries."""
    answered, go = folder / "answered", folder / "go"
    os.mkfifo(answered)
    os.mkfifo(go)
    for tool in ("snmpwalk", "snmpget"):
        (folder / tool).write_text(WRAPPER.format(tool=tool))
        (folder / tool).chmod(0o755)
    environment = {
        **director.snmpd.environment,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "ANSWERED": str(answered),
        "GO": str(go),
    }
    director.serve(*changes[0])
    with subprocess.Popen(
        [SCRIPT, director.address, "public", "192.0.2.10", str(WANTED)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as script:
        assert script.stdout is not None
        for farm in [*changes[1:], []]:
            answered.read_text()
            director.serve(*farm)
            go.write_text("\n")
        return script.stdout.read().strip()


@pytest.mark.parametrize("changes", CHANGES)
def test_the_script_reads_the_service_it_was_asked_for(
    director: SimulatedDirector, tmp_path: Path, changes: str
) -> None:
    assert asked(director, tmp_path, CHANGES[changes]) == str(WANTED * 1000)


def test_a_service_that_goes_reads_as_gone_and_not_as_another(
    director: SimulatedDirector, tmp_path: Path
) -> None:
    changes = [farm(80, WANTED, 993), farm(80, WANTED, 993), farm(80, 993)]
    assert asked(director, tmp_path, changes) == GONE


def test_numbers_by_position_read_anothers_bytes(
    old_director: SimulatedDirector, tmp_path: Path
) -> None:
    changes = [farm(80, WANTED, 993), farm(80, WANTED, 993), farm(WANTED, 993)]
    assert asked(old_director, tmp_path, changes) == str(993 * 1000)
