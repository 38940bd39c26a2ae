# SPDX-License-Identifier: GPL-3.0-or-later
"""One picture: the rrdtool command that draws it; see rrdgraph(1) and related pages.

The first value of a kind is drawn upwards. The second is drawn downwards, or on top of the first.
"""

from __future__ import annotations

import colorsys
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Tuple

from lvs_agent.errors import CommandError, UsageError
from lvs_agent.pollers.graph.files import AVERAGE, DAY, MAX
from lvs_agent.pollers.graph.rrdtool import RrdError, Rrdtool
from lvs_agent.pollers.graph.selection import Group, Selection, grouped, look_at, needed
from lvs_agent.pollers.graph.selection import title as title_of

# seconds that a picture shows
PERIODS = {"day": DAY, "week": 7 * DAY, "month": 31 * DAY, "year": 366 * DAY}

# nobody can tell more colours apart
MOST_GROUPS = 40

WIDTH, HEIGHT = 600, 150  # pixels of the drawn area

FIRST, SECOND = "#2a6fb0", "#e0862c"
PALETTE = (
    *("#2a6fb0", "#e0862c", "#3a9a4c", "#c8453c", "#8a63b8", "#8c6048"),
    *("#d673b4", "#7a7a7a", "#b0b030", "#2eaebe"),
)
GOLDEN_ANGLE = 0.618034  # of a turn: each hue is far from all before it, however many there are

STYLE = (
    *("--border", "0", "--slope-mode", "--disable-rrdtool-tag", "--dynamic-labels"),
    *("--color", "BACK#ffffff", "--color", "CANVAS#ffffff", "--color", "FONT#303030"),
    *("--color", "GRID#0000001a", "--color", "MGRID#00000033", "--color", "AXIS#606060"),
    *("--color", "FRAME#ffffff", "--color", "ARROW#ffffff"),
    *("--font", "DEFAULT:8:DejaVu Sans Mono", "--font", "TITLE:11:DejaVu Sans"),
    *("--font", "AXIS:8:DejaVu Sans", "--font", "UNIT:8:DejaVu Sans"),
)

STRONG, WEAK = "d0", "70"  # opacity, 00 to ff
BASE_LINE = "HRULE:0#606060"

NUMBER = "%7.2lf%s"
COLUMN_WIDTH = 10  # characters: NUMBER without a prefix, and the two that rrdtool puts before it
WIDEST_LINE = 92  # characters below a picture; if longer, numbers get their own line
COLUMNS = {"last": "LAST", "average": "AVERAGE", "maximum": "MAXIMUM"}


@dataclass(frozen=True)
class Kind:
    """A kind of picture: its title, its unit, and the sources it shows with their names."""

    title: str
    unit: str
    sources: Tuple[Tuple[str, str], ...]
    factor: int = 1
    below: bool = False


KINDS: Dict[str, Kind] = {
    "active": Kind("connections", "connections", (("active", "active"), ("inactive", "inactive"))),
    "conns": Kind("new connections", "connections/s", (("conns", "new"),)),
    "packets": Kind("packets", "packets/s", (("in_pkts", "in"), ("out_pkts", "out")), 1, True),
    "bits": Kind("traffic", "bits/s", (("in_bytes", "in"), ("out_bytes", "out")), 8, True),
}


@dataclass(frozen=True)
class Look:
    """The look of a picture. inactive_below is for the kind active. start, end: rrdfetch(1)."""

    start: str
    end: str
    inactive_below: bool = False
    width: int = WIDTH
    height: int = HEIGHT


def words(output: str, kind: Kind, groups: Sequence[Group], title: str, look: Look) -> List[str]:
    """Return the command that draws groups, at most MOST_GROUPS, to output (.png or .svg)."""
    below = kind.below or (len(kind.sources) > 1 and look.inactive_below)
    form = "SVG" if output.endswith(".svg") else "PNG"
    return [
        *("graph", output, "--imgformat", form, "--start", look.start, "--end", look.end),
        *("--title", title, "--vertical-label", kind.unit),
        *("--width", str(look.width), "--height", str(look.height), *STYLE),
        # without values there is no range, and rrdtool would draw nothing
        *("--lower-limit", "0", "--upper-limit", "1" if kind.unit == "connections" else "0.1"),
        *_data(kind, groups, below),
        *(_one(kind, below) if len(groups) == 1 else _many(kind, groups, below)),
    ]


def draw(
    folder: Path, selection: Selection, kind: str, look: Look, name: str, out: Path
) -> List[str]:
    """Draw one picture of the selected files; return the errors of files, a line each.

    name is its title, unless empty. Raises OSError, CommandError, and UsageError for too many.
    """
    with Rrdtool(folder) as rrdtool:
        found = needed(look_at(rrdtool, folder, selection), folder)
        groups = grouped(list(found.last), selection.stack)
        if len(groups) > MOST_GROUPS:
            raise UsageError(
                f"too many for a colour each: {len(groups)}; select {MOST_GROUPS} or fewer, or omit"
                " --stack to draw their sum"
            )
        name = name or f"{title_of(list(found.last))} - {KINDS[kind].title}"
        try:
            save(rrdtool, out, KINDS[kind], groups, name, look)
        except RrdError as error:
            raise CommandError(f"{out}: cannot draw: {error}") from None
        return found.errors


def save(
    rrdtool: Rrdtool, out: Path, kind: Kind, groups: Sequence[Group], title: str, look: Look
) -> None:
    """Draw groups to a file, which is replaced as a whole. Raises RrdError and OSError."""
    # Absolute, since rrdtool runs in the folder of the files. A link is replaced, not followed: the
    # folder may be another user's.
    path = Path(os.path.abspath(out))
    new = path.with_name(f".new.{path.name}")
    try:
        rrdtool.run(*words(str(new), kind, groups, title, look))
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def colour(place: int) -> str:
    """Return the colour of the group at place, counted from 0, as #rrggbb."""
    if place < len(PALETTE):
        return PALETTE[place]
    hue = (place * GOLDEN_ANGLE) % 1.0
    return "#" + "".join(f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue, 0.5, 0.5))


def _data(kind: Kind, groups: Sequence[Group], below: bool) -> Iterator[str]:
    """Yield for group G and source S: vG_S the values, mG_S their maxima, dG_S the drawn values."""
    for s, (source, _) in enumerate(kind.sources):
        for g, group in enumerate(groups):
            yield from _sum(f"v{g}_{s}", group, source, AVERAGE, kind.factor)
            if group.is_one_row:
                yield from _sum(f"m{g}_{s}", group, source, MAX, kind.factor)
            else:
                # rows have their maxima at different times, so a sum of these never occurred
                yield f"CDEF:m{g}_{s}=v{g}_{s}"
        total = _added([f"v{g}_{s}" for g in range(len(groups))])
        yield f"CDEF:t{s}={total}"
        sign = -1 if below and s else 1
        for g in range(len(groups)):
            # rrdtool draws nothing above an unknown value: make it 0, unless all are unknown
            known = f"v{g}_{s},UN,0,v{g}_{s},{sign},*,IF"
            yield f"CDEF:d{g}_{s}=t{s},UN,UNKN,{known},IF"


def _sum(name: str, group: Group, source: str, function: str, factor: int) -> Iterator[str]:
    parts = []
    for f, file in enumerate(group.files):
        parts.append(f"{name}_{f}")
        yield f"DEF:{name}_{f}={_escaped(file.path)}:{source}:{function}"
    yield f"CDEF:{name}={_added(parts)},{factor},*"


def _added(names: Sequence[str]) -> str:
    """Return the sum in reverse Polish notation, ignoring unknown values: rrdgraph_rpn(1)."""
    return ",".join([names[0], *(f"{name},ADDNAN" for name in names[1:])])


def _one(kind: Kind, below: bool) -> Iterator[str]:
    """Yield the elements for one group: a colour and a line of numbers for each source."""
    width = max(len(name) for _, name in kind.sources)
    yield _header(width, list(COLUMNS))
    for s, (_, name) in enumerate(kind.sources):
        on_top = ":STACK" if s and not below else ""
        yield f"AREA:d0_{s}{(FIRST, SECOND)[s]}b0:{name:<{width}}{on_top}"
        yield from _columns(f"v0_{s}", f"m0_{s}")
        yield "COMMENT:\\l"
    if below:
        yield BASE_LINE


def _many(kind: Kind, groups: Sequence[Group], below: bool) -> Iterator[str]:
    """Yield the elements for stacked groups: a colour and a line of both sources' numbers each."""
    names = [*(group.name for group in groups), "sum"]
    width = max(map(len, names))
    wraps = width + 2 + COLUMN_WIDTH * len(COLUMNS) * len(kind.sources) > WIDEST_LINE
    width = 0 if wraps else width
    sources = range(len(kind.sources))
    yield _header(width, [name for _, name in kind.sources for _ in COLUMNS])
    yield _header(width, [column for _ in kind.sources for column in COLUMNS])
    for g, group in enumerate(groups):
        on_top = ":STACK" if g else ""
        yield f"AREA:d{g}_0{colour(g)}{STRONG}:{_escaped(group.name.ljust(width))}{on_top}"
        if wraps:
            yield from ("COMMENT:\\l", "COMMENT:  ")
        for s in sources:
            yield from _columns(f"v{g}_{s}", f"m{g}_{s}")
        yield "COMMENT:\\l"
        if len(sources) > 1 and not below:
            yield f"AREA:d{g}_1{colour(g)}{WEAK}::STACK"
    if below:
        for g in range(len(groups)):
            on_top = ":STACK" if g else ""
            yield f"AREA:d{g}_1{colour(g)}{STRONG if kind.below else WEAK}:{on_top}"
        yield BASE_LINE
    yield f"COMMENT:  {'sum':<{width}}"
    if wraps:
        yield from ("COMMENT:\\l", "COMMENT:  ")
    for s in sources:
        yield from _columns(f"t{s}", f"t{s}")
    yield "COMMENT:\\l"


def _header(width: int, columns: Sequence[str]) -> str:
    return f"COMMENT:{' ' * (width + 2)}{''.join(f'{name:>{COLUMN_WIDTH}}' for name in columns)}\\l"


def _columns(values: str, maxima: str) -> Iterator[str]:
    for column, function in COLUMNS.items():
        name = f"{values}{column}"
        yield f"VDEF:{name}={maxima if column == 'maximum' else values},{function}"
        yield f"GPRINT:{name}:{NUMBER}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")
