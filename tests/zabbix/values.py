# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of items, compared with what snmpwalk prints at the same OIDs.

An item's OID and its arithmetic come from Zabbix: a multiplier multiplies what the walk has, and a
change per second is compared with the difference of two walks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, List

from tests.support import snmpd
from tests.support.snmpd import Snmpd
from tests.zabbix.api import Record

# the types of Zabbix' preprocessing steps that change numbers
MULTIPLIER, CHANGE_PER_SECOND = "1", "10"
DISCARD = ("19", "20")  # unchanged, and unchanged with heartbeat
TOLERANCE = 0.2  # of a rate: a snapshot may be older than its poll
# the keys of items that are not compared: what is calculated, ages, walks, what no walk has, and
# the errors, by which a simulated director shows that it has followed
OTHERS = {
    "lvs.agent.errors",
    "lvs.agent.version",
    "lvs.conns.active",
    "lvs.conns.inactive",
    "lvs.services.lost.names",
    "lvs.service.present",
    "lvs.service.state",
    "lvs.service.state.age",
    "lvs.snapshot.age",
    "lvs.snapshot.time",
    "lvs.snmpd.uptime",
    "zabbix",
    *(f"lvs.{table}.walk" for table in ("director", "service", "server", "vip", "rip")),
}


@dataclass
class Walk:
    """The values of a walk by OID, as text, and the time of its counters in seconds."""

    values: Dict[str, str]
    taken: float

    def changed(self) -> Walk:
        """Return a walk in which each value is another and rises at another rate."""
        values = {
            oid: str(2 * int(value) + 1) if value.isdigit() else f"{value}?"
            for oid, value in self.values.items()
        }
        return Walk(values, self.taken)


def walk(director: Snmpd, taken: float = 0.0) -> Walk:
    """Walk LVS-MIB."""
    found = snmpd.values(director.walk())
    return Walk({oid.lstrip("."): value for oid, value in found.items()}, taken)


def oid_of(item: Record) -> str:
    """Return the OID whose value an item has; "" if it is not the value of one."""
    places = [item["snmp_oid"], *(step["params"] for step in item["preprocessing"])]
    found = [each for place in places for each in re.findall(r"\b1(?:\.\d+){8,}", place)]
    return found[-1] if len(set(found)) == 1 else ""


@dataclass
class Compared:
    """The number of values that were compared, and descriptions of those that are wrong."""

    count: int = 0
    wrong: List[str] = field(default_factory=list)


def compared(items: List[Record], means: Dict[str, float], first: Walk, last: Walk) -> Compared:
    """Compare the last values of items, or for rates the means by itemid, with two walks."""
    found = Compared()
    for item in items:
        if item["key_"].partition("[")[0] in OTHERS:
            continue
        found.count += 1
        expected = _expected(item, first, last)
        given = item["lastvalue"]
        if is_rate(item):
            given = str(means.get(item["itemid"]))
        if not _is_like(given, expected, TOLERANCE if is_rate(item) else 0.0):
            found.wrong.append(f"{item['name']} is {given}, not {expected}")
    return found


def is_rate(item: Record) -> bool:
    """Return whether an item's value is the change of a counter per second."""
    return any(step["type"] == CHANGE_PER_SECOND for step in item["preprocessing"])


def mean(history: List[Record]) -> float:
    """Return the mean of the rates of an item: those after the first, each since the one before."""
    times = [int(each["clock"]) + int(each["ns"]) / 1e9 for each in history]
    spans = [end - begin for begin, end in zip(times, times[1:])]
    rates = [float(each["value"]) for each in history[1:]]
    return sum(rate * span for rate, span in zip(rates, spans)) / sum(spans)


def trouble(item: Record, walk: Walk, since: float) -> str:
    """Return what is wrong with an item: an error, or no value since a time; "" if nothing is."""
    if item["error"] or item["history"] == "0" or oid_of(item) not in walk.values:
        return str(item["error"])
    kept = any(step["type"] in DISCARD for step in item["preprocessing"])
    return "" if kept or int(item["lastclock"]) >= since else "no value"


def has_value(item: Record, walk: Walk) -> bool:
    """Return whether an item has a value or an error, or its OID had none in a walk."""
    oid = oid_of(item)
    if item["history"] == "0" or (oid and oid not in walk.values):
        return True
    return item["lastclock"] != "0" or bool(item["error"])


def _expected(item: Record, first: Walk, last: Walk) -> str:
    """Return the value that an item must have; "" if its object has no instance."""
    oid = oid_of(item)
    steps = {step["type"]: step["params"] for step in item["preprocessing"]}
    value = last.values.get(oid, "")
    if CHANGE_PER_SECOND in steps:
        value = str((int(value) - int(first.values[oid])) / (last.taken - first.taken))
    if MULTIPLIER in steps:
        value = str(float(value) * float(steps[MULTIPLIER]))
    return value


def _is_like(given: str, wanted: str, tolerance: float) -> bool:
    if given == wanted:
        return True
    try:
        return abs(float(given) - float(wanted)) <= max(tolerance * float(wanted), 1e-6)
    except ValueError:
        return False
