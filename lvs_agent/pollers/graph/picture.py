# SPDX-License-Identifier: GPL-3.0-or-later
"""One picture: the rrdtool command that draws it; see rrdgraph(1) and related pages.

The first value of a kind is drawn upwards. The second is drawn downwards, or on top of the first.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence

from lvs_agent.errors import CommandError, UsageError
from lvs_agent.pollers.graph import elements
from lvs_agent.pollers.graph.files import DAY
from lvs_agent.pollers.graph.kinds import Kind, kind_of
from lvs_agent.pollers.graph.rrdtool import RrdError, Rrdtool
from lvs_agent.pollers.graph.selection import Group, Selection, grouped, look_at, nothing
from lvs_agent.pollers.graph.selection import title as title_of
from lvs_agent.pollers.graph.texts import elided, replace

# seconds that a picture shows
PERIODS = {"day": DAY, "week": 7 * DAY, "month": 31 * DAY, "year": 366 * DAY}

# nobody can tell more colours apart
MOST_GROUPS = 40

WIDTH, HEIGHT = 600, 150  # pixels of the drawn area
MARGINS, CHARACTER = 44, 7  # pixels beside it that a line may also fill, and those of a character
TITLE_CHARACTER = 8  # pixels of a character in a title

STYLE = (
    *("--border", "0", "--slope-mode", "--disable-rrdtool-tag", "--dynamic-labels"),
    *("--color", "BACK#ffffff", "--color", "CANVAS#ffffff", "--color", "FONT#303030"),
    *("--color", "GRID#0000001a", "--color", "MGRID#00000033", "--color", "AXIS#606060"),
    *("--color", "FRAME#ffffff", "--color", "ARROW#ffffff"),
    *("--font", "DEFAULT:8:DejaVu Sans Mono", "--font", "TITLE:11:DejaVu Sans"),
    *("--font", "AXIS:8:DejaVu Sans", "--font", "UNIT:8:DejaVu Sans"),
)


@dataclass(frozen=True)
class Look:
    """The look of a picture. inactive_below is for the kind active. start, end: rrdfetch(1)."""

    start: str
    end: str
    inactive_below: bool = False
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def widest(self) -> int:
        """The number of characters in a line below the picture."""
        return min((self.width + MARGINS) // CHARACTER, elements.LEGEND_BYTES)


def words(
    output: str, form: str, kind: Kind, groups: Sequence[Group], title: str, look: Look
) -> List[str]:
    """Return the command that draws groups, at most MOST_GROUPS, to output; form is PNG or SVG."""
    below = kind.below or (len(kind.sources) == 2 and look.inactive_below)
    least = "1" if kind.of_parts or kind.unit == "connections" else "0.1"
    shown = (
        elements.one(kind, below)
        if len(groups) == 1
        else elements.many(kind, groups, below, look.widest)
    )
    return [
        *("graph", output, "--imgformat", form, "--start", look.start, "--end", look.end),
        *("--title", elided(title, look.width // TITLE_CHARACTER), "--vertical-label", kind.unit),
        *("--width", str(look.width), "--height", str(look.height), *STYLE),
        # without values there is no range, and rrdtool would draw nothing
        *("--lower-limit", "0", "--upper-limit", least),
        *elements.data(kind, groups, below),
        *shown,
    ]


def draw(
    folder: Path, selection: Selection, kind: str, look: Look, name: str, out: Path
) -> List[str]:
    """Draw one picture of the selected files; return the errors of files, a line each.

    name is its title, unless empty. Raises OSError, CommandError, and UsageError for too many.
    """
    with Rrdtool(folder) as rrdtool:
        found = look_at(rrdtool, folder, selection.takes)
        if not found.last:
            raise nothing(folder, found.errors)
        every = list(found.last)
        of = kind_of(kind, every)
        if of.of_parts and (selection.of_servers or selection.stack is not None):
            raise UsageError(
                f"{kind}: only for services, VIPs and RIPs: select them with --service, --vip or"
                " --port, and omit --stack"
            )
        shown = [file for file in every if of.shows(found.last[file])]
        if not shown:
            raise CommandError(f"{folder}: no {of.title} yet; graph update stores them")
        groups = grouped(shown, selection.stack)
        if len(groups) > MOST_GROUPS:
            raise UsageError(
                f"too many for a colour each: {len(groups)}; select {MOST_GROUPS} or fewer, or omit"
                " --stack to draw their sum"
            )
        name = name or f"{title_of(every)} - {of.title}"
        try:
            save(rrdtool, out, of, groups, name, look)
        except RrdError as error:
            raise CommandError(f"{out}: cannot draw: {error}") from None
        return found.errors


def save(
    rrdtool: Rrdtool, out: Path, kind: Kind, groups: Sequence[Group], title: str, look: Look
) -> None:
    """Draw groups to a file, which is replaced as a whole. Raises RrdError and OSError."""
    # rrdtool draws in memory: in a folder of another user it would follow links
    with open(os.memfd_create("picture"), "rb") as memory:
        target = f"/proc/{os.getpid()}/fd/{memory.fileno()}"
        form = "SVG" if out.suffix == ".svg" else "PNG"
        rrdtool.run(*words(target, form, kind, groups, title, look))
        replace(out, memory.read())
