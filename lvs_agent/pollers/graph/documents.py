# SPDX-License-Identifier: GPL-3.0-or-later
"""The index and the page of each subject: HTML with relative links and no scripts."""

from __future__ import annotations

import time
from collections import Counter
from html import escape
from pathlib import Path
from typing import Collection, Dict, List, Sequence

from lvs_agent.pollers.graph import markup
from lvs_agent.pollers.graph.kinds import KINDS
from lvs_agent.pollers.graph.markup import COLUMNS, INDEX
from lvs_agent.pollers.graph.numbers import State
from lvs_agent.pollers.graph.plans import Plan
from lvs_agent.pollers.graph.texts import replace_text
from lvs_agent.pollers.naming import RIP, VIP, AddressRow, Named

# what the index shows of all services together, and of each of the busiest
TOGETHER = ("active", "bits", "conns", "servers")
EACH = ("active", "bits")
MOST_PICTURED = 6  # services
MOST_ROWS = 20  # of a table, before the rest is folded
MOST_RELATED = 60  # links

SERVICES = "services"
TITLES = {SERVICES: "Services", VIP: "Virtual addresses", RIP: "Real servers"}


def busiest(plans: Sequence[Plan]) -> List[Plan]:
    """Return the subjects with most traffic, of the services, or of the sums if those are shown."""
    _, *subjects = plans
    services = [plan for plan in subjects if not isinstance(plan.row, AddressRow)] or subjects
    return sorted(services, key=lambda plan: -plan.numbers.traffic)[:MOST_PICTURED]


def on_index(plans: Sequence[Plan]) -> List[str]:
    """Return the names of the pictures on the index."""
    names = [plans[0].picture(kind, "day") for kind in TOGETHER]
    return names + [plan.picture(kind, "day") for plan in busiest(plans) for kind in EACH]


def write(
    folder: Path,
    directors: Sequence[str],
    plans: Sequence[Plan],
    drawn: Collection[str],
    now: float,
) -> None:
    """Write all pages, replacing each as a whole. The first plan is of all services.

    drawn has the names of the pictures that exist. Raises OSError.
    """
    made = time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(now))
    about = f"<p>{escape(', '.join(directors))} &middot; {escape(made)}</p>"
    by_row = {plan.row: plan for plan in plans if plan.row is not None}
    for plan in plans:
        replace_text(folder / plan.page, _subject(plan, by_row, drawn, about, now))
    replace_text(folder / INDEX, _index(plans, drawn, about, now))


def _index(plans: Sequence[Plan], drawn: Collection[str], about: str, now: float) -> str:
    together, *subjects = plans
    tables: Dict[str, List[Plan]] = {}
    for plan in subjects:
        kind = plan.row.kind if isinstance(plan.row, AddressRow) else SERVICES
        tables.setdefault(kind, []).append(plan)
    links = [f'<a href="#{kind}">{title}</a>' for kind, title in TITLES.items() if kind in tables]
    links.insert(1, '<a href="#pictures">Pictures</a>')
    parts = []
    for kind, title in TITLES.items():
        if kind in tables:
            parts.append(_heading(kind, title))
            if kind != SERVICES:
                parts.append("<p>up and lost are numbers of services</p>")
            parts += _table(tables[kind], now)
        if kind == SERVICES:
            parts.append(_heading("pictures", markup.link(together)))
            parts.append(markup.pictures(together, "day", TOGETHER, drawn))
            for plan in busiest(plans):
                parts.append(f"<h3>{markup.link(plan)}</h3>")
                parts.append(markup.pictures(plan, "day", EACH, drawn))
    said = _summary(tables.get(SERVICES, []))
    return markup.page("Virtual services", f"{about}{said}<nav>{''.join(links)}</nav>", parts)


def _heading(name: str, content: str) -> str:
    return f'<h2 id="{name}">{content}</h2>'


def _summary(plans: Sequence[Plan]) -> str:
    """Return the number of services, and of those that are not up as a whole."""
    states = Counter(plan.numbers.state for plan in plans)
    words = {State.DOWN: "down or lost", State.PARTLY: "partly up", State.GONE: "without values"}
    found = [f"{states[state]} {text}" for state, text in words.items() if states[state]]
    return f"<p>{len(plans)} services: <b>{', '.join(found)}</b></p>" if found else ""


def _table(plans: Sequence[Plan], now: float) -> List[str]:
    """Return a table of subjects: those in trouble first, then by traffic, gone ones last."""
    ordered = sorted(plans, key=lambda plan: (-plan.numbers.state, -plan.numbers.traffic))
    rows = [_row(plan, now) for plan in ordered]
    head = "".join(f"<th>{name}</th>" for name in ("", *COLUMNS))
    head = f"<table><thead><tr>{head}</tr></thead><tbody>"
    found = [head, *rows[:MOST_ROWS], "</tbody></table>"]
    if rows[MOST_ROWS:]:
        summary = f"<details><summary>{len(rows) - MOST_ROWS} more</summary>"
        found += [summary, head, *rows[MOST_ROWS:], "</tbody></table></details>"]
    return found


def _row(plan: Plan, now: float) -> str:
    state = markup.CLASSES[plan.numbers.state]
    cells = "".join(f"<td>{text}</td>" for text in markup.cells(plan.numbers, now))
    return f'<tr class="{state}"><td>{markup.link(plan)}</td>{cells}</tr>'


def _subject(
    plan: Plan, by_row: Dict[Named, Plan], drawn: Collection[str], about: str, now: float
) -> str:
    links = "".join(f'<a href="#{period}">{period}</a>' for period in plan.periods)
    facts = zip(COLUMNS, markup.cells(plan.numbers, now))
    said = " &middot; ".join(f"{name} <b>{text}</b>" for name, text in facts if text)
    related = [markup.link(by_row[row]) for row in plan.related if row in by_row]
    parts = [f"<p>{said}</p>", f"<nav>{''.join(related[:MOST_RELATED])}</nav>"]
    for period in plan.periods:
        parts.append(_heading(period, period))
        parts.append(markup.pictures(plan, period, list(KINDS), drawn, on_its_page=True))
    head = f'{about}<nav><a href="{INDEX}">all services</a>{links}</nav>'
    return markup.page(plan.name, head, parts)
