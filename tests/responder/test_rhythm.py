# SPDX-License-Identifier: GPL-3.0-or-later
"""The polls that are expected after others."""

from __future__ import annotations

from typing import List

from lvs_agent.responder.rhythm import LONGEST, REMEMBERED, Rhythm

EXPIRE = 60  # seconds, as feed.Patience has it


class Polled:
    """A rhythm and the polls it was told; counts those that it expected."""

    def __init__(self) -> None:
        self.rhythm = Rhythm()
        self.expected = 0
        self.prepared: List[float] = []

    def polls(self, *times: float) -> List[bool]:
        """Poll at these times; return for each whether one fetched ahead would have values."""
        found = []
        for now in times:
            while (one := self.rhythm.next()) is not None and one.earliest <= now:
                self.prepared = [one.earliest]
                self.expected += 1
                self.rhythm.drop()
            found.append(
                bool(self.prepared) and self.prepared[0] <= now < self.prepared[0] + EXPIRE
            )
            self.rhythm.polled(now)
        return found


def test_the_third_of_regular_polls_is_expected_and_each_after_it() -> None:
    for distance in (10, 15, 60, 300, 900):
        times = [1e6 + place * distance for place in range(9)]
        assert Polled().polls(*times) == [False, False, *[True] * 7]


def test_polls_may_be_early_or_late() -> None:
    assert Polled().polls(0, 60, 119, 181, 239, 300) == [False, False, *[True] * 4]
    assert Polled().polls(0, 300, 590, 905, 1200) == [False, False, *[True] * 3]


def test_requests_close_to_a_poll_belong_to_it() -> None:
    rhythm = Polled()
    assert rhythm.polls(0, 3, 60, 62, 69) == [False] * 5
    assert rhythm.polls(120, 123)[0]
    assert rhythm.expected == 1


def test_polls_that_stop_leave_one_that_is_expected() -> None:
    rhythm = Polled()
    rhythm.polls(0, 60, 120, 180)
    assert rhythm.expected == 2
    assert rhythm.rhythm.next() is not None
    rhythm.rhythm.drop()
    assert rhythm.rhythm.next() is None


def test_polls_after_a_long_pause_are_expected_from_the_third_on() -> None:
    rhythm = Polled()
    rhythm.polls(0, 60, 120, 180)
    start = 180 + LONGEST
    assert rhythm.polls(start, start + 60, start + 120) == [False, False, True]


def test_several_pollers_each_find_their_own_distance() -> None:
    minutes = [60.0 * each for each in range(60)]
    fives = [20 + 300.0 * each for each in range(12)]
    found = Polled()
    expected = dict(zip(sorted(minutes + fives), found.polls(*sorted(minutes + fives))))
    assert all(expected[each] for each in minutes[3:])
    assert all(expected[each] for each in fives[3:])
    # one more than the polls that came: the first distance was that of two pollers
    assert found.expected <= len(minutes) + len(fives) - 3


def test_a_missed_poll_ends_it_for_one_more() -> None:
    assert Polled().polls(0, 60, 120, 240, 300, 360, 420)[3:] == [False, False, True, True]


def test_the_polls_of_years_take_no_more_room() -> None:
    found = Polled()
    found.polls(*(float(each) for each in range(0, 10**6, 60)))
    assert len(found.rhythm._polls) == REMEMBERED
    assert len(found.rhythm._expected) == 1
