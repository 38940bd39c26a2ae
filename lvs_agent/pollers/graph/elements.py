# SPDX-License-Identifier: GPL-3.0-or-later
"""The elements of a picture, as words of rrdtool graph: its values, areas, lines and legend.

The values of group G and source S are vG_S, their maxima mG_S, and what is drawn dG_S; tS is the
sum of a source over all groups. A value that is divided by another has the parts nX and pX of each
such name X, and aX, the quotient of their averages.
"""

from __future__ import annotations

import colorsys
from typing import Iterator, Sequence

from lvs_agent.pollers.graph.files import AVERAGE, MAX
from lvs_agent.pollers.graph.kinds import Kind
from lvs_agent.pollers.graph.selection import Group
from lvs_agent.pollers.graph.texts import elided

PALETTE = (
    *("#2a6fb0", "#e0862c", "#3a9a4c", "#c8453c", "#8a63b8", "#8c6048"),
    *("#d673b4", "#7a7a7a", "#b0b030", "#2eaebe"),
)
GOLDEN_ANGLE = 0.618034  # of a turn: each hue is far from all before it, however many there are

LEGEND_BYTES = 198  # of a label or comment; rrdtool cuts off the rest, even within a character
BACKSLASH = "\u2216"  # SET MINUS; a real one is a control code near the end of a label

STRONG, WEAK = "d0", "70"  # opacity, 00 to ff
BASE_LINE = "HRULE:0#606060"

NUMBER, COUNT = "%6.2lf%s", "%6.2lf "  # a count has no thousands and no thousandths
COLUMN_WIDTH = 9  # characters: NUMBER without a prefix, and the two that rrdtool puts before it
AVERAGES = "average"
COLUMNS = {"last": "LAST", AVERAGES: "AVERAGE", "maximum": "MAXIMUM"}


def colour(place: int) -> str:
    """Return the colour of the group at place, counted from 0, as #rrggbb."""
    if place < len(PALETTE):
        return PALETTE[place]
    hue = (place * GOLDEN_ANGLE) % 1.0
    return "#" + "".join(f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue, 0.5, 0.5))


def data(kind: Kind, groups: Sequence[Group], below: bool) -> Iterator[str]:
    """Yield the definitions of all values; below is True if the second source is negative."""
    for s, (source, _) in enumerate(kind.sources):
        names = [f"v{g}_{s}" for g in range(len(groups))]
        for g, group in enumerate(groups):
            yield from _values(kind, s, names[g], group)
            if group.is_one_row and not kind.per:
                yield from _sum(f"m{g}_{s}", group, source, MAX, kind.factor)
            else:
                # rows have their maxima at different times, so a sum of these never occurred
                yield f"CDEF:m{g}_{s}=v{g}_{s}"
        if kind.per:
            for part in "np":
                yield f"CDEF:{part}t{s}={_added([f'{part}{name}' for name in names])}"
            yield from _quotient(f"t{s}")
        else:
            yield f"CDEF:t{s}={_added(names)}"
        sign = -1 if below and s else 1
        for g, name in enumerate(names):
            signed = f"{name},{sign},*"
            # rrdtool draws nothing above an unknown value: make it 0, unless all are unknown
            drawn = signed if kind.per else f"t{s},UN,UNKN,{name},UN,0,{signed},IF,IF"
            yield f"CDEF:d{g}_{s}={drawn}"


def one(kind: Kind, below: bool) -> Iterator[str]:
    """Yield the elements for one group: a colour and a line of numbers for each source."""
    width = max(len(name) for _, name in kind.sources)
    yield _header(width, list(COLUMNS))
    for s, (_, name) in enumerate(kind.sources):
        on_top = ":STACK" if s and not below else ""
        yield f"AREA:d0_{s}{kind.colours[s]}b0:{name:<{width}}{on_top}"
        yield from _columns(kind, f"v0_{s}", f"m0_{s}")
        yield "COMMENT:\\l"
    if below:
        yield BASE_LINE


def many(kind: Kind, groups: Sequence[Group], below: bool, widest: int) -> Iterator[str]:
    """Yield the elements for several groups: a colour and a line of all sources' numbers each.

    widest is the number of characters in a line; numbers that do not fit get a line of their own.
    """
    together = "all" if kind.per else "sum"
    names = [*(_label(group.name, widest - 2) for group in groups), together]
    width = max(map(len, names))
    wraps = width + 2 + COLUMN_WIDTH * len(COLUMNS) * len(kind.sources) > widest
    width = 0 if wraps else width
    sources = range(len(kind.sources))
    yield _header(width, [name for _, name in kind.sources for _ in COLUMNS])
    yield _header(width, [column for _ in kind.sources for column in COLUMNS])
    for g in range(len(groups)):
        yield _area(kind, g, 0, _escaped(names[g].ljust(width)), STRONG)
        if wraps:
            yield from ("COMMENT:\\l", "COMMENT:  ")
        for s in sources:
            yield from _columns(kind, f"v{g}_{s}", f"m{g}_{s}")
        yield "COMMENT:\\l"
        if len(sources) > 1 and not below:
            yield f"AREA:d{g}_1{colour(g)}{WEAK}::STACK"
    if below:
        for g in range(len(groups)):
            yield _area(kind, g, 1, "", STRONG if kind.below else WEAK)
        yield BASE_LINE
    yield f"COMMENT:  {together:<{width}}"
    if wraps:
        yield from ("COMMENT:\\l", "COMMENT:  ")
    for s in sources:
        yield from _columns(kind, f"t{s}", f"t{s}")
    yield "COMMENT:\\l"


def _values(kind: Kind, s: int, name: str, group: Group) -> Iterator[str]:
    """Yield the definition of a group's values of source s."""
    source = kind.sources[s][0]
    if kind.per:
        yield from _sum(f"n{name}", group, source, AVERAGE, kind.factor)
        yield from _sum(f"p{name}", group, kind.per[s], AVERAGE, 1)
        yield from _quotient(name)
    else:
        yield from _sum(name, group, source, AVERAGE, kind.factor)


def _quotient(name: str) -> Iterator[str]:
    """Yield the quotient of nNAME and pNAME, unknown where pNAME is 0, and that of their means."""
    yield f"CDEF:{name}=p{name},0,GT,n{name},p{name},/,UNKN,IF"
    for part in "np":
        yield f"VDEF:{part}{name}mean={part}{name},AVERAGE"
    yield f"CDEF:a{name}=n{name},POP,p{name}mean,0,GT,n{name}mean,p{name}mean,/,UNKN,IF"


def _sum(name: str, group: Group, source: str, function: str, factor: int) -> Iterator[str]:
    parts = []
    for f, file in enumerate(group.files):
        parts.append(f"{name}_{f}")
        yield f"DEF:{name}_{f}={_escaped(file.path)}:{source}:{function}"
    yield f"CDEF:{name}={_added(parts)},{factor},*"


def _added(names: Sequence[str]) -> str:
    """Return the sum in reverse Polish notation, ignoring unknown values: rrdgraph_rpn(1)."""
    return ",".join([names[0], *(f"{name},ADDNAN" for name in names[1:])])


def _area(kind: Kind, g: int, s: int, label: str, opacity: str) -> str:
    """Return an area, stacked on those before it; or a line for quotients, which do not add up."""
    if kind.per:
        return f"LINE1.5:d{g}_{s}{colour(g)}:{label}"
    return f"AREA:d{g}_{s}{colour(g)}{opacity}:{label}{':STACK' if g else ''}"


def _header(width: int, columns: Sequence[str]) -> str:
    return f"COMMENT:{' ' * (width + 2)}{''.join(f'{name:>{COLUMN_WIDTH}}' for name in columns)}\\l"


def _columns(kind: Kind, values: str, maxima: str) -> Iterator[str]:
    for column, function in COLUMNS.items():
        name = f"{values}{column}"
        of = maxima if column == "maximum" else values
        if kind.per and column == AVERAGES:
            of = f"a{values}"  # an average of quotients would count a quiet night as much as a day
        yield f"VDEF:{name}={of},{function}"
        yield f"GPRINT:{name}:{COUNT if kind.of_parts else NUMBER}"


def _label(text: str, most: int) -> str:
    """Return a label of at most so many characters that rrdtool shows as a whole."""
    text = text.replace("\\", BACKSLASH)
    label = elided(text, most)
    while len(label.encode()) > LEGEND_BYTES:
        most -= 1
        label = elided(text, most)
    return label


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")
