# SPDX-License-Identifier: GPL-3.0-or-later
"""The page: HTML with pictures beside it, all links relative, no script, no server needed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import List, Sequence

from lvs_agent.pollers.graph.picture import KINDS

INDEX = "index.html"
ALL = "all"  # the stem of all services together
THUMBNAILS = ("active", "bits")  # the kinds that the index shows of each service
REFRESH = 300  # seconds after which a browser reads a page again

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
    """What has pictures: a service, or all of them. periods are those it has values in.

    stem is the name of its page and begins those of its pictures; note is empty or says since
    when there are no values.
    """

    stem: str
    name: str
    periods: Sequence[str]
    note: str = ""

    @property
    def page(self) -> str:
        """The file of its page."""
        return f"{self.stem}.html"

    def picture(self, kind: str, period: str) -> str:
        """The file of a picture."""
        return f"{self.stem}-{kind}-{period}.png"


def write(folder: Path, directors: Sequence[str], subjects: Sequence[Subject], now: float) -> None:
    """Every page, each replaced as a whole. The first subject is all services. Raises OSError."""
    made = time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(now))
    about = f"{escape(', '.join(directors))} &middot; {escape(made)}"
    for subject in subjects:
        _replace(folder / subject.page, _subject_page(subject, about))
    _replace(folder / INDEX, _index(subjects, about))


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


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, "utf-8")
    os.replace(new, path)
