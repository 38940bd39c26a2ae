# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of a page: which they are, and drawing them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from lvs_agent.pollers.graph import files, page
from lvs_agent.pollers.graph.drawing import Files, look_at, needed
from lvs_agent.pollers.graph.files import File, Last
from lvs_agent.pollers.graph.page import Subject
from lvs_agent.pollers.graph.picture import KINDS, MOST_GROUPS, PERIODS, Look, words
from lvs_agent.pollers.graph.progress import Progress
from lvs_agent.pollers.graph.rrdtool import RrdError, Rrdtool
from lvs_agent.pollers.graph.selection import (
    SERVER,
    SERVICE,
    Group,
    Selection,
    grouped,
    title,
)
from lvs_agent.pollers.naming import Row

SILENCE = 3600  # seconds without a value after which a page says so
# with a colour each in the picture of all of them: as many as its legend has room for
MOST_SERVICES = 10


# files, and what of them has a colour of its own
Drawing = Tuple[Sequence[File], Optional[str]]


@dataclass(frozen=True)
class Plan:
    """A subject of the page, and the groups in its pictures of each of its periods."""

    subject: Subject
    groups: Dict[str, List[Group]]


def draw(
    folder: Path, selection: Selection, look: Look, redraw: bool, out: Path, now: float
) -> List[str]:
    """The page and its pictures, the fresh ones only if redraw; the errors, a line each.

    Of look, start and end don't matter: each period ends now, in seconds since 1970. Raises
    OSError and PollerError.
    """
    with Rrdtool(folder) as rrdtool:
        selected = needed(look_at(rrdtool, folder, selection), folder)
        servers = look_at(rrdtool, folder, replace(selection, stack=SERVER))
        plans = planned(selected, servers, now)
        errors = list(dict.fromkeys([*selected.errors, *servers.errors]))
        out.mkdir(parents=True, exist_ok=True)
        wanted = [
            each
            for each in _all(plans)
            if redraw or not _fresh(out / _picture(*each), each[2], look)
        ]
        progress = Progress("pictures drawn:", len(wanted))
        for plan, kind, period in wanted:
            file = out / _picture(plan, kind, period)
            span = replace(look, start=str(int(now) - PERIODS[period]), end=str(int(now)))
            name = f"{plan.subject.name} - {KINDS[kind].title}, {period}"
            drawing = words(os.path.abspath(file), KINDS[kind], plan.groups[period], name, span)
            try:
                rrdtool.run(*drawing)
            except RrdError as error:
                errors.append(f"{file}: not drawn: {error}")
            progress.count()
        progress.end()
    directors = sorted({file.director for file in selected.last})
    page.write(out, directors, [plan.subject for plan in plans], now)
    return errors


def planned(selected: Files, servers: Files, now: float) -> List[Plan]:
    """All services together, then each of them, with a colour for each of its real servers.

    What had its last value before a period began is not in the pictures of it; a service that
    had it before them all is left out.
    """
    last = {**servers.last, **selected.last}
    every, parts = list(selected.last), servers.by_service()
    plans = [_plan(page.ALL, title(every), (every, None), (every, SERVICE), last, now)]
    for service, its in selected.by_service().items():
        theirs = parts.get(service, [])
        stem = files.stem(Row(service))
        plan = _plan(stem, str(service), (its, None), (theirs, SERVER), last, now)
        if plan.groups:
            plans.append(plan)
    return plans


def _plan(
    stem: str, name: str, whole: Drawing, parts: Drawing, last: Dict[File, Last], now: float
) -> Plan:
    """parts in a colour each if there are some and not too many, else the sum of the whole."""
    groups = {}
    for period, seconds in PERIODS.items():
        choices = [
            grouped([file for file in its if now - last[file].when <= seconds], stack)
            for its, stack in (parts, whole)
        ]
        if choices[1]:
            most = MOST_SERVICES if parts[1] == SERVICE else MOST_GROUPS
            groups[period] = choices[0] if 0 < len(choices[0]) <= most else choices[1]
    lasts = [last[file] for file in whole[0]]
    silent = max(each.when for each in lasts)
    note = ""
    if now - silent > SILENCE or not any(each.known for each in lasts):
        note = f"no values since {time.strftime('%Y-%m-%d %H:%M', time.localtime(silent))}"
    return Plan(Subject(stem, name, list(groups), note), groups)


def _all(plans: Sequence[Plan]) -> Iterator[Tuple[Plan, str, str]]:
    """Every picture: its plan, kind and period."""
    for plan in plans:
        for period in plan.groups:
            for kind in KINDS:
                yield plan, kind, period


def _picture(plan: Plan, kind: str, period: str) -> str:
    return plan.subject.picture(kind, period)


def _fresh(picture: Path, period: str, look: Look) -> bool:
    """Whether a picture needs no drawing yet: what is new would not fill one of its pixels."""
    try:
        age = time.time() - picture.stat().st_mtime
    except FileNotFoundError:
        return False
    return age < PERIODS[period] / look.width
