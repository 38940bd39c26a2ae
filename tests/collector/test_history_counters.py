# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters that never go backwards, and continuous_since, which moves when they had to."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Callable, List, Optional, Tuple, Union

import pytest

from lvs_agent.codes import Status
from lvs_agent.collector.history import History
from lvs_agent.services import RealServer, Traffic, VirtualService
from tests.support.builders import server, service, snapshot
from tests.support.statefiles import other_boot

ZERO = Traffic(0, 0, 0, 0, 0)

Sums = Tuple[int, ...]


def five(number: int) -> Traffic:
    return Traffic(number, 2 * number, 3 * number, 400 * number, 500 * number)


def sums(number: int) -> Sums:
    return tuple(five(number))


def served(row: Union[VirtualService, RealServer]) -> Sums:
    """Return what the address tables show: the kernel's counters plus the counter offset."""
    assert row.counters is not None
    counter_offset = row.counter_offset or ZERO
    return tuple(a + b for a, b in zip(row.counters, counter_offset))


def look(
    history: History, counters: Optional[Traffic], taken: float = 1000.0
) -> Tuple[VirtualService, RealServer]:
    """Take a snapshot of a service and its server with these counters, as a collector does."""
    rs = server(counters=counters)
    vs = service("192.0.2.10", 443, rs, counters=counters)
    history.annotate(snapshot(vs, taken=taken))
    history.keep()
    return vs, rs


def both(
    history: History, counters: Traffic, taken: float = 1000.0
) -> Tuple[Sums, Optional[float]]:
    """Return what is served of the service and of its server, which must be the same."""
    vs, rs = look(history, counters, taken)
    assert (served(vs), vs.continuous_since) == (served(rs), rs.continuous_since)
    return served(vs), vs.continuous_since


def closed(folder: Path, *counts: int) -> None:
    history = History(folder)
    for count in counts:
        both(history, five(count))
    history.close()


def killed(folder: Path, *counts: int) -> None:
    child = os.fork()
    if not child:
        history = History(folder)
        for count in counts:
            both(history, five(count))
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def test_counters_that_rise_are_the_kernels() -> None:
    history = History(None)
    for count in (0, 5, 5, 2**60):
        vs, rs = look(history, five(count))
        assert (vs.counter_offset, rs.counter_offset) == (None, None)


def test_a_reset_is_carried_on() -> None:
    history = History(None)
    assert both(history, five(100), 1000.0) == (sums(100), 1000.0)
    assert both(history, five(0), 1005.0) == (sums(100), 1000.0)
    assert both(history, five(7), 1010.0) == (sums(107), 1000.0)


@pytest.mark.parametrize("lower", ["conns", "in_pkts", "out_pkts", "in_bytes", "out_bytes"])
def test_any_of_the_five_tells_a_reset_of_all(lower: str) -> None:
    history = History(None)
    both(history, Traffic(*[10] * 5))
    after = Traffic(*[10] * 5)._replace(**{lower: 9})
    assert sorted(both(history, after)[0]) == [19, 20, 20, 20, 20]


def test_counters_that_stand_still_beside_others_that_rise_are_no_reset() -> None:
    history = History(None)
    both(history, Traffic(10, 20, 0, 30, 0))
    assert both(history, Traffic(10, 21, 0, 31, 0))[0] == (10, 21, 0, 31, 0)


def test_several_resets_add_up() -> None:
    history = History(None)
    for count in (100, 20, 30, 0, 3, 2):
        total = both(history, five(count))
    assert total == (sums(100 + 30 + 3 + 2), 1000.0)


def test_counters_that_stand_still_are_no_reset() -> None:
    history = History(None)
    for _look in range(3):
        assert both(history, five(8))[0] == sums(8)


def test_a_service_deleted_and_added_again_goes_on_and_so_do_its_servers() -> None:
    history = History(None)
    both(history, five(100), 1000.0)
    history.annotate(snapshot(taken=1005.0))
    assert both(history, five(1), 1010.0) == (sums(101), 1000.0)


def test_a_server_put_back_from_the_kernels_trash_goes_on_where_it_was() -> None:
    history = History(None)
    look(history, five(100), 1000.0)
    history.annotate(snapshot(service("192.0.2.10", 443, counters=five(101)), taken=1005.0))
    assert both(history, five(102), 1010.0) == (sums(102), 1000.0)


def test_without_the_module_counters_have_begun_anew_however_high_the_next_are() -> None:
    history = History(None)
    look(history, five(100))
    for _ in range(2):
        history.annotate(snapshot(status=Status.NO_IPVS))
    assert both(history, five(150))[0] == sums(250)
    assert both(history, five(160))[0] == sums(260)


def test_a_module_seen_unloaded_is_remembered_over_a_restart(tmp_path: Path) -> None:
    history = History(tmp_path)
    look(history, five(100))
    history.annotate(snapshot(status=Status.NO_IPVS))
    history.keep()
    history.close()
    history = History(tmp_path)
    assert both(history, five(150))[0] == sums(250)
    history.close()


def test_each_row_is_carried_by_itself() -> None:
    history = History(None)
    one, two = service("192.0.2.1", counters=five(10)), service("192.0.2.2", counters=five(10))
    history.annotate(snapshot(one, two))
    one, two = service("192.0.2.1", counters=five(3)), service("192.0.2.2", counters=five(11))
    history.annotate(snapshot(two, one))
    assert (served(one), served(two)) == (sums(13), sums(11))


def test_a_look_without_counters_changes_nothing() -> None:
    history = History(None)
    both(history, five(100), 1000.0)
    vs, rs = look(history, None, 1005.0)
    assert (vs.counters, rs.counters) == (None, None)
    assert both(history, five(1), 1010.0) == (sums(101), 1000.0)


@pytest.mark.parametrize("ended", [closed, killed])
@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param([7, 50, 100], 40, 140, id="reset while it was down"),
        pytest.param([7, 50, 100], 100, 100, id="nothing happened while it was down"),
        pytest.param([7, 50, 100], 130, 130, id="counted while it was down"),
        pytest.param([100, 30, 120], 130, 230, id="reset while it ran"),
        pytest.param([100, 30, 120], 50, 270, id="reset while it ran and while it was down"),
    ],
)
def test_an_end_and_a_new_beginning_are_bridged_exactly(
    tmp_path: Path,
    ended: Callable[..., None],
    before: List[int],
    after: int,
    expected: int,
) -> None:
    ended(tmp_path, *before)
    history = History(tmp_path)
    assert both(history, five(after), 2000.0) == (sums(expected), 1000.0)
    history.close()


@pytest.mark.parametrize("ended", [closed, killed])
@pytest.mark.parametrize("now", [40, 100, 130])
def test_another_boot_has_begun_counters_anew_however_high_they_are(
    tmp_path: Path, ended: Callable[..., None], now: int
) -> None:
    ended(tmp_path, 100)
    other_boot(tmp_path)
    history = History(tmp_path)
    assert both(history, five(now), 50.0) == (sums(100 + now), 0.0)
    assert both(history, five(now + 1), 55.0) == (sums(100 + now + 1), 0.0)
    history.close()


def test_what_is_not_seen_after_another_boot_is_carried_over_the_next_too(tmp_path: Path) -> None:
    closed(tmp_path, 100)
    for _boot in range(2):
        other_boot(tmp_path)
        history = History(tmp_path)
        history.annotate(snapshot(service("192.0.2.1"), taken=50.0))
        history.keep()
        history.close()
    history = History(tmp_path)
    assert both(history, five(1), 60.0) == (sums(101), 0.0)
    history.close()


def test_a_lost_history_moves_since(tmp_path: Path) -> None:
    history = History(tmp_path)
    both(history, five(100), 1000.0)
    history.close()
    (tmp_path / "history.jsonl").unlink()
    history = History(tmp_path)
    assert both(history, five(100), 2000.0) == (sums(100), 2000.0)
    history.close()


def test_when_the_folder_is_free_again_no_counter_falls_without_since_telling(
    tmp_path: Path,
) -> None:
    first = History(tmp_path)
    both(first, five(100))
    second = History(tmp_path)
    for count in (100, 60, 5):
        before = both(second, five(count), 1100.0)[0]
    assert before == sums(165)
    first.close()
    now, continuous_since = both(second, five(6), 1200.0)
    assert now >= before or continuous_since == 1200.0
    second.close()


def test_what_another_collector_has_saved_is_not_replaced_by_what_was_older(
    tmp_path: Path,
) -> None:
    first, second = History(tmp_path), History(tmp_path)
    both(first, five(100))
    both(second, five(100))
    for count in (20, 310):
        before = both(first, five(count), 1100.0)[0]
    assert before == sums(410)
    first.close()
    now, continuous_since = both(second, five(320), 1200.0)
    assert now >= before or continuous_since == 1200.0
    second.close()
