# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks of lvsRsTable through snmpd: the agent compared with a C responder and with itself."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import List, Optional

from tests.bench import agents, directors
from tests.bench.report import Figure, Goal
from tests.bench.rounds import alternate, ratios
from tests.support.snmpd import AGENT, Snmpd

COLUMNS = 25


def thousand(folder: Path) -> List[Figure]:
    """Compare walks of 1000 rows with the C responder's: on one processor, and not pinned."""
    goal = Goal("≥", 1.15)
    return [
        _beside_c("walk-1000", folder, 100, 15, goal),
        _beside_c("walk-1000-free", folder, 100, 9, None, pinned=False),
    ]


def ten_thousand(folder: Path) -> List[Figure]:
    """Compare walks of 10,000 rows with the C responder's."""
    return [_beside_c("walk-10000", folder, 1000, 7, Goal("≥", 1.0))]


def flat(folder: Path) -> List[Figure]:
    """Measure varbinds per second for three sizes of the table."""
    sizes = [100, 1000, 10_000]
    with ExitStack() as stack:
        sides = {}
        for rows in sizes:
            home = folder / str(rows)
            home.mkdir()
            made = directors.snapshot(directors.recording(home / "made", rows // 10))
            socket = home / "collector.sock"
            stack.enter_context(agents.handing_out(socket, made))
            command = f"{AGENT} pass-persist --collector {socket}"
            agent = stack.enter_context(agents.serving(home, agent=command))["agent"]
            sides[f"rows-{rows}"] = partial(_rate, agent, rows)
        found = alternate("flat", 5, **sides)
    figures = [
        Figure(f"rate-{rows}", f"varbinds/s of a walk of {rows} rows", found[f"rows-{rows}"], "/s")
        for rows in sizes
    ]
    spread = [min(rates) / max(rates) for rates in zip(*found.values())]
    note = "the slowest of these three rates / the fastest"
    return [*figures, Figure("flat", note, spread, goal=Goal("≥", 0.8))]


def stock(folder: Path) -> List[Figure]:
    """Compare with the class of snmp-passpersist 2.1.0, in a table small enough for it."""
    program = f"{sys.executable} {agents.HERE / 'stock.py'}"
    note = "walk of 1000 rows, time of snmp-passpersist 2.1.0 / time of the agent"
    return [_beside("stock", note, folder, program, 100, 3, None)]


def _rate(agent: Snmpd, rows: int) -> float:
    """Return varbinds per second, measured in as many walks as make up 1000 rows."""
    times = max(1, 1000 // rows)
    return times * rows * COLUMNS / sum(agents.walk(agent, rows * COLUMNS) for _ in range(times))


def _beside_c(
    name: str, folder: Path, services: int, rounds: int, goal: Optional[Goal], pinned: bool = True
) -> Figure:
    rows = services * directors.SERVERS
    note = f"walk of {rows} rows x {COLUMNS} columns, time of the C responder / time of the agent"
    note += ", snmpd and responder on one processor" if pinned else ", not pinned to a processor"
    program = str(agents.yardstick(folder))
    return _beside(name, note, folder, program, services, rounds, goal, pinned)


def _beside(
    name: str,
    note: str,
    folder: Path,
    program: str,
    services: int,
    rounds: int,
    goal: Optional[Goal],
    pinned: bool = True,
) -> Figure:
    """Compare a program that serves a prepared table with the agent serving the same rows."""
    made = directors.snapshot(directors.recording(folder / f"made-{name}", services))
    expected = services * directors.SERVERS * COLUMNS
    table = agents.table(folder / f"table-{name}", made)
    socket = folder / f"{name}.sock"
    command = f"{AGENT} pass-persist --collector {socket}"
    home = folder / name
    home.mkdir()
    with (
        agents.handing_out(socket, made),
        agents.serving(home, pinned, agent=command, other=f"{program} {table}") as snmpds,
    ):
        agent, other = snmpds["agent"], snmpds["other"]
        for each in (agent, other):
            agents.walk(each, expected)
        assert agents.walked(agent).read_bytes() == agents.walked(other).read_bytes()
        found = alternate(
            name,
            rounds,
            other=lambda: agents.walk(other, expected),
            agent=lambda: agents.walk(agent, expected),
        )
    return Figure(name, note, ratios(found["other"], found["agent"]), goal=goal)
