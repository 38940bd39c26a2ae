# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on the kernel's tables, from recordings and altered recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from lvs_agent.doctor import director
from lvs_agent.doctor.finding import State
from lvs_agent.kernel import procfs
from lvs_agent.kernel.netlink import Request
from lvs_agent.kernel.recording import ReplayedKernel
from tests.support import doctors
from tests.support.paths import DATA
from tests.support.recorded import AlteredKernel

DIRECTORS = DATA / "directors"
SYSCTL = "sys/net/ipv4/vs/"


def test_a_healthy_director() -> None:
    tables, findings = director.look(ReplayedKernel(DIRECTORS / "small"))
    assert tables == director.Director(True, 4, 6)
    assert doctors.states(findings) == [State.OK, State.OK]
    assert findings[0].text == "ip_vs is loaded (1.2.1): 4 virtual services, 2 real servers"


def test_no_module() -> None:
    tables, findings = director.look(ReplayedKernel(DIRECTORS / "absent"))
    assert not tables.loaded
    (finding,) = findings
    assert (finding.state, finding.remedy) == (State.WRONG, "modprobe ip_vs")


class Deaf(AlteredKernel):
    """A kernel that must not be asked: a request for the netlink family would load ip_vs."""

    def ask(self, request: Request) -> Iterator[bytes]:
        pytest.fail(f"asked {request}")


@pytest.mark.parametrize("name", ["small", "absent"])
def test_nothing_but_files_is_read(name: str) -> None:
    director.look(Deaf(folder=DIRECTORS / name))


def test_frozen_counters() -> None:
    _tables, findings = director.look(ReplayedKernel(DIRECTORS / "frozen"))
    finding = doctors.only(findings, State.WRONG)
    assert finding.remedy == "sysctl -w net.ipv4.vs.run_estimation=1"


def test_no_cpu_to_estimate_on() -> None:
    kernel = AlteredKernel(files={SYSCTL + "est_cpulist": "\n"})
    finding = doctors.only(director.look(kernel)[1], State.WRONG)
    assert "est_cpulist is empty" in finding.text
    value = (finding.remedy or "").rpartition("=")[2]
    assert value == Path("/sys/devices/system/cpu/online").read_text().strip()


def test_tables_that_may_not_be_read() -> None:
    kernel = AlteredKernel(files={procfs.IP_VS: PermissionError(13, "Permission denied")})
    tables, findings = director.look(kernel)
    assert tables == director.Director(True, None)
    assert doctors.states(findings)[0] == State.UNSEEN


def test_lines_that_are_not_understood() -> None:
    text = (DIRECTORS / "small/proc" / procfs.IP_VS).read_text() + "XYZ 00000000:0050 rr\n"
    _tables, findings = director.look(AlteredKernel(files={procfs.IP_VS: text}))
    assert findings[0].state == State.NOTE
    assert "XYZ" in findings[0].text


@pytest.mark.parametrize(
    ("services", "servers", "text"),
    [(0, 0, "0 virtual services, 0 real servers"), (1, 1, "1 virtual service, 1 real server")],
)
def test_counts_in_words(services: int, servers: int, text: str) -> None:
    assert director.count(services, servers) == text
