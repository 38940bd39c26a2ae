# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML of the pages: their frame and style, pictures, and the words for numbers and times."""

from __future__ import annotations

import time
from html import escape
from typing import Container, List, Optional, Sequence

from lvs_agent.pollers.graph.files import PARTS
from lvs_agent.pollers.graph.numbers import Numbers, State
from lvs_agent.pollers.graph.plans import Plan

INDEX = "index.html"
REFRESH = 300  # seconds after which a browser reads a page again

# the classes of states
CLASSES = {State.GONE: "gone", State.UP: "", State.PARTLY: "partly", State.DOWN: "down"}

YEAR_3000 = 32503680000  # in seconds since 1970

PREFIXES = ("", *(f"&nbsp;{prefix}" for prefix in "kMGT"))

# the columns of tables, after the name
COLUMNS = ("in bits/s", "out bits/s", "conns/s", "active", "up", "lost", "since")

STYLE = """\
:root { color-scheme: light dark; --back: #fff; --text: #222; --dim: #666; --line: #ddd;
  --link: #1f5f9f; --partly: #9a5b00; --down: #b3261e }
body { background: var(--back); color: var(--text); margin: 1.5rem auto; padding: 0 1rem;
  max-width: 1200px; font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; margin: 0 }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line) }
h3 { font-size: 1rem; margin: 1rem 0 .25rem }
a { color: var(--link); text-decoration: none }
a:hover { text-decoration: underline }
p, nav { color: var(--dim); margin: .2rem 0 }
nav a { margin-right: 1rem; display: inline-block }
b { color: var(--text) }
summary { color: var(--link); cursor: pointer; padding: .3rem 0 }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 560px), 1fr));
  gap: 1rem 1.5rem }
img { display: block; max-width: 100%; height: auto; min-height: 8rem }
table { border-collapse: collapse; width: 100%; table-layout: fixed;
  font-variant-numeric: tabular-nums }
th { color: var(--dim); font-weight: normal; font-size: .85rem; vertical-align: bottom }
th, td { text-align: right; padding: .15rem .4rem; border-bottom: 1px solid var(--line) }
th:first-child, td:first-child { text-align: left; width: 34%; padding-left: 0 }
th:last-child { width: 6.5rem }
.partly { --mark: var(--partly) }
.down { --mark: var(--down) }
.partly :nth-child(6), .partly :nth-child(7), .down :nth-child(6), .down :nth-child(7) {
  color: var(--mark); font-weight: bold }
.gone { color: var(--dim) }
@media (max-width: 700px) {
  body { margin: .5rem auto; padding: 0 .5rem }
  thead { display: none }
  tr { display: flex; flex-wrap: wrap; column-gap: 1rem; border-bottom: 1px solid var(--line);
    padding: .3rem 0 }
  td, td:first-child { border: 0; padding: 0; width: auto }
  td:first-child { flex-basis: 100% }
  td:empty { display: none }
  td::before { color: var(--dim); font-weight: normal }
@LABELS@}
@media (min-width: 1860px) { body { max-width: 1812px } }
@media (prefers-color-scheme: dark) {
  :root { --back: #1a1a1a; --text: #ddd; --dim: #999; --line: #444; --link: #8ab8e8;
    --partly: #e8b04a; --down: #ff8a80 }
  img { filter: invert(.9) hue-rotate(180deg) }
}
"""

# beside each number where there is no room for a head
STYLE = STYLE.replace(
    "@LABELS@",
    "".join(
        f'  td:nth-child({place})::before {{ content: "{name} " }}\n'
        for place, name in enumerate(COLUMNS, 2)
    ),
)


def page(title: str, head: str, parts: Sequence[str]) -> str:
    """Return a whole page; head and parts are HTML."""
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


def pictures(
    plan: Plan, period: str, kinds: Sequence[str], drawn: Container[str], on_its_page: bool = False
) -> str:
    """Return the pictures of a period that are drawn.

    Each leads to the page of its subject; on that page, to itself in its own size.
    """
    images = []
    names = {kind: plan.picture(kind, period) for kind in kinds if (period, kind) in plan.groups}
    for kind, name in names.items():
        if name in drawn:
            about = escape(f"{plan.name}: {plan.kind(kind).title}, {period}")
            image = f'<img src="{escape(name)}" alt="{about}" loading="lazy">'
            target = name if on_its_page else f"{plan.page}#{period}"
            images.append(f'<a href="{escape(target)}">{image}</a>')
    said = [f"<p>no values in this {period}</p>"] if not names else []
    if missing := len(names) - len(images):
        said.append(f"<p>{missing} pictures will be drawn by one of the next runs</p>")
    grid = [f'<div class="pictures">{"".join(images)}</div>'] if images else []
    return "\n".join([*grid, *said])


def link(plan: Plan) -> str:
    """Return a link to the page of a subject."""
    return f'<a href="{escape(plan.page)}">{escape(plan.name)}</a>'


def amount(value: Optional[float]) -> str:
    """Return a number with three digits and a prefix of SI; "" if it is unknown."""
    if value is None:
        return ""
    place = 0
    while value >= 999.5 and place < len(PREFIXES) - 1:
        value, place = value / 1000, place + 1
    digits = 0 if value >= 99.95 or value == int(value) else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f}{PREFIXES[place]}"


def moment(when: Optional[float], now: float) -> str:
    """Return a time of today as 14:03, else its date; "" if it is unknown or impossible."""
    if when is None or not 0 <= when < YEAR_3000:
        return ""
    then = time.localtime(when)
    today = then[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M" if today else "%Y-%m-%d", then)


def cells(numbers: Numbers, now: float) -> List[str]:
    """Return a text for each of COLUMNS, "" if it is unknown. now is in seconds since 1970."""
    values = numbers.values
    bits = (8 * values[name] if name in values else None for name in ("in_bytes", "out_bytes"))
    times = (numbers.lost_since, numbers.silent_since, numbers.changed)
    return [
        *map(amount, bits),
        amount(values.get("conns")),
        amount(values.get("active")),
        _up(numbers),
        amount(values.get("lost") or None),
        moment(next((when for when in times if when is not None), None), now),
    ]


def _up(numbers: Numbers) -> str:
    """Return the number of parts that are up, such as "2 of 3", or why there is none."""
    if numbers.silent_since is not None:
        return "no values" if numbers.lost_since is None else "lost"
    parts = [numbers.values.get(name) for name in PARTS]
    return "" if parts[0] is None else f"{parts[0]:.0f} of {sum(filter(None, parts)):.0f}"
