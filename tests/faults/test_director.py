# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of a real kernel and of its clock, in the lab's guest (tests/lab/faults)."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import pytest

from lvs_agent.codes import Status
from tests.support import snmpd, walked, watch
from tests.support.guests import NO_TIMEOUT, boot
from tests.support.snmpd import AGENT

pytestmark = [NO_TIMEOUT, pytest.mark.xdist_group("director")]


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return boot(tmp_path_factory.mktemp("guest") / "faults", "faults", AGENT)


@pytest.fixture(scope="module")
def steps(guest: Path) -> Dict[str, walked.Tables]:
    """Return the walks by step; each must be complete and in order."""
    found = {}
    for path in sorted((guest / "steps").iterdir()):
        lines = path.read_text().splitlines()
        oids = [snmpd.numbers(oid) for oid in snmpd.oids(lines)]
        assert oids == sorted(set(oids))
        found[path.name] = walked.tables(lines)
        assert found[path.name]["lvsAgentErrors"], "a walk was cut off"
    return found


def numbers(walk: walked.Tables) -> Dict[walked.Value, walked.Value]:
    """Return the number of each service by its name."""
    return {name: walk["lvsVsNumber"][at] for at, name in walk["lvsVsName"].items()}


FIRST: Dict[walked.Value, walked.Value] = {"FWM 5": 1, "TCP 10.2.0.1:80": 2, "TCP 10.2.0.2:80": 3}


def test_a_module_that_is_absent_is_not_loaded_by_asking(
    guest: Path, steps: Dict[str, walked.Tables]
) -> None:
    assert numbers(steps["01-absent"]) == {}
    assert "ip_vs" not in [line.split()[0] for line in (guest / "modules").read_text().splitlines()]


def test_a_module_that_is_loaded_later_and_removed(steps: Dict[str, walked.Tables]) -> None:
    assert numbers(steps["02-loaded"]) == FIRST
    assert numbers(steps["09-removed"]) == {}
    assert numbers(steps["10-loaded-again"]) == FIRST


def test_a_collector_that_is_started_after_snmpd_began_to_ask(
    guest: Path, steps: Dict[str, walked.Tables]
) -> None:
    """Root's responder had a child collector, which must unlock the state directory and exit."""
    assert (guest / "state").read_text().split() == ["history.jsonl", "lock"]
    assert numbers(steps["03-collector"]) == FIRST
    assert numbers(steps["04-saved"]) == {**FIRST, "TCP 10.2.0.3:80": 4}
    assert '"TCP 10.2.0.3:80"' in (guest / "history.jsonl").read_text()
    assert (guest / "left").read_text() == ""


def test_a_clock_that_is_set_back_an_hour(guest: Path, steps: Dict[str, walked.Tables]) -> None:
    before, after = map(int, (guest / "dates").read_text().split())
    assert before - after > 3500
    back = steps["05-clock-back"]
    assert back["lvsAgentStatus"] == {(0,): Status.OK}
    assert numbers(back) == {
        "FWM 5": 1,
        "TCP 10.2.0.2:80": 3,
        "TCP 10.2.0.3:80": 4,
        "TCP 10.2.0.4:80": 5,
    }
    assert numbers(steps["06-clock-back-and-back"]) == {**numbers(back), **FIRST}
    for step in ("05-clock-back", "06-clock-back-and-back"):
        age, up = steps[step]["lvsAgentSnapshotAge"][(0,)], steps[step]["lvsVsDiscontinuityTime"]
        assert isinstance(age, int)
        assert age < 60_000
        was = steps["04-saved"]["lvsVsDiscontinuityTime"]
        both = was.keys() & up.keys()
        assert len(both) >= 3
        assert all(up[at] == was[at] for at in both)


def test_estimation_that_is_switched_off_and_on(steps: Dict[str, walked.Tables]) -> None:
    assert "are frozen" in str(steps["07-frozen"]["lvsAgentStatusText"][(0,)])
    assert numbers(steps["07-frozen"]) == numbers(steps["08-thawed"])


def test_snmpd_answered_others_all_the_while(guest: Path) -> None:
    watch.judge(float((guest / "longest" / "all").read_text()))
