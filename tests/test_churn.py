# SPDX-License-Identifier: GPL-3.0-or-later
"""A director that is edited ten times a second while three walkers walk it: tests/soak.py.

Other tests alter walks of the same director at rest, or forge lost rows, and check that the fault
is found.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable, Dict, List, Sequence, Set

import pytest

from tests import soak
from tests.lab.lostcheck import FALSELY, FIXED, NOT_LOST, LostChecker
from tests.lab.past import Past
from tests.lab.sumcheck import BACK, SumChecker
from tests.lab.walkcheck import Change, Checker, Row, Timeline
from tests.support.guests import NO_TIMEOUT
from tests.support.lvsmib import COUNTERS, oid

SECONDS, PODS = 60, 20

pytestmark = [NO_TIMEOUT, pytest.mark.xdist_group("churn")]

Lines = List[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("churn") / "result"


@pytest.fixture(scope="module")
def summary(folder: Path) -> soak.Summary:
    print()
    summary = soak.run(folder, SECONDS, PODS, seed=int(time.time()))
    print(summary)
    return summary


@pytest.fixture
def walks(summary: soak.Summary, folder: Path) -> List[Lines]:
    return [(folder / name / "walk").read_text().splitlines() for name in ("a", "b")]


def test_no_walk_of_a_director_that_is_edited_meanwhile_is_wrong(summary: soak.Summary) -> None:
    assert not summary.wrong(), summary.first
    assert summary.seconds >= SECONDS + PODS
    assert summary.edits >= 0.95 * 10 * (SECONDS + PODS)
    assert summary.compared > SECONDS / 60
    assert summary.walks >= 9
    assert summary.sizes > 3, "no edit shows in any walk"
    assert summary.required > 100
    assert summary.reloads > SECONDS / 60
    assert summary.fixed_checked >= 9
    assert summary.pods > 10


def column(lines: Lines, name: str) -> List[int]:
    """Return the indices of a column's lines."""
    return [at for at, line in enumerate(lines) if line.startswith(f"{oid(name)}.")]


def cut(lines: Lines) -> Lines:
    return lines[: len(lines) // 2]


def timed_out(lines: Lines) -> Lines:
    return [*lines[: len(lines) // 2], "Timeout: No Response from 127.0.0.1:16161"]


def swapped(lines: Lines) -> Lines:
    at = len(lines) // 2
    return [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]


def twice(lines: Lines) -> Lines:
    at = len(lines) // 2
    return [*lines[:at], lines[at], *lines[at:]]


def values_swapped(name: str) -> Callable[[Lines], Lines]:
    """Return a function that swaps the values of two rows of a column."""

    def doctor(lines: Lines) -> Lines:
        rows = {at: lines[at].partition(" = ") for at in column(lines, name)}
        one = min(rows)
        other = next(at for at, (_, _, said) in rows.items() if said != rows[one][2])
        doctored = list(lines)
        doctored[one] = f"{rows[one][0]} = {rows[other][2]}"
        doctored[other] = f"{rows[other][0]} = {rows[one][2]}"
        return doctored

    doctor.__name__ = f"values of {name} swapped"
    return doctor


def of_nobody(lines: Lines) -> Lines:
    at = column(lines, "lvsServiceSchedType")[-1]
    row = f'{oid("lvsServiceSchedType", 4711)} = STRING: "rr"'
    return [*lines[: at + 1], row, *lines[at + 1 :]]


def counter_gone_back(lines: Lines) -> Lines:
    at = next(at for at in column(lines, "lvsVsInBytes") if not lines[at].endswith(": 0"))
    whose = lines[at].partition(" = ")[0]
    return [*lines[:at], f"{whose} = Counter64: 1", *lines[at + 1 :]]


def without_a_value(lines: Lines) -> Lines:
    at = column(lines, "lvsRsActiveConns")[3]
    return [*lines[:at], *lines[at + 1 :]]


def without_a_row(lines: Lines) -> Lines:
    instance = lines[column(lines, "lvsRsName")[3]].partition(" = ")[0][len(oid("lvsRsName")) + 1 :]
    return [line for line in lines if f"{instance} = " not in line]


SWAPPED = [
    *("lvsRsName", "lvsRsWeight", "lvsRsUpperThreshold", "lvsRsLowerThreshold"),
    *("lvsVsName", "lvsVsPersistTimeout", "lvsVsWeight", "lvsVsNumber"),
    *("lvsServiceAddr", "lvsServicePersistTimeout"),
    *("lvsRealServerAddr", "lvsRealServerWeight"),
]
DOCTORED = {
    cut: "truncated",
    timed_out: "truncated",
    swapped: "out of order",
    twice: "out of order",
    **{values_swapped(name): "another row's value" for name in SWAPPED},
    of_nobody: "another row's value",
    counter_gone_back: "another row's value",
    without_a_value: "row missing",
    without_a_row: "row missing",
}


@pytest.mark.parametrize("doctor", DOCTORED, ids=lambda doctor: doctor.__name__)
def test_a_doctored_walk_is_found(walks: List[Lines], doctor: Callable[[Lines], Lines]) -> None:
    checker = Checker(*walks)
    timeline = Timeline(checker.rows)
    for whole in walks:
        assert checker.check(whole, 100.0, 110.0, timeline) == []
        kinds = {fault.kind for fault in checker.check(doctor(whole), 100.0, 110.0, timeline)}
        assert DOCTORED[doctor] in kinds


def test_a_sum_that_goes_back_is_found(walks: List[Lines]) -> None:
    (whole, _) = walks
    at = next(at for at in column(whole, "lvsVipInBytes") if not whole[at].endswith(": 0"))
    path = whole[at].partition(" = ")[0]
    lower = [*whole[:at], f"{path} = Counter64: 1", *whole[at + 1 :]]
    checker = SumChecker()
    assert checker.check(whole, 100.0, 110.0) == []
    assert checker.check(lower, 105.0, 111.0) == []  # it may have been answered before
    assert checker.check(whole, 112.0, 113.0) == []
    assert [fault.kind for fault in checker.check(lower, 114.0, 115.0)] == [BACK]
    assert checker.compared == 4 * len(COUNTERS) * sum(
        len(column(whole, f"{table}Services")) for table in ("lvsVip", "lvsRip")
    )


def test_a_row_must_be_there_or_not_only_if_nobody_changed_it_meanwhile(
    walks: List[Lines],
) -> None:
    checker = Checker(*walks)
    row = next(row for row in checker.rows if row[1])
    for began, done, kinds in [
        (10.0, 11.0, {"deleted row"}),
        (94.0, 94.9, {"deleted row"}),
        (94.0, 95.1, set()),
        (109.0, float("inf"), set()),
        (111.0, 112.0, set()),
    ]:
        timeline = Timeline(checker.rows)
        change = Change(began, present=False)
        change.done = done
        timeline.change(row, change)
        timeline.forget(50.0)
        faults = checker.check(walks[0], 100.0, 110.0, timeline)
        assert {fault.kind for fault in faults} == kinds


def test_rows_that_cannot_be_told_apart_are_refused(walks: List[Lines]) -> None:
    a, b = walks
    one, other = column(a, "lvsRsWeight")[:2]
    same = list(a)
    same[other] = same[other].partition(" = ")[0] + " = " + same[one].partition(" = ")[2]
    with pytest.raises(ValueError, match="another row"):
        Checker(same, b)


def test_memory_that_grows_all_the_time_is_not_flat() -> None:
    assert soak.growth([9000] * 6 + [20000 + at % 7 for at in range(600)]) == ""
    assert soak.growth([20000 + 4 * at for at in range(600)])
    assert soak.growth([20000 + 4 * at for at in range(600)], needed=300)
    assert soak.growth([20000 + 4 * at for at in range(600)], needed=500) == ""


S, OTHER = "TCP 10.2.0.1:80", "TCP 10.2.0.2:80"
A, B, C, D = (f"10.1.0.{place}:80" for place in range(1, 5))
# the instances of these names, below lvsVsTable and lvsRsTable
AT = {
    **{S: (1, 4, 10, 2, 0, 1, 6, 80), OTHER: (1, 4, 10, 2, 0, 2, 6, 80)},
    **{name: (1, 4, 10, 1, 0, place, 80) for place, name in enumerate((A, B, C, D), 1)},
}
ROWS = [(S, ""), (S, A), (S, B), (S, C), (OTHER, ""), (OTHER, A)]


class Director:
    """Two services that are there since the boot, edits at some times, and walks of 10 s."""

    def __init__(self) -> None:
        self.past = Past(ROWS, 0.0)
        self.checker = LostChecker(self.past, [(OTHER, ""), (OTHER, A)])

    def edit(self, at: float, present: bool, *rows: Row) -> None:
        for row in rows:
            change = Change(at, present)
            change.done = at + 0.1
            self.past.change(row, change)

    def faults(self, began: float, lost: Sequence[Row], counts: Dict[str, int]) -> Set[str]:
        """Return the kinds of faults of a walk with these lost rows and lvsVsRealServersLost."""
        services = [row for row in lost if not row[1]]
        lines = [
            f"{oid('lvsVsRealServersLost', *AT[name])} = Gauge32: {counts[name]}" for name in counts
        ]
        lines.append(f"{oid('lvsAgentLostServices', 0)} = Gauge32: {len(services)}")
        lines.append(f"{oid('lvsAgentLostRealServers', 0)} = Gauge32: {sum(counts.values())}")
        for service, server in lost:
            if server:
                where = oid("lvsLostRsName", *AT[service], *AT[server])
                lines.append(f'{where} = STRING: "{service} -> {server}"')
            else:
                lines.append(f'{oid("lvsLostVsName", *AT[service])} = STRING: "{service}"')
        return {fault.kind for fault in self.checker.check(lines, began, began + 10)}


@pytest.fixture
def director() -> Director:
    return Director()


def test_a_fixed_row_that_is_lost_is_found(director: Director) -> None:
    assert director.faults(400, [], {S: 0, OTHER: 0}) == set()
    assert director.checker.fixed_lost == 0
    assert FIXED in director.faults(400, [], {S: 0, OTHER: 1})
    assert FIXED in director.faults(400, [(OTHER, A)], {S: 0, OTHER: 0})
    assert FIXED in director.faults(400, [(OTHER, "")], {S: 0})
    assert director.checker.fixed_lost > 2
    assert director.checker.fixed_checked == 8


def test_a_row_that_was_deleted_must_be_lost(director: Director) -> None:
    director.edit(200, False, (S, A))
    assert director.faults(280, [(S, A)], {S: 1, OTHER: 0}) == {FALSELY}, "not settled"
    for began in (280, 310):
        assert director.faults(began, [], {S: 0, OTHER: 0}) == set()
    assert director.faults(400, [], {S: 0, OTHER: 0}) == {NOT_LOST}
    assert (director.checker.due, director.checker.reported) == ({(S, A)}, set())
    assert director.faults(400, [], {S: 1, OTHER: 0}) == {NOT_LOST}
    assert director.faults(400, [(S, A)], {S: 0, OTHER: 0}) == {NOT_LOST}
    assert director.faults(400, [(S, B)], {S: 1, OTHER: 0}) == {FALSELY, NOT_LOST}
    assert director.faults(400, [(S, A)], {S: 2, OTHER: 0}) == {FALSELY}
    assert director.faults(400, [(S, A)], {S: 1, OTHER: 0}) == set()
    assert director.checker.due == director.checker.reported == {(S, A)}


def test_a_service_that_was_deleted_must_be_lost_without_its_servers(director: Director) -> None:
    director.edit(400, False, (S, ""), (S, A), (S, B), (S, C))
    assert director.faults(405, [], {OTHER: 0}) == set()
    assert director.faults(405, [(S, "")], {OTHER: 0}) == set()
    assert director.faults(450, [], {OTHER: 0}) == {NOT_LOST}
    assert director.faults(450, [(S, ""), (S, A)], {OTHER: 0}) == {FALSELY}
    assert director.faults(450, [(S, "")], {OTHER: 0}) == set()
    director.edit(500, True, (S, ""))
    assert director.faults(550, [(S, "")], {S: 3, OTHER: 0}) == {FALSELY, NOT_LOST}
    assert director.faults(550, [(S, A), (S, B), (S, C)], {S: 3, OTHER: 0}) == set()


def test_a_service_that_may_be_lost_does_not_stand_for_one_that_must_be(
    director: Director,
) -> None:
    director.edit(400, False, (S, ""), (S, A), (S, B), (S, C))
    director.edit(445, False, (OTHER, ""), (OTHER, A))
    director.checker = LostChecker(director.past, fixed=[])
    assert director.faults(450, [(S, "")], {}) == set()
    assert director.faults(450, [(S, ""), (OTHER, "")], {}) == set()
    assert director.faults(450, [(OTHER, "")], {}) == {NOT_LOST}


def test_a_server_that_was_replaced_is_not_lost(director: Director) -> None:
    director.edit(400, True, (S, D))
    director.edit(401, False, (S, A))
    assert director.faults(450, [], {S: 0, OTHER: 0}) == set()
    assert director.faults(450, [(S, A)], {S: 1, OTHER: 0}) == {FALSELY}
    director.edit(500, False, (S, D))
    assert director.faults(550, [(S, D)], {S: 1, OTHER: 0}) == set()


def test_a_server_that_lived_for_less_than_a_minute_is_not_lost(director: Director) -> None:
    director.edit(400, True, (S, D))
    director.edit(440, False, (S, D))
    for began in (430, 450, 900):
        assert director.faults(began, [], {S: 0, OTHER: 0}) == set()
        assert director.faults(began, [(S, D)], {S: 1, OTHER: 0}) == {FALSELY}
