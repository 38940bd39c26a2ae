# SPDX-License-Identifier: GPL-3.0-or-later
"""Directors: what is wrong, and their traffic."""

from __future__ import annotations

from dashboards.frame import dashboard
from dashboards.panels import (
    BAD,
    GOOD,
    WARNING,
    Column,
    Json,
    Line,
    Step,
    bits,
    graph,
    rate,
    row,
    stat,
    table,
    to_service,
)

ANY_IS_BAD: Step = (1, BAD)
ANY_IS_A_WARNING: Step = (1, WARNING)

BY = "sum by (instance, lvsVsName)"
ROW = "(job, instance, lvsVsAddr, lvsVsProtocol, lvsVsPort)"
TROUBLED = """(lvsVsRealServersUp{*} == 0
or lvsVsRealServersUp{*} < lvsVsRealServers{*}
or lvsVsRealServersLost{*} > 0)"""
SERVICE = {"instance": "Director", "lvsVsName": "Service", "lvsVsAlias": "Alias"}


def aliased(expr: str) -> str:
    """Return an expression by director and service with the services' aliases."""
    return f"""sum by (instance, lvsVsName, lvsVsAlias) (({expr})
* on {ROW} group_left (lvsVsAlias) lvsVsAlias{{*}})"""


def troubled(column: str) -> str:
    """Return a column of the services in trouble, with their aliases."""
    return aliased(f"{column} and {TROUBLED}")


def by_vip(expr: str) -> str:
    """Return an expression by director and VIP, in vip as in ipvsadm, with the VIPs' aliases."""
    return f"""sum by (instance, vip, lvsVipAlias) (label_replace(({expr})
* on (job, instance, lvsVsAddr) group_left (lvsVipAlias)
label_replace(lvsVipAlias{{*}}, "lvsVsAddr", "$1", "lvsVipAddr", "(.+)"),
"vip", "$1", "lvsVsName", "\\\\S+ \\\\[?(.+?)\\\\]?:[0-9]+"))"""


def top(expr: str, ranked: str) -> Line:
    """Return expr for the ten services with the highest values of ranked over the whole time."""
    return Line(f"{BY} ({expr}) and topk(10, {BY} ({ranked}))", "{{instance}} {{lvsVsName}}")


def top_rate(column: str, factor: str = "") -> Line:
    """Return the ten services with the highest rates of a counter."""
    return top(factor + rate(column), f"rate({column}{{*}}[$__range] @ end())")


def by_director(expr: str, legend: str = "{{instance}}") -> Line:
    """Return a line for each director."""
    return Line(f"sum by (instance) ({expr})", legend)


def agent(expr: str) -> str:
    """Return an expression by director with the agent's status."""
    return f"""sum by (instance, lvsAgentStatus, lvsAgentStatusText) ({expr}
* on (job, instance) group_left (lvsAgentStatus) (lvsAgentStatus{{*}} == 1)
* on (job, instance) group_left (lvsAgentStatusText) lvsAgentStatusText{{*}})"""


def lost(rows: str, title: str, name: str) -> Json:
    """Return the table of lost rows, which are Vs or Rs."""
    labels = {"instance": "Director", f"lvsLost{rows}Name": name, f"lvsLost{rows}Alias": "Alias"}
    on = ROW if rows == "Vs" else ROW.replace(")", ", lvsRsAddr, lvsRsPort)")
    since = f"""sum by ({", ".join(labels)}) ((time() - lvsLost{rows}Since{{*}})
* on {on} group_left (lvsLost{rows}Name) lvsLost{rows}Name{{*}}
* on {on} group_left (lvsLost{rows}Alias) lvsLost{rows}Alias{{*}})"""
    return table(title, labels, Column("Lost for", since, "s"), sort="Lost for", width=12)


DASHBOARD = dashboard(
    "lvs-director",
    "LVS / Directors",
    "What is wrong with directors, services and real servers, and their traffic",
    [],
    [
        stat(
            "Failed scrapes",
            "count(up{*} == 0) or vector(0)",
            ANY_IS_BAD,
            help="Directors that do not answer, once for each job",
        ),
        stat(
            "Agents not ok",
            'count(lvsAgentStatus{*,lvsAgentStatus!="ok"} == 1) or vector(0)',
            ANY_IS_BAD,
            help="Their values may be missing, incomplete or frozen",
        ),
        stat(
            "Services down",
            "count(lvsVsRealServersUp{*} == 0) or vector(0)",
            ANY_IS_BAD,
            help="Services without a real server of weight above 0",
        ),
        stat(
            "Lost services",
            "sum(lvsAgentLostServices{*}) or vector(0)",
            ANY_IS_BAD,
            help="Services that were there and are gone",
        ),
        stat(
            "Lost real servers",
            "sum(lvsAgentLostRealServers{*}) or vector(0)",
            ANY_IS_A_WARNING,
            help="Real servers that were there and are gone, of services that are there",
        ),
        stat(
            "At weight 0",
            "sum(lvsVsRealServers{*} - lvsVsRealServersUp{*}) or vector(0)",
            ANY_IS_A_WARNING,
            help="Real servers that get no new connections",
        ),
        to_service(
            table(
                "Services in trouble",
                SERVICE,
                Column("Up", troubled("lvsVsRealServersUp{*}"), steps=((0, BAD), (1, WARNING))),
                Column("Present", troubled("lvsVsRealServers{*}")),
                Column("Lost", troubled("lvsVsRealServersLost{*}"), steps=(ANY_IS_A_WARNING,)),
                Column("Up or down for", troubled("(time() - lvsVsLastChange{*})"), "s"),
                help="Services that are down, have lost real servers, or have some at weight 0",
            )
        ),
        lost("Vs", "Lost services", "Service"),
        lost("Rs", "Lost real servers", "Real server"),
        row("Traffic"),
        graph(
            "Traffic",
            "bps",
            by_director(bits("lvsTotalInBytes"), "in {{instance}}"),
            by_director(bits("lvsTotalOutBytes"), "out {{instance}}"),
            help="out only has what passes the director: masqueraded connections",
        ),
        graph("New connections", "cps", by_director(rate("lvsTotalConns"))),
        graph(
            "Packets",
            "pps",
            by_director(rate("lvsTotalInPkts"), "in {{instance}}"),
            by_director(rate("lvsTotalOutPkts"), "out {{instance}}"),
        ),
        graph("Active connections", "short", by_director("lvsVsActiveConns{*}")),
        row("Services"),
        to_service(
            table(
                "Services",
                SERVICE,
                Column("Up", aliased("lvsVsRealServersUp{*}"), steps=((0, BAD), (1, GOOD))),
                Column("Lost", aliased("lvsVsRealServersLost{*}"), steps=(ANY_IS_A_WARNING,)),
                Column("Active", aliased("lvsVsActiveConns{*}")),
                Column("New", aliased(rate("lvsVsConns")), "cps"),
                Column("In", aliased(bits("lvsVsInBytes")), "bps"),
                Column("Out", aliased(bits("lvsVsOutBytes")), "bps"),
                sort="In",
                height=10,
            )
        ),
        table(
            "VIPs",
            {"instance": "Director", "vip": "VIP", "lvsVipAlias": "Alias"},
            Column("Services", by_vip("lvsVsRealServersUp{*} >= bool 0")),
            Column("Services up", by_vip("lvsVsRealServersUp{*} > bool 0")),
            Column("Active", by_vip("lvsVsActiveConns{*}")),
            Column("New", by_vip(rate("lvsVsConns")), "cps"),
            Column("In", by_vip(bits("lvsVsInBytes")), "bps"),
            Column("Out", by_vip(bits("lvsVsOutBytes")), "bps"),
            sort="In",
        ),
        graph("Traffic from clients, the ten highest", "bps", top_rate("lvsVsInBytes", "8 * ")),
        graph("Traffic to clients, the ten highest", "bps", top_rate("lvsVsOutBytes", "8 * ")),
        graph("New connections, the ten highest", "cps", top_rate("lvsVsConns")),
        graph(
            "Active connections, the ten highest",
            "short",
            top("lvsVsActiveConns{*}", "avg_over_time(lvsVsActiveConns{*}[$__range] @ end())"),
        ),
        row("Agents"),
        table(
            "Agents",
            {"instance": "Director", "lvsAgentStatus": "Status", "lvsAgentStatusText": "Text"},
            Column("Services", agent("lvsAgentServices{*}")),
            Column("Real servers", agent("lvsAgentRealServers{*}")),
            width=12,
        ),
        graph("Age of values", "ms", by_director("lvsAgentSnapshotAge{*}"), width=6),
        graph(
            "Time of a scrape",
            "s",
            Line("scrape_duration_seconds{*}", "{{job}} {{instance}}"),
            width=6,
            help="Longer than scrape_timeout: the scrape fails",
        ),
    ],
)
