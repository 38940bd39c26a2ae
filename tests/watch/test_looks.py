# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes that two successive looks agree on."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import List, Set

import pytest

from lvs_agent.codes import Source, Status
from lvs_agent.snapshot import Snapshot
from lvs_agent.watch.events import ENDS, Change, Kind
from lvs_agent.watch.looks import Looks, _holding
from lvs_agent.watch.told import Told, decode, encode
from tests.support.looked import lost, service, snapshot

VS = "TCP 192.0.2.1:80"
RS1, RS2, RS3 = (f"10.0.0.{n}:80" for n in (1, 2, 3))

UP, HALF, DOWN = (service(1, *weights) for weights in ((1, 1), (1, 0), (0, 0)))


@pytest.fixture
def looks() -> Looks:
    return Looks(Told())


TIMES = itertools.count()


def told(looks: Looks, *snapshots: Snapshot) -> List[Set[Change]]:
    """Return the changes that each look reports; each look has a new snapshot."""
    found = []
    for each in snapshots:
        changes = looks.changes(replace(each, taken=next(TIMES)))
        found.append(set(changes))
        assert len(found[-1]) == len(changes)
    return found


def settled(looks: Looks, now: Snapshot) -> Set[Change]:
    """Return the changes that the second of two looks reports; the first reports none."""
    first, second = told(looks, now, now)
    assert first == set()
    return second


def test_nothing_is_told_of_a_director_that_is_well(looks: Looks) -> None:
    assert settled(looks, snapshot(UP)) == set()


def test_a_server_that_goes_down_and_comes_up(looks: Looks) -> None:
    told(looks, snapshot(UP))
    assert settled(looks, snapshot(HALF)) == {Change(Kind.SERVER_DOWN, VS, RS2)}
    assert told(looks, snapshot(HALF)) == [set()]
    assert settled(looks, snapshot(UP)) == {Change(Kind.SERVER_UP, VS, RS2)}
    assert looks.told == Told()


def test_a_flap_of_one_look_is_not_told(looks: Looks) -> None:
    assert told(looks, *map(snapshot, (UP, HALF, UP, DOWN, UP, UP))) == [set()] * 6
    assert settled(looks, snapshot(HALF)) != set()
    assert told(looks, *map(snapshot, (UP, HALF, UP, HALF, HALF))) == [set()] * 5


def test_what_is_wrong_at_the_first_look_is_told_at_the_second(looks: Looks) -> None:
    down = {Change(Kind.SERVER_DOWN, VS, server) for server in (RS1, RS2)}
    assert settled(looks, snapshot(DOWN)) == {Change(Kind.SERVICE_DOWN, VS), *down}
    assert told(looks, snapshot(HALF), snapshot(HALF))[1] == {
        Change(Kind.SERVICE_UP, VS),
        Change(Kind.SERVER_UP, VS, RS1),
    }


def test_a_service_without_servers_is_down(looks: Looks) -> None:
    assert settled(looks, snapshot(service(1))) == {Change(Kind.SERVICE_DOWN, VS)}


def test_rows_that_a_degraded_snapshot_lacks_are_as_they_were(looks: Looks) -> None:
    settled(looks, snapshot(HALF, service(2, 0)))
    before = set(looks.told.conditions)
    assert len(before) == 3
    for left in ([], [service(1), service(2)], [HALF]):
        degraded = snapshot(*left, status=Status.DEGRADED)
        changes = set().union(*told(looks, degraded, degraded, degraded))
        assert changes <= {Change(Kind.AGENT_STATUS)}
        assert looks.told.conditions == before
    back = settled(looks, snapshot(UP, service(2, 1), status=Status.DEGRADED))
    assert {change.kind for change in back} == {Kind.SERVICE_UP, Kind.SERVER_UP}


def test_a_service_that_has_lost_its_servers_is_down_in_a_degraded_snapshot(looks: Looks) -> None:
    lacking = snapshot(service(1, lost=1), lost=[lost(1, 1)], status=Status.DEGRADED)
    kinds = {change.kind for change in settled(looks, lacking)}
    assert kinds == {Kind.AGENT_STATUS, Kind.SERVICE_DOWN, Kind.SERVER_LOST}


def test_rows_that_are_lost_and_found(looks: Looks) -> None:
    gone = snapshot(service(1, 1), lost=[lost(1, 2), lost(2)])
    assert settled(looks, gone) == {
        Change(Kind.SERVER_LOST, VS, RS2),
        Change(Kind.SERVICE_LOST, "TCP 192.0.2.2:80"),
    }
    assert settled(looks, snapshot(UP, service(2, 1))) == {
        Change(Kind.SERVER_FOUND, VS, RS2),
        Change(Kind.SERVICE_FOUND, "TCP 192.0.2.2:80"),
    }


def test_a_server_that_is_down_and_then_lost_is_told_as_lost_only(looks: Looks) -> None:
    settled(looks, snapshot(HALF))
    gone = snapshot(service(1, 1), lost=[lost(1, 2)])
    assert settled(looks, gone) == {Change(Kind.SERVER_LOST, VS, RS2)}
    assert looks.told.conditions == {Change(Kind.SERVER_LOST, VS, RS2)}


def test_a_row_that_is_found_down_is_told_as_both(looks: Looks) -> None:
    settled(looks, snapshot(service(1, 1), lost=[lost(1, 2)]))
    assert settled(looks, snapshot(HALF)) == {
        Change(Kind.SERVER_FOUND, VS, RS2),
        Change(Kind.SERVER_DOWN, VS, RS2),
    }


def test_a_row_that_is_forgotten_is_not_told(looks: Looks) -> None:
    settled(looks, snapshot(service(1, 1), lost=[lost(1, 2), lost(2)]))
    assert settled(looks, snapshot(service(1, 1))) == set()
    assert looks.told == Told()


def test_a_row_that_is_gone_in_between_is_told_when_two_looks_agree(looks: Looks) -> None:
    settled(looks, snapshot(HALF))
    one = service(1, 1)
    assert told(looks, *map(snapshot, (one, UP, one, UP, HALF, HALF))) == [set()] * 6


def test_a_list_of_lost_rows_that_is_cut_off_finds_nothing(looks: Looks) -> None:
    settled(looks, snapshot(UP, lost=[lost(1, 3), lost(2)]))
    assert settled(looks, snapshot(UP, lost=[lost(2)], lost_servers=7)) == set()
    assert len(looks.told.conditions) == 2
    assert settled(looks, snapshot(UP, lost=[lost(2)])) == set()
    assert len(looks.told.conditions) == 1


@pytest.mark.parametrize(
    ("status", "source"),
    [
        (Status.NO_IPVS, Source.NONE),
        (Status.NO_COLLECTOR, Source.NONE),
        (Status.NO_STATISTICS, Source.PROCFS),
    ],
)
def test_without_rows_from_netlink_the_status_alone_is_told(
    looks: Looks, status: Status, source: Source
) -> None:
    settled(looks, snapshot(HALF))
    away = snapshot(DOWN if source else service(2), status=status, source=source)
    assert settled(looks, away) == {Change(Kind.AGENT_STATUS)}
    assert looks.told.conditions == {Change(Kind.SERVER_DOWN, VS, RS2)}
    assert settled(looks, snapshot(HALF)) == {Change(Kind.AGENT_STATUS)}
    assert looks.told.status == Status.OK


def test_a_status_of_one_look_is_not_told(looks: Looks) -> None:
    degraded = snapshot(UP, status=Status.DEGRADED)
    assert told(looks, snapshot(UP), degraded, snapshot(UP), snapshot(UP)) == [set()] * 4


def test_the_same_snapshot_again_is_no_look(looks: Looks) -> None:
    once = snapshot(HALF)
    assert [looks.changes(once) for _ in range(3)] == [[], [], []]


def test_an_unknown_weight_is_not_down(looks: Looks) -> None:
    unknown = service(1, 1, 1)
    for server in unknown.real_servers:
        server.weight = None
    assert settled(looks, snapshot(unknown)) == set()


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_all_is_told_once_it_lasts(seed: int) -> None:
    """Rows appear, disappear, go down and are lost at random, with restarts in between."""
    choices = random.Random(seed)
    told_of = Told()
    looks = Looks(told_of)
    ended = {end: begun for begun, end in ENDS.items()}
    open_: Set[Change] = set()
    for _ in range(60):
        now = any_director(choices)
        for _ in range(choices.choice([1, 1, 1, 2, 3])):
            for change in looks.changes(replace(now, taken=next(TIMES))):
                if change.kind in ENDS:
                    assert change not in open_, "told twice"
                    open_.add(change)
                else:
                    open_.remove(change._replace(kind=ended[change.kind]))
            open_ &= told_of.conditions  # its row is gone
            assert open_ == told_of.conditions
        if choices.random() < 0.2:
            told_of = decode(encode(told_of))
            looks = Looks(told_of)
    last = any_director(choices)
    for _ in range(2):
        looks.changes(replace(last, taken=next(TIMES)))
    assert told_of.conditions == set(_holding(last))


def any_director(choices: random.Random) -> Snapshot:
    """Return three services of three servers, each of which is up, down, lost or absent."""
    services, away = [], []
    for host in range(1, 4):
        state = choices.choice(["there", "there", "there", "lost", "gone"])
        if state == "lost":
            away.append(lost(host))
        if state != "there":
            continue
        made = service(host, 1, 1, 1)
        for number, server in enumerate([*made.real_servers], 1):
            state = choices.choice(["up", "up", "down", "lost", "gone"])
            if state == "down":
                server.weight = 0
            elif state != "up":
                made.real_servers.remove(server)
                away += [lost(host, number)] if state == "lost" else []
        services.append(made)
    return snapshot(*services, lost=away)
