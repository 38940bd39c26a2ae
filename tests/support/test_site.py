# SPDX-License-Identifier: GPL-3.0-or-later
"""The site and the watcher notice a fault that does harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict

import pytest

from lvs_agent.codes import Status
from tests.support import collectors, snmpd
from tests.support import site as sites
from tests.support.collectors import Connection
from tests.support.lvsmib import place
from tests.support.made_kernel import MadeKernel
from tests.support.site import Site, collector_of, expected, site
from tests.support.watch import LONGEST, waited_for_processor, watched


def test_a_snmpd_that_does_not_answer_for_longer_than_a_second_is_seen(tmp_path: Path) -> None:
    with snmpd.running(tmp_path / "snmpd", "/bin/cat") as agent:
        with watched(agent) as watcher:
            while not watcher.seconds:
                agent.get(snmpd.SYS_UP_TIME)
        with pytest.raises(AssertionError, match="sysUpTime took"), watched(agent):
            stop_for(LONGEST + 0.2, agent.pid)


def test_waiting_for_a_processor_is_told_from_working() -> None:
    """Run two programs that compute on one processor, so that each waits for the other."""
    code = f"import os; os.sched_setaffinity(0, [{min(os.sched_getaffinity(0))}])\nwhile 1: pass"
    with (
        subprocess.Popen([sys.executable, "-c", code]) as one,
        subprocess.Popen([sys.executable, "-c", code]) as other,
    ):
        try:
            waited: Dict[int, int] = {}
            while min(waited.values(), default=0) < 1e8:
                waited = waited_for_processor([one.pid, other.pid])
        finally:
            one.kill()
            other.kill()


def stop_for(seconds: float, pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_counter_that_goes_back_is_seen(tmp_path: Path) -> None:
    count = [7]

    def answer(connection: Connection) -> None:
        connection.sendall(collectors.encoded(collectors.service(1, count[0])))

    with site(tmp_path) as director, collectors.at(director.path, answer):
        seen(director, 7)
        count[0] = 6
        with pytest.raises(AssertionError, match="went back to 6"):
            seen(director, 6)


def seen(director: Site, value: int) -> None:
    """Walk until the counter has a value."""
    conns = place("lvsVsConns", 1, 4, 192, 0, 2, 1, 6, 80)
    while director.walk().values.get(conns) != f"Counter64: {value}":
        pass


def test_a_row_that_lacks_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "LIMIT", 1.0)
    with site(tmp_path) as director, collector_of(director.path, MadeKernel(3)):
        director.until(Status.OK, expected())
        with pytest.raises(AssertionError, match="lacks"):
            director.until(Status.OK, expected([1, 2, 3, 4]))
