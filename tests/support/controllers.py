# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of the lab with controllers (tests/lab/controllers), and the times in them.

python -m tests.support.controllers FOLDER prints, of the records in a folder and below it, the
seconds from each event to the change of the table, from there to the first poll after it, and how
long that takes: the walk, and check.
"""

from __future__ import annotations

import datetime
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

from tests.lab.controllers import reported
from tests.lab.controllers.plan import DIRECTORS
from tests.lab.controllers.step import Step, Table
from tests.support.walked import Tables, Value, tables

# in the instance of a real server of an IPv4 service, the numbers that do not belong to the service
_OF_SERVER = 7
_SINCE = re.compile(r" since [0-9: -]+ \([0-9]+ (s|min)\)")
_SERVERS = re.compile(r"(?<= lost: )[0-9.:]+(, [0-9.:]+)+|(?<= weight 0: )[0-9.:]+(, [0-9.:]+)+")
# names of services that stand for more of them
_NAMES = re.compile(r"(?<= services lost: ).*(?=and [0-9]+ more)")


class Said(NamedTuple):
    """Services with their real servers in the table, up, and lost; and the names that are lost.

    A number is None if the agent does not tell it; total has lost services and lost servers.
    """

    counts: Mapping[str, Tuple[Optional[Value], ...]]
    total: Tuple[Optional[Value], ...]
    lost: Dict[str, List[str]]
    lost_services: List[str]


@dataclass
class Poll:
    """A poll; times are in seconds since the boot.

    table is ipvsadm's, the same before and after the walk if steady is set. checks has the exit
    status and the first line of check by option, without times and performance data and with
    servers sorted; none if it did not run. beside has a column of keepalived's own SNMP.
    """

    began: float
    walked: float
    checked: float
    steady: bool
    table: Optional[Table]
    walk: Tables
    beside: List[str]
    checks: Dict[str, Tuple[int, str]]

    def rows(self) -> Table:
        """Return the services and servers that the agent lists, with weights."""
        names = {at: str(name) for at, name in self.walk["lvsVsName"].items()}
        found: Table = {name: {} for name in names.values()}
        for at, name in self.walk["lvsRsName"].items():
            weight = self.walk["lvsRsWeight"][at]
            assert isinstance(weight, int)
            found[names[at[:-_OF_SERVER]]][str(name)] = weight
        return found

    def said(self) -> Said:
        """Return the agent's counts and lost rows."""
        walk = self.walk
        ends = ("Services", "RealServers")
        total = tuple(walk[f"lvsAgentLost{end}"].get((0,)) for end in ends)
        columns = [walk[f"lvsVsRealServers{end}"] for end in ("", "Up", "Lost")]
        counts = {
            str(name): tuple(column.get(at) for column in columns)
            for at, name in walk["lvsVsName"].items()
        }
        found = Said(counts, total, {}, sorted(map(str, walk["lvsLostVsName"].values())))
        for row in sorted(map(str, self.walk["lvsLostRsName"].values())):
            service, _, server = row.partition(" -> ")
            found.lost.setdefault(service, []).append(server)
        return found


@dataclass
class Event:
    """An event, with the time when the table was as planned, and the polls up to the next event."""

    step: Step
    at: float
    done: float
    polls: List[Poll] = field(default_factory=list)

    @property
    def after(self) -> List[Poll]:
        """The polls from the first that found the table as planned."""
        for place, poll in enumerate(self.polls):
            if poll.steady and poll.table == self.step.table:
                return self.polls[place:]
        return []


@dataclass
class Record:
    """The events of a director, and the notifications about it.

    boot is the time of the boot in seconds since 1970.
    """

    boot: float
    events: List[Event]
    reported: List[reported.Event]

    def time(self, value: Value) -> float:
        """Return the time since the boot of a DateAndTime in UTC."""
        assert isinstance(value, bytes)
        assert value[8:] == b"+\0\0"
        year, parts = int.from_bytes(value[:2], "big"), value[2:7]
        month, day, hour, minute, second = parts
        utc = datetime.timezone.utc
        when = datetime.datetime(year, month, day, hour, minute, second, tzinfo=utc)
        return when.timestamp() + value[7] / 10 - self.boot


def read(file: Path) -> Record:
    """Read the record of a director of the plan."""
    data = json.loads(file.read_text())
    steps = DIRECTORS[file.stem]
    assert [each["name"] for each in data["events"]] == [step.event for step in steps]
    events = [Event(step, e["at"], e["done"]) for step, e in zip(steps, data["events"])]
    for each in data["polls"]:
        checks = {
            option: (status, _plain(line)) for option, (status, line) in each["checks"].items()
        }
        walk = tables(each.pop("walk"))
        poll = Poll(**{**each, "walk": walk, "checks": checks})
        [event for event in events if event.at <= poll.began][-1].polls.append(poll)
    return Record(data["boot"], events, reported.received(file.with_suffix(".traps")))


def _plain(line: str) -> str:
    line = _NAMES.sub("", _SINCE.sub("", line.partition(" | ")[0]))
    return _SERVERS.sub(lambda found: ", ".join(sorted(found[0].split(", "))), line)


def _print(folder: Path) -> None:
    for file in sorted(folder.rglob("*.json")):
        print(f"{file.stem:14} {'':30} {'table':>6} {'poll':>6} {'walk':>6} {'check':>6}")
        for event in read(file).events:
            first = event.after[0]
            changed = min(event.done, first.began)
            times = (event.at, changed, first.began, first.walked, first.checked)
            spans = [f"{end - begin:6.1f}" for begin, end in zip(times, times[1:])]
            print(f"{'':14} {event.step.event:30} {' '.join(spans)}  {first.checks}")


if __name__ == "__main__":
    _print(Path(sys.argv[1]))
