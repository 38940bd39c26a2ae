# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources that snmpd, responder and collector use: processor time and memory.

The collector reads a recording, so these figures do not include the kernel's part of a dump.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Iterator, List

from tests.bench import agents, directors
from tests.bench.answers import Dialogue
from tests.bench.report import Figure, Goal
from tests.bench.rounds import say
from tests.support import processes
from tests.support.lvsmib import oid
from tests.support.snmpd import AGENT, Snmpd

POLLS = 10
PAUSE = 6.0  # longer than --max-age: each poll takes a new snapshot, as at one poll a minute
IDLE_SECONDS = 60
POLLED = ["lvsVsConns", "lvsVsInBytes", "lvsVsOutBytes", "lvsVsActiveConns"]
SERVICES = 1000
SERVICES_A_GET = 10
SERVICES_SERVED = oid("lvsAgentServices", 0)
LARGE_COLUMN = oid("lvsRsInBytes")
SNAPSHOTS = 20


def polls(folder: Path) -> List[Figure]:
    """Measure the processor time of ten polls, then of a minute without any."""
    made = directors.recording(folder / "made", SERVICES)
    with agents.replaying(folder, made) as (socket, collector):
        command = f"{AGENT} pass-persist --collector {socket}"
        with agents.serving(folder, agent=command) as snmpds:
            snmpd = snmpds["agent"]
            while snmpd.value(SERVICES_SERVED) != f"Gauge32: {SERVICES}":
                time.sleep(0.1)
            (responder,) = agents.children(snmpd.pid)
            pids = [snmpd.pid, responder, collector]
            used = []
            for number in range(POLLS):
                time.sleep(PAUSE)
                before = processes.cpu_seconds(pids)
                _poll(snmpd)
                # reading the snapshot and saving counters follow the replies
                processes.until_at_rest(pids)
                used.append(processes.cpu_seconds(pids) - before)
                say(f"  polls {number + 1}/{POLLS}: {used[-1]:.2f} s")
            say(f"  idle: {IDLE_SECONDS} s")
            before = processes.cpu_seconds(pids[1:])
            time.sleep(IDLE_SECONDS)
            idle = processes.cpu_seconds(pids[1:]) - before
    note = (
        f"processor time of snmpd, responder and collector for {POLLS} polls, each of 4 OIDs of"
        f" {SERVICES} services (of 10 servers), in GETs of {4 * SERVICES_A_GET} OIDs: 10 minutes at"
        f" one poll a minute. The pauses are {PAUSE:.0f} s, longer than --max-age; longer pauses"
        f" cost nothing more, see idle"
    )
    return [
        Figure("polls", note, [sum(used)], "s"),
        Figure(
            "idle",
            f"processor time of responder and collector in {IDLE_SECONDS} s without polls",
            [idle],
            "s",
            Goal("≤", 0.0, " s"),
        ),
    ]


def memory(folder: Path) -> List[Figure]:
    """Measure the memory of responder and collector with 10,000 real servers in two snapshots."""
    with agents.making(folder, SERVICES) as (socket, collector):
        responder = Dialogue("--collector", socket, "--max-age", "0", "--deadline", "10")
        for number in range(SNAPSHOTS):
            oid = LARGE_COLUMN
            while oid.startswith(LARGE_COLUMN):
                oid = responder.get_next(oid)[0]
            say(f"  memory: column {number + 1}/{SNAPSHOTS}")
        pids = [responder.process.pid, collector]
        most = [agents.most_memory([pid]) for pid in pids]
        responder.close()
    note = (
        "the peak resident sets of responder and collector with 10,000 real servers and large"
        f" counters: {most[0]:.0f} and {most[1]:.0f} MiB"
    )
    return [Figure("memory", note, [sum(most)], "MiB", Goal("≤", 80, " MiB"))]


def _poll(snmpd: Snmpd) -> None:
    for some in _batches():
        lines = snmpd.get(*some)
        assert len(lines) == len(some)
        assert not [line for line in lines if "No Such" in line], lines


def _batches() -> Iterator[List[str]]:
    for first in range(0, SERVICES, SERVICES_A_GET):
        yield [
            oid(column, 1, 4, 10, 8, n // 250, n % 250 + 1, 6, 80)
            for n in range(first, first + SERVICES_A_GET)
            for column in POLLED
        ]
