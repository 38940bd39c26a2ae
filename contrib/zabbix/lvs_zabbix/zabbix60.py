# SPDX-License-Identifier: GPL-3.0-or-later
"""Zabbix 6.0: an SNMP item for each value, and dashboards of graphs and values."""

from __future__ import annotations

from typing import List

from . import dashboard
from .dashboard import Widget
from .document import Version
from .mibtext import oid
from .model import Item, Node, Rule
from .nodes import tolerant

# the kinds of widgets by their names since 6.4
_WIDGETS = {"item": "ITEM", "graph": "GRAPH_CLASSIC", "graphprototype": "GRAPH_PROTOTYPE"}
_ANY_ERROR = ""


def _query(each: Item, delay: str, instance: str = "") -> Node:
    return {
        "type": "SNMP_AGENT",
        "snmp_oid": oid(each.object) + instance,
        "delay": delay,
        "preprocessing": [tolerant(each.absent, "CHECK_NOT_SUPPORTED", _ANY_ERROR)],
    }


def _scalar(each: Item) -> Node:
    return _query(each, "{$LVS.INTERVAL}")


def _cell(rule: Rule, each: Item) -> Node:
    return _query(each, rule.interval, ".{#SNMPINDEX}")


def _discovery(name: str, alias: str) -> str:
    named = f"{{#NAME}},{oid(name)}," if name else ""
    return f"discovery[{named}{{#ALIAS}},{oid(alias)}]"


def _rule(rule: Rule) -> Node:
    return {
        "type": "SNMP_AGENT",
        "snmp_oid": _discovery(rule.object, rule.alias),
        "delay": "{$LVS.LLD.INTERVAL}",
        "lifetime": "{$LVS.LLD.LIFETIME}",
    }


def _pages() -> List[Node]:
    overview = dashboard.values(0, 3) + dashboard.graphs(3, 5)
    return [
        {"name": name, "widgets": [_widget(each) for each in widgets]}
        for name, widgets in {"Overview": overview, **dashboard.of_rules()}.items()
    ]


def _widget(each: Widget) -> Node:
    return {"type": _WIDGETS[each.kind], **each.position(1), "fields": each.fields}


ZABBIX_6_0 = Version(
    number="6.0",
    groups="groups",
    any_error=_ANY_ERROR,
    get=lambda instance: instance,
    scalar=_scalar,
    cell=_cell,
    rule=_rule,
    lost_names={
        "type": "SNMP_AGENT",
        "snmp_oid": _discovery("lvsLostVsName", "lvsLostVsAlias"),
        "delay": "{$LVS.INTERVAL}",
    },
    pages=_pages(),
)
