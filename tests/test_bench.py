# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench's report of its measurements, and the size of its simulated directors."""

from __future__ import annotations

from pathlib import Path

import pytest

from lvs_agent.codes import Status
from lvs_agent.mib import lvs
from lvs_agent.mib.smi import Count64
from tests.bench import directors, walks
from tests.bench.report import Figure, Goal
from tests.bench.rounds import ratios


@pytest.mark.parametrize(
    ("goal", "values", "verdict"),
    [
        (Goal("≥", 1.15), [9.0, 1.15, 0.1], "met"),
        (Goal("≥", 1.15), [9.0, 1.14, 0.1], "MISSED"),
        (Goal("≤", 0.0, " s"), [0.0], "met"),
        (Goal("≤", 0.0, " s"), [0.01], "MISSED"),
    ],
)
def test_a_median_on_the_wrong_side_of_a_goal_is_said_to_be(
    goal: Goal, values: list[float], verdict: str
) -> None:
    assert Figure("name", "note", values, goal=goal).row().splitlines()[0].endswith(verdict)


def test_the_lowest_and_the_highest_stand_beside_the_median() -> None:
    row = Figure("name", "note", ratios([1, 4, 9], [1, 2, 3]), goal=Goal("≥", 1)).row()
    assert row.split() == ["name", "2.00", "1.00", "to", "3.00", "≥", "1", "met", "note"]


def test_a_made_director_has_all_columns_of_real_servers(tmp_path: Path) -> None:
    made = directors.snapshot(directors.recording(tmp_path / "made", 3))
    assert made.status == Status.OK
    rows = [v for v in lvs.tree(made, 0.0).walk() if v.oid.startswith("22.")]
    assert len(rows) == 3 * directors.SERVERS * walks.COLUMNS
    counters = [row.value for row in rows if row.type is Count64]
    assert len(set(counters)) == len(counters)
