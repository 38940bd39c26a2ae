# SPDX-License-Identifier: GPL-3.0-or-later
"""The child collector's process: it starts, ends and fails without leaving anything behind."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Iterator

import pytest

from lvs_agent.boundary.child import ChildCollector
from lvs_agent.boundary.connections import Listener
from lvs_agent.collector.history import History
from lvs_agent.collector.server import Collector, serve
from lvs_agent.kernel.recording import ReplayedKernel
from tests.support.commands import received
from tests.support.recorded import SMALL
from tests.support.snmpd import AGENT
from tests.support.watch import children, gone


def run(listener: Listener) -> None:
    serve(Collector(ReplayedKernel(SMALL), History(None)), listener)


@pytest.fixture
def child() -> Iterator[ChildCollector]:
    one = ChildCollector(run)
    yield one
    one.close()


@pytest.mark.parametrize("limit", range(3, 32))
def test_a_lack_of_descriptors_leaves_none_open(child: ChildCollector, limit: int) -> None:
    before = os.listdir("/proc/self/fd")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    with suppress(OSError):
        child.connect().close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    child.close()
    assert os.listdir("/proc/self/fd") == before
    assert received(child.connect()).services


def test_it_is_started_again_where_ended_children_are_not_kept(child: ChildCollector) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # as snmpd's parent may have set it
    try:
        child.connect().close()
        os.kill(child._child, signal.SIGKILL)
        assert gone([child._child])
        assert received(child.connect()).services
        child.close()
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize("stopped", [False, True])
def test_it_ends_with_its_responder_at_any_moment(tmp_path: Path, stopped: bool) -> None:
    # the child may not have run yet, or is collecting, sending or saving
    for delay in (0, 0.001, 0.005, 0.02, 0.05):
        responder = subprocess.Popen(
            [AGENT, "pass-persist", "--replay", SMALL, "--state", tmp_path],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        assert responder.stdin is not None
        responder.stdin.write(b"PING\ngetnext\n.1.3.6.1.4.1.8225.4711\n")
        responder.stdin.flush()
        until = time.monotonic() + 20
        while not (found := children(responder.pid)):
            assert time.monotonic() < until
        time.sleep(delay)
        if stopped:
            responder.send_signal(signal.SIGSTOP)
        responder.kill()
        assert gone(found)
        responder.communicate(timeout=20)
