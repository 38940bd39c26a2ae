# SPDX-License-Identifier: GPL-3.0-or-later
"""One virtual service and its real servers."""

from __future__ import annotations

from dashboards import servers
from dashboards.frame import dashboard, variable
from dashboards.panels import (
    BAD,
    GOOD,
    WARNING,
    Column,
    Line,
    graph,
    linked,
    rate,
    row,
    stat,
    table,
    words,
)

# each server of the service by its name and alias
SERVER = "(job, instance, lvsVsAddr, lvsVsProtocol, lvsVsPort, lvsRsAddr, lvsRsPort)"
OF_SERVICE = '{*,lvsVsName="$service"}'


def value(column: str) -> str:
    """Return the sum of a column of the service over the directors."""
    return f"sum({column}{OF_SERVICE})"


def traffic(column: str) -> str:
    """Return the rates of a counter of bytes of the service, in bits, on each director."""
    return f"8 * sum by (instance) ({rate(column, OF_SERVICE)})"


def named(expr: str, by: str = "lvsRsName, lvsRsAlias") -> str:
    """Return an expression by real server with the servers' aliases."""
    return f"""sum by ({by}) (({expr})
* on {SERVER} group_left (lvsRsAlias) lvsRsAlias{OF_SERVICE})"""


def addressed(expr: str) -> str:
    """Return an expression with the labels of the table; rip identifies a machine."""
    with_rip = f"""label_replace(({expr}),
"rip", "$1", "lvsRsName", "\\\\[?(.+?)\\\\]?:[0-9]+")"""
    return named(with_rip, "instance, lvsRsName, lvsRsAlias, rip")


LOST = f"""sum by (instance, lvsLostRsName, lvsLostRsAlias) (
(time() - lvsLostRsSince{OF_SERVICE})
* on {SERVER} group_left (lvsLostRsName) lvsLostRsName{OF_SERVICE}
* on {SERVER} group_left (lvsLostRsAlias) lvsLostRsAlias{OF_SERVICE})"""

DASHBOARD = dashboard(
    "lvs-service",
    "LVS / Service",
    "One virtual service and its real servers",
    [
        variable("service", "Service", "label_values(lvsVsName{*}, lvsVsName)"),
    ],
    [
        stat("Real servers up", value("lvsVsRealServersUp"), (0, BAD), (1, GOOD)),
        stat(
            "At weight 0",
            f"sum(lvsVsRealServers{OF_SERVICE} - lvsVsRealServersUp{OF_SERVICE})",
            (1, WARNING),
        ),
        stat("Lost", value("lvsVsRealServersLost"), (1, WARNING)),
        stat("Up or down for", f"min(time() - lvsVsLastChange{OF_SERVICE})", unit="s"),
        words("Alias", f"lvsVsAlias{OF_SERVICE}", "lvsVsAlias"),
        words("Scheduler", f"lvsVsScheduler{OF_SERVICE}", "lvsVsScheduler"),
        graph(
            "Traffic",
            "bps",
            Line(traffic("lvsVsInBytes"), "in {{instance}}"),
            Line(traffic("lvsVsOutBytes"), "out {{instance}}"),
            help="out only has what passes the director: masqueraded connections",
        ),
        graph(
            "Real servers",
            "short",
            Line(value("lvsVsRealServersUp"), "up"),
            Line(f"{value('lvsVsRealServers')} - {value('lvsVsRealServersUp')}", "at weight 0"),
            Line(value("lvsVsRealServersLost"), "lost"),
            stacked=True,
            stepped=True,
            colours={"up": GOOD, "at weight 0": WARNING, "lost": BAD},
        ),
        row("Real servers"),
        linked(
            table(
                "Real servers",
                {
                    "instance": "Director",
                    "lvsRsName": "Real server",
                    "lvsRsAlias": "Alias",
                    "rip": "Machine",
                },
                *servers.columns(OF_SERVICE, addressed),
                sort="Active",
                width=16,
            ),
            "rip",
            "Machine",
            "lvs-machine",
            instance="instance",
            rip="rip",
        ),
        table(
            "Lost real servers",
            {
                "instance": "Director",
                "lvsLostRsName": "Real server",
                "lvsLostRsAlias": "Alias",
            },
            Column("Lost for", LOST, "s"),
            sort="Lost for",
            width=8,
        ),
        *servers.graphs(OF_SERVICE, named, "{{lvsRsName}} {{lvsRsAlias}}"),
    ],
)
