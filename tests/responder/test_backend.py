# SPDX-License-Identifier: GPL-3.0-or-later
"""The time when sysUpTime began, and one lookup tree for each snapshot."""

from __future__ import annotations

import os
import select
import subprocess
import time
from pathlib import Path
from typing import List

from lvs_agent.aliases import AliasFile
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
        responder = LvsBackend(Feed(lambda: connect_to(path), Patience()), None, boottime(), True)
        tree = responder.tree()
        assert tree.get(place("lvsServiceNumber", 1)) is not None
        assert responder.tree() is tree


def test_a_new_snapshot_has_the_aliases_of_the_file_as_it_is_then(tmp_path: Path) -> None:
    path, file = tmp_path / "collector.sock", tmp_path / "aliases"
    file.write_text("TCP 192.0.2.1:80 shop\n10.0.0.1 web1\n192.0.2.1 front\n")

    def answer(connection: collectors.Connection) -> None:
        connection.sendall(collectors.encoded(collectors.service(1)))

    def aliases() -> List[object]:
        """Return the aliases in a new snapshot."""
        tree = responder.tree()
        vip, rip = (1, 4, 192, 0, 2, 1), (1, 4, 10, 0, 0, 1)
        places = [
            place("lvsVsAlias", *vip, 6, 80),
            place("lvsRsAlias", *vip, 6, 80, *rip, 80),
            place("lvsVipAlias", *vip),
            place("lvsRipAlias", *rip),
        ]
        return [found.value for found in map(tree.get, places) if found is not None]

    with collectors.at(path, answer):
        feed = Feed(lambda: connect_to(path), Patience(max_age=0.0))
        responder = LvsBackend(feed, AliasFile(file), boottime(), True)
        assert aliases() == ["shop", "web1", "front", "web1"]
        file.write_text(f"-t 192.0.2.1:80 {'é' * 40}\n")
        tree = responder.tree()
        while responder.tree() is tree:
            select.select(responder.waiting(), [], [], 0.05)
            responder.advance()
        assert aliases() == ["é" * 32, "", "", ""]
