# SPDX-License-Identifier: GPL-3.0-or-later
"""Directors whose tables real controllers edit, beside each other in a guest.

No time is shortened: rows last for a minute before they can be lost, and none is lost within 5
minutes after a boot or a load of the module. tests/lab/controllers/plan.py has what is expected.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, Iterator, List, Optional, Tuple

import pytest

from lvs_agent.collector.server import SHARE_SECONDS
from tests.lab.controllers.plan import DIRECTORS
from tests.lab.controllers.reported import expected as expected_events
from tests.lab.controllers.reported import take
from tests.lab.controllers.step import Step
from tests.support.controllers import Event, Poll, Record, Said, read
from tests.support.guests import LAB, NO_TIMEOUT, run
from tests.support.snmpd import AGENT

pytestmark = NO_TIMEOUT

# The cases of each boot of each guest. Unloading ip_vs needs a kernel with no other services.
GUESTS = {
    "keepalived": [["removed", "inhibited", "sorry", "reloaded", "stopped"]],
    "others": [["quiescent", "unquiescent", "by_hand", "early", "pair"]],
    "module": [["unloaded"]],
    "boots": [["rebooting"], ["rebooted", "crowded"]],
}
STATUS = {"OK": 0, "WARNING": 1, "CRITICAL": 2}
# of keepalived's vrrpInstanceState and realServerStatus
BACKUP, MASTER = 1, 2
ALIVE, DEAD = 1, 2


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Record]:
    """The records of all directors; the guests run at the same time."""
    folder = tmp_path_factory.mktemp("controllers")

    def boots(guest: str) -> None:
        for cases in GUESTS[guest]:
            program = LAB / "controllers" / "run"
            run(folder / guest, program, AGENT, *cases, limit=1200, memory="2G")

    with ThreadPoolExecutor() as pool:
        list(pool.map(boots, GUESTS))
    found = {file.stem: read(file) for file in folder.glob("*/*.json")}
    assert found.keys() == DIRECTORS.keys()
    return found


@pytest.fixture(params=DIRECTORS)
def record(request: pytest.FixtureRequest, records: Dict[str, Record]) -> Record:
    return records[request.param]


def after(record: Record) -> Iterator[Tuple[Event, Poll]]:
    """Yield each event with each poll from the first that found the table as planned."""
    for event in record.events:
        assert event.after, event.step.event
        for poll in event.after:
            yield event, poll


def test_the_controller_edits_the_table_as_documented(record: Record) -> None:
    for event, poll in after(record):
        assert poll.steady, (event.step.event, poll.began)
        assert poll.table == event.step.table, (event.step.event, poll.began)


def test_the_rows_are_those_of_ipvsadm(record: Record) -> None:
    """Also while the controller edits them, if they were the same before and after the walk."""
    compared = 0
    for event in record.events:
        for poll in event.polls:
            if poll.steady:
                assert poll.rows() == (poll.table or {}), (event.step.event, poll.began)
                compared += 1
    assert compared >= len(record.events)


def test_what_is_missing_is_lost(record: Record) -> None:
    """At the first poll after it went, and for as long as it is missing."""
    for event, poll in after(record):
        assert poll.said() == lost_by(event.step), (event.step.event, poll.began)


def lost_by(step: Step) -> Said:
    """Return what must be said of a step's table and its lost rows."""
    lost, services = step.lost, sorted(step.lost_services)
    if lost is None:
        total: Tuple[Optional[int], Optional[int]] = (None, None)
    else:
        total = len(services), sum(map(len, lost.values()))
    counts = {
        name: (
            len(servers),
            sum(weight > 0 for weight in servers.values()),
            None if lost is None else len(lost.get(name, ())),
        )
        for name, servers in (step.table or {}).items()
    }
    return Said(counts, total, lost or {}, services)


def test_check_tells_at_the_first_poll_and_as_long_as_it_lasts(record: Record) -> None:
    before = ""
    for event in record.events:
        step = event.step
        checked = [poll for poll in event.after if poll.checks]
        assert checked
        # it does not run if nothing has changed
        assert checked[0] is event.after[0] or step.check == before or not before
        before = step.check
        for poll in checked:
            assert poll.checks[""] == expected(step.check), (step.event, poll.began)
            if "--standby" in poll.checks:
                standby = expected(step.standby or step.check)
                assert poll.checks["--standby"] == standby, (step.event, poll.began)


def expected(text: str) -> Tuple[int, str]:
    return STATUS[text.partition(" - ")[0]], f"LVS {text}"


def test_rows_that_may_be_lost_soon_are_announced(record: Record) -> None:
    for event in record.events:
        step = event.step
        # no evidence yet of the servers of a service that was not there before, see docs/design.md
        for poll in event.after[1:]:
            text = str(poll.walk["lvsAgentStatusText"][0,] or "")
            found = re.findall(r"rows that are missing: (\d+);", text)
            assert found == ([str(step.waiting)] if step.waiting else []), (step.event, text)


def test_a_row_went_between_the_last_poll_with_it_and_the_first_that_lists_it(
    record: Record,
) -> None:
    polls = [poll for event in record.events for poll in event.polls]
    for table, row in (("lvsLostVs", "lvsVsName"), ("lvsLostRs", "lvsRsName")):
        for place, poll in enumerate(polls):
            for at, value in poll.walk[f"{table}Since"].items():
                had = (n for n, each in enumerate(polls[:place]) if at in each.walk[row])
                last = max(had, default=-1)  # before the boot
                listed = [each for each in polls[last + 1 :] if at in each.walk[f"{table}Since"]]
                last_seen = record.time(poll.walk[f"{table}LastSeen"][at])
                since = record.time(value)
                # DateAndTime has tenths of a second, and watch's snapshot may answer a poll
                shared = SHARE_SECONDS + 0.1
                earliest = polls[last].began - shared if last >= 0 else float("-inf")
                assert earliest < last_seen < since < listed[0].walked


def test_each_change_is_notified_once(record: Record) -> None:
    events = record.reported
    for step, changes in expected_events([event.step for event in record.events]):
        events = take(events, changes, step)
    assert events == []


def beside(records: Dict[str, Record], name: str) -> Dict[str, List[int]]:
    """Return the values of keepalived's own column in the last poll of each event."""
    return {
        event.step.event: [int(line.rpartition(" ")[2]) for line in event.after[-1].beside]
        for event in records[name].events
    }


def test_one_snmpd_has_the_agent_and_the_vrrp_of_keepalived(records: Dict[str, Record]) -> None:
    assert beside(records, "master") == {
        "start": [MASTER],
        "the master stopped": [],
        "the master started": [MASTER],
        "both stopped": [],
    }
    assert beside(records, "standby") == {
        "start": [BACKUP],
        "the master stopped": [MASTER],
        "the master started": [BACKUP],
        "both stopped": [],
    }


def test_one_snmpd_has_the_agent_and_the_servers_of_keepalived(
    records: Dict[str, Record],
) -> None:
    """keepalived knows that a server is dead which it removed from the table."""
    assert beside(records, "removed") == {
        "start": [ALIVE] * 6,
        "one server killed": [DEAD, ALIVE, ALIVE, ALIVE, ALIVE, ALIVE],
        "three servers killed": [DEAD, DEAD, DEAD, ALIVE, ALIVE, ALIVE],
        "all servers killed": [DEAD, DEAD, DEAD, DEAD, ALIVE, ALIVE],
        "all servers back": [ALIVE] * 6,
    }
