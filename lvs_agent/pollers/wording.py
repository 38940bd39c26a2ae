# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts of lvs-agent check: counts first, since when, then some of the names."""

from __future__ import annotations

import time
from typing import Optional, Sequence, Union

from lvs_agent.pollers.services import Gone, Subject

SHOWN = 3  # names of services or real servers in a text

# the parts that are up, and the word for those that are not, by the table of their row
_UP = {
    "lvsVs": "{} of {} real servers up",
    "lvsVip": "{} of {} services up",
    "lvsRip": "up in {} of {} services",
}
_DOWN = {"lvsVs": "weight 0", "lvsVip": "down"}
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def since(age: Optional[int]) -> str:
    """Return " since 14:03 (2 h)" for an age in seconds, "" for None.

    The time is the poller's local time, with the date unless it is today's.
    """
    if age is None:
        return ""
    now = time.time()
    then, today = time.localtime(now - age), time.localtime(now)
    form = "%H:%M" if then[:3] == today[:3] else "%Y-%m-%d %H:%M"
    return f" since {time.strftime(form, then)} ({_duration(age)})"


def named(row: Union[Subject, Gone]) -> str:
    """Return the name of a row, with its alias if it has one: TCP 192.0.2.10:443 (shop)."""
    alias = row.alias.replace("|", "/")  # performance data begins at the first |
    return f"{row.name} ({alias})" if alias else str(row.name)


def names(rows: Sequence[Gone], count: int) -> str:
    """Return the first names, each with its time, and the number of the others; count is of all."""
    shown = [f"{named(row)}{since(row.age)}" for row in rows[:SHOWN]]
    if not shown:
        return ""
    more = count - len(shown)
    return f": {', '.join(shown)}" + (f" and {more} more" if more > 0 else "")


def subject(found: Subject, up: int) -> str:
    """Return the number of parts that are up, and those that are not."""
    text = f"{named(found)}: {_UP[found.name.table].format(up, found.total)}"
    if not up:
        text += since(found.age)
    if found.lost:
        text += f", {found.lost} lost{names(found.gone, found.lost)}"
    if found.down:
        text += f", {_DOWN[found.name.table]}{names(found.down, len(found.down))}"
    return text


def lost_services(rows: Sequence[Gone], count: int, present: int) -> str:
    """Return the number of services that are lost, and some of them unless all are."""
    if present or count == 1:
        return f"{count} of {present + count} services lost{names(rows, count)}"
    # all are lost since the last one is
    return f"all {count} services are lost{since(rows[0].age if rows else None)}"


def _duration(seconds: int) -> str:
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
