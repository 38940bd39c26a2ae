# SPDX-License-Identifier: GPL-3.0-or-later
"""The page and its pictures: HTML with relative links and no scripts. It needs no server."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from lvs_agent.pollers.graph.files import File, Last, stem
from lvs_agent.pollers.graph.picture import KINDS, MOST_GROUPS, PERIODS, Look, save
from lvs_agent.pollers.graph.progress import Progress
from lvs_agent.pollers.graph.rrdtool import RrdError, Rrdtool
from lvs_agent.pollers.graph.selection import (
    SERVER,
    SERVICE,
    Files,
    Group,
    Selection,
    grouped,
    look_at,
    needed,
    title,
)
from lvs_agent.pollers.graph.texts import replace_text

INDEX = "index.html"
ALL = "all"  # the stem of all services together
THUMBNAILS = ("active", "bits")  # the kinds that the index shows for each service
REFRESH = 300  # seconds after which a browser reads a page again
SILENCE = 3600  # seconds without a value after which a page says so
# services with a colour each in the picture of all services; its legend has no room for more
MOST_SERVICES = 10

STYLE = """\
:root { color-scheme: light dark; --back: #fff; --text: #222; --dim: #666; --line: #ddd;
  --link: #1f5f9f }
body { background: var(--back); color: var(--text); margin: 1.5rem auto; padding: 0 1rem;
  max-width: 1420px; font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line) }
a { color: var(--link); text-decoration: none }
a:hover { text-decoration: underline }
p, nav { color: var(--dim); margin: .2rem 0 }
nav a { margin-right: 1rem; display: inline-block }
small { color: var(--dim); font-weight: normal; margin-left: 1rem }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem }
img { max-width: 100%; min-height: 8rem }
@media (prefers-color-scheme: dark) {
  :root { --back: #1a1a1a; --text: #ddd; --dim: #999; --line: #444; --link: #8ab8e8 }
  img { filter: invert(.9) hue-rotate(180deg) }
}
"""


@dataclass(frozen=True)
class Subject:
    """A subject of pictures: one service, or all. periods are those for which it has values.

    stem is the name of its page and the prefix of its pictures' names. note is empty, or gives
    the time since which there are no values.
    """

    stem: str
    name: str
    periods: Sequence[str]
    note: str = ""

    @property
    def page(self) -> str:
        """The file name of its page."""
        return f"{self.stem}.html"

    def picture(self, kind: str, period: str) -> str:
        """Return the file name of a picture."""
        return f"{self.stem}-{kind}-{period}.png"


# files, and their grouping: see Selection.stack
Drawing = Tuple[Sequence[File], Optional[str]]


@dataclass(frozen=True)
class Plan:
    """A subject of the page, and the groups in its pictures for each of its periods."""

    subject: Subject
    groups: Dict[str, List[Group]]


def draw(
    folder: Path, selection: Selection, look: Look, redraw: bool, out: Path, now: float
) -> List[str]:
    """Write the page and draw its pictures, fresh ones only if redraw; return errors, a line each.

    start and end of look are ignored: each period ends now, which is in seconds since 1970. Raises
    OSError and CommandError.
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
            try:
                save(rrdtool, file, KINDS[kind], plan.groups[period], name, span)
            except RrdError as error:
                errors.append(f"{file}: cannot draw: {error}")
            progress.count()
        progress.end()
    directors = sorted({file.director for file in selected.last})
    write(out, directors, [plan.subject for plan in plans], now)
    return errors


def planned(selected: Files, servers: Files, now: float) -> List[Plan]:
    """Return a plan for all services together, then one for each, with a colour per real server.

    A file whose last value is older than a period is left out of that period's pictures. A service
    whose last value is older than all periods is left out.
    """
    last = {**servers.last, **selected.last}
    every, parts = list(selected.last), servers.by_service()
    plans = [_plan(ALL, title(every), (every, None), (every, SERVICE), last, now)]
    for row, its in selected.by_service().items():
        theirs = parts.get(row, [])
        plan = _plan(stem(row), its[0].titled(row), (its, None), (theirs, SERVER), last, now)
        if plan.groups:
            plans.append(plan)
    return plans


def _plan(
    page: str, name: str, whole: Drawing, parts: Drawing, last: Dict[File, Last], now: float
) -> Plan:
    """Return a plan with parts in a colour each, or the sum of the whole for none or too many."""
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
    return Plan(Subject(page, name, list(groups), note), groups)


def _all(plans: Sequence[Plan]) -> Iterator[Tuple[Plan, str, str]]:
    """Yield every picture as its plan, kind and period."""
    for plan in plans:
        for period in plan.groups:
            for kind in KINDS:
                yield plan, kind, period


def _picture(plan: Plan, kind: str, period: str) -> str:
    return plan.subject.picture(kind, period)


def _fresh(picture: Path, period: str, look: Look) -> bool:
    """Return whether a picture is fresh: what is new would fill less than one of its pixels."""
    try:
        age = time.time() - picture.stat().st_mtime
    except FileNotFoundError:
        return False
    return age < PERIODS[period] / look.width


def write(folder: Path, directors: Sequence[str], subjects: Sequence[Subject], now: float) -> None:
    """Write all pages, replacing each as a whole. The first is all services. Raises OSError."""
    made = time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(now))
    about = f"{escape(', '.join(directors))} &middot; {escape(made)}"
    for subject in subjects:
        replace_text(folder / subject.page, _subject_page(subject, about))
    replace_text(folder / INDEX, _index(subjects, about))


def _index(subjects: Sequence[Subject], about: str) -> str:
    together, *services = subjects
    parts = [_heading(together), _pictures(together, "day", list(KINDS))]
    for subject in services:
        parts += [_heading(subject), _pictures(subject, "day", THUMBNAILS)]
    links = "".join(f'<a href="#{escape(each.stem)}">{escape(each.name)}</a>' for each in services)
    return _html("Virtual services", f"<p>{about}</p><nav>{links}</nav>", parts)


def _heading(subject: Subject) -> str:
    note = f"<small>{escape(subject.note)}</small>" if subject.note else ""
    link = f'<a href="{escape(subject.page)}">{escape(subject.name)}</a>'
    return f'<h2 id="{escape(subject.stem)}">{link}{note}</h2>'


def _subject_page(subject: Subject, about: str) -> str:
    links = "".join(f'<a href="#{period}">{period}</a>' for period in subject.periods)
    head = f'<p>{about}</p><nav><a href="{INDEX}">all services</a>{links}</nav>'
    parts: List[str] = [f"<p>{escape(subject.note)}</p>"] if subject.note else []
    for period in subject.periods:
        parts += [f'<h2 id="{period}">{period}</h2>', _pictures(subject, period, list(KINDS))]
    return _html(subject.name, head, parts)


def _pictures(subject: Subject, period: str, kinds: Sequence[str]) -> str:
    if period not in subject.periods:
        return f"<p>no values in this {period}</p>"
    images = []
    for kind in kinds:
        about = escape(f"{subject.name}: {KINDS[kind].title}, {period}")
        image = f'<img src="{escape(subject.picture(kind, period))}" alt="{about}" loading="lazy">'
        images.append(f'<a href="{escape(subject.page)}#{period}">{image}</a>')
    return f'<div class="pictures">{"".join(images)}</div>'


def _html(title: str, head: str, parts: Sequence[str]) -> str:
    lines = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="refresh" content="{REFRESH}">',
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>",
        f"<h1>{escape(title)}</h1>\n{head}",
        *parts,
        "</body>\n</html>\n",
    ]
    return "\n".join(lines)
