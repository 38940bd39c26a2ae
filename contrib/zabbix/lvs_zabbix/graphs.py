# SPDX-License-Identifier: GPL-3.0-or-later
"""The graphs that the director and its tables share."""

from __future__ import annotations

from .model import Graph, Series

TRAFFIC = Graph(
    "Traffic",
    [Series("bits.in", "1A7C11", "GRADIENT_LINE"), Series("bits.out", "2774A4", "BOLD_LINE")],
)
NEW = Graph("New connections", [Series("conns.rate", "F7941D", "GRADIENT_LINE")])
CONNECTIONS = Graph(
    "Connections",
    [Series("conns.active", "1A7C11"), Series("conns.inactive", "878787")],
    stacked=True,
)
