# SPDX-License-Identifier: GPL-3.0-or-later
"""One machine: the real servers at one or more addresses, in all services."""

from __future__ import annotations

from dashboards import servers
from dashboards.frame import dashboard, variable
from dashboards.panels import WARNING, row, stat, table, to_service

OF_MACHINE = r'{*,lvsRsName=~"\\[?$rip\\]?:[0-9]+"}'
LOST = r'{*,lvsLostRsName=~".* -> \\[?$rip\\]?:[0-9]+"}'


def by_server(expr: str) -> str:
    """Return an expression with the labels of the table."""
    return f"sum by (instance, lvsVsName, lvsRsName) ({expr})"


def by_service(expr: str) -> str:
    """Return an expression with the labels of the legends."""
    return f"sum by (lvsVsName) ({expr})"


DASHBOARD = dashboard(
    "lvs-machine",
    "LVS / Machine",
    "The real servers at the addresses of a machine, in all services",
    [
        variable(
            "rip",
            "RIP",
            "label_values(lvsRsWeight{*}, lvsRsName)",
            several=True,
            regex=r"/^\[?(.+?)\]?:\d+$/",
        ),
    ],
    [
        stat("Services", f"count(lvsRsWeight{OF_MACHINE})", width=6),
        stat(
            "At weight 0",
            f"count(lvsRsWeight{OF_MACHINE} == 0) or vector(0)",
            (1, WARNING),
            width=6,
        ),
        stat("Lost", f"count(lvsLostRsName{LOST}) or vector(0)", (1, WARNING), width=6),
        stat("Active connections", f"sum(lvsRsActiveConns{OF_MACHINE})", width=6),
        to_service(
            table(
                "Services",
                {"instance": "Director", "lvsVsName": "Service", "lvsRsName": "Real server"},
                *servers.columns(OF_MACHINE, by_server),
                sort="Active",
            )
        ),
        row("By service"),
        *servers.graphs(OF_MACHINE, by_service, "{{lvsVsName}}"),
    ],
)
