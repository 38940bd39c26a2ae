# SPDX-License-Identifier: GPL-3.0-or-later
"""The widgets that dashboards have in all versions of Zabbix, on a grid of 24 columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Sequence

from . import director
from .model import TEMPLATE, Node
from .nodes import graph_title, item_key
from .tables import RULES

WIDTH = 24
_VALUE_ONLY = 2  # without the item's name, which is in the header, and the time
VALUES = ("agent.status", "services", "services.lost", "servers", "servers.lost", "conns.active")


@dataclass(frozen=True)
class Widget:
    """A widget; kind is as in Zabbix 7.0."""

    kind: str
    x: int
    y: int
    width: int
    height: int
    fields: Sequence[Node]
    name: str = ""

    def position(self, scale: int) -> Node:
        """Return its place on a grid of scale times the columns."""
        numbers = {"x": self.x * scale, "y": self.y, "width": self.width * scale}
        numbers["height"] = self.height
        return {name: str(number) for name, number in numbers.items() if number}


def values(y: int, height: int) -> List[Widget]:
    """Return a row of the values that matter most."""
    width = WIDTH // len(VALUES)
    return [
        Widget(
            *("item", at * width, y, width, height),
            [
                integer("decimal_places", 0),
                integer("show", _VALUE_ONLY),
                integer("value_size", 30),
                _refer("ITEM", "itemid", key=item_key(None, key)),
            ],
        )
        for at, key in enumerate(VALUES)
    ]


def graphs(y: int, height: int) -> List[Widget]:
    """Return the director's graphs, two in a row."""
    half = WIDTH // 2
    return [
        Widget(
            *("graph", at % 2 * half, y + at // 2 * height, half, height),
            [_refer("GRAPH", "graphid", name=graph_title(None, graph))],
        )
        for at, graph in enumerate(director.GRAPHS)
    ]


def of_rules() -> Dict[str, List[Widget]]:
    """Return a page for each rule, by name: a column for each graph, with some rows of it."""
    pages = {}
    for rule in RULES:
        width = WIDTH // len(rule.graphs)
        pages[f"{rule.name}s"] = [
            Widget(
                *("graphprototype", at * width, 0, width, 20),
                [
                    integer("columns", 1),
                    integer("rows", 4),
                    _refer("GRAPH_PROTOTYPE", "graphid", name=graph_title(rule, graph)),
                ],
            )
            for at, graph in enumerate(rule.graphs)
        ]
    return pages


def integer(name: str, value: int) -> Node:
    """Return a field with a number."""
    return {"type": "INTEGER", "name": name, "value": str(value)}


def text(name: str, value: str) -> Node:
    """Return a field with a text."""
    return {"type": "STRING", "name": name, "value": value}


def _refer(kind: str, field: str, **target: str) -> Node:
    return {"type": kind, "name": field, "value": {"host": TEMPLATE, **target}}
