# SPDX-License-Identifier: GPL-3.0-or-later
"""The time when sysUpTime began, and one lookup tree for each snapshot."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from lvs_agent.boundary.connections import connect_to
from lvs_agent.responder.backend import LvsBackend
from lvs_agent.responder.feed import Feed, Patience
from lvs_agent.responder.parent import process_started
from tests.support import collectors
from tests.support.lvsmib import place


def boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def test_a_process_began_when_it_was_started() -> None:
    before = boottime()
    # a name with spaces and brackets, which /proc/PID/stat does not quote
    process = subprocess.Popen(["bash", "-c", "exec -a 'a) b (c' sleep 60"])
    try:
        # starttime is in clock ticks of 0.01 s, rounded down
        assert before - 0.011 <= process_started(process.pid) <= boottime()
    finally:
        process.kill()
        process.wait()


def test_a_process_that_cannot_be_seen_began_now() -> None:
    before = boottime()
    assert before <= process_started(0) <= boottime()
    assert process_started(os.getpid()) < before


def test_a_tree_is_made_once_for_each_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "collector.sock"

    def answer(connection: collectors.Connection) -> None:
        connection.sendall(collectors.encoded(collectors.service(1)))

    with collectors.at(path, answer):
        responder = LvsBackend(Feed(lambda: connect_to(path), Patience()), boottime(), True)
        tree = responder.tree()
        assert tree.get(place("lvsServiceNumber", 1)) is not None
        assert responder.tree() is tree
