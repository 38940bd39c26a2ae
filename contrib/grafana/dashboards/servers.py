# SPDX-License-Identifier: GPL-3.0-or-later
"""The panels of real servers that the dashboards of a service and of a machine share."""

from __future__ import annotations

from typing import Callable, List

from dashboards.panels import GOOD, WARNING, Column, Json, Line, bits, graph, rate

# returns an expression by real server as one by the labels of a panel
Grouped = Callable[[str], str]


def columns(rows: str, grouped: Grouped) -> List[Column]:
    """Return the columns of a table of the real servers in rows, a selector."""
    return [
        Column("Weight", grouped(f"lvsRsWeight{rows}"), "short", ((0, WARNING), (1, GOOD))),
        Column("Active", grouped(f"lvsRsActiveConns{rows}")),
        Column("Inactive", grouped(f"lvsRsInactConns{rows}")),
        Column("New", grouped(rate("lvsRsConns", rows)), "cps"),
        Column("In", grouped(bits("lvsRsInBytes", rows)), "bps"),
        Column("Out", grouped(bits("lvsRsOutBytes", rows)), "bps"),
        Column("Up or down for", grouped(f"time() - lvsRsLastChange{rows}"), "s"),
    ]


def graphs(rows: str, grouped: Grouped, legend: str) -> List[Json]:
    """Return the graphs of the real servers in rows, a selector."""

    def line(expr: str) -> Line:
        return Line(grouped(expr), legend)

    stacked = {
        "Traffic from clients": ("bps", bits("lvsRsInBytes", rows)),
        "Traffic to clients": ("bps", bits("lvsRsOutBytes", rows)),
        "New connections": ("cps", rate("lvsRsConns", rows)),
        "Active connections": ("short", f"lvsRsActiveConns{rows}"),
        "Inactive connections": ("short", f"lvsRsInactConns{rows}"),
    }
    return [
        *(graph(title, unit, line(expr), stacked=True) for title, (unit, expr) in stacked.items()),
        graph("Weights", "short", line(f"lvsRsWeight{rows}"), stepped=True),
    ]
