# SPDX-License-Identifier: GPL-3.0-or-later
"""Zabbix 7.0: one walk of each table, from which all other items take their values."""

from __future__ import annotations

from typing import List, Sequence, Tuple

from lvs_agent.mib.lvs import LVS
from lvs_agent.mib.smi import dotted
from lvs_agent.pollers.oid import oid_of

from . import dashboard, director, kinds
from .dashboard import WIDTH, Widget, integer, text
from .document import Version
from .mibtext import oid
from .model import Item, Node, Rule
from .nodes import item, tag, tolerant
from .tables import RULES, SERVICES

_COLUMNS = 72
_LISTS = ("graphid", "itemid", "show")  # fields that are lists in 7.0
_DIRECTOR = "director.walk"
_LOST = ("lvsLostVsName", "lvsLostVsAlias")
# formats of SNMP_WALK_VALUE: AS_TEXT decodes what is not printable ASCII, as in an alias
_AS_IT_IS, _AS_TEXT = "0", "1"


def _master(key: str, name: str, oids: Sequence[str], delay: str) -> Node:
    fields: Node = {
        "type": "SNMP_AGENT",
        "snmp_oid": f"walk[{','.join(oids)}]",
        "delay": delay,
        "history": "0",
        "description": "The values from which other items are made. They are not stored here.",
        "tags": [tag("component", "raw")],
    }
    return item(None, name, key, kinds.LONG_TEXT, fields)


def _masters() -> List[Node]:
    """Return the walks: that of the director's scalars walks the nodes above them."""
    scalars = [oid_of(each.object, [])[:-1] for items in director.ITEMS.values() for each in items]
    above = sorted({each if each[:-1] == LVS else each[:-1] for each in scalars})
    roots = [dotted(each) for each in above] + [oid(name) for name in _LOST]
    made = [_master(_DIRECTOR, "SNMP walk: director", roots, "{$LVS.INTERVAL}")]
    for rule in RULES:
        columns = [oid(name) for name in rule.columns]
        made.append(_master(_walk(rule), f"SNMP walk: {rule.name}s", columns, rule.interval))
    return made


def _walk(rule: Rule) -> str:
    return f"{rule.key}.walk"


def _dependent(master: str, step: Node) -> Node:
    return {
        "type": "DEPENDENT",
        "delay": "0",
        "master_item": {"key": f"lvs.{master}"},
        "preprocessing": [step],
    }


def _value(master: str, each: Item, instance: str = "") -> Node:
    form = _AS_TEXT if each.kind == kinds.TEXT else _AS_IT_IS
    step = tolerant(each.absent, "SNMP_WALK_VALUE", oid(each.object) + instance, form)
    return _dependent(master, step)


def _scalar(each: Item) -> Node:
    return _value(_DIRECTOR, each)


def _cell(rule: Rule, each: Item) -> Node:
    return _value(_walk(rule), each, ".{#SNMPINDEX}")


def _rows(name: str, alias: str) -> Node:
    """Return the step that finds the rows of a table. For Zabbix, an empty table is an error."""
    named = ["{#NAME}", oid(name), _AS_TEXT] if name else []
    columns = [*named, "{#ALIAS}", oid(alias), _AS_TEXT]
    return tolerant("[]", "SNMP_WALK_TO_JSON", *columns)


def _rule(rule: Rule) -> Node:
    return {
        **_dependent(_walk(rule), _rows(rule.object, rule.alias)),
        "lifetime": "{$LVS.LLD.LIFETIME}",
        # a disabled trigger could not end its problem
        "enabled_lifetime_type": "DISABLE_NEVER",
    }


def _pages() -> List[Node]:
    half, third = WIDTH // 2, WIDTH // 3
    overview = [
        *dashboard.values(0, 3),
        Widget("honeycomb", 0, 3, third, 5, _honeycomb(), "Real servers up"),
        Widget("problems", third, 3, WIDTH - third, 5, [integer("show_timeline", 0)], "Problems"),
        Widget("svggraph", 0, 8, half, 5, _stacked("bits.in", "AAAAA"), "Bits received by service"),
        Widget("svggraph", half, 8, half, 5, _stacked("bits.out", "AAAAB"), "Bits sent by service"),
        *dashboard.graphs(13, 5),
    ]
    return [
        {"name": name, "widgets": [_widget(each) for each in sorted(widgets, key=_place)]}
        for name, widgets in {"Overview": overview, **dashboard.of_rules()}.items()
    ]


def _pattern(key: str) -> str:
    """Return the pattern of an item's name for all services."""
    (name,) = (each.name for each in SERVICES.items if each.key == key)
    return f"{SERVICES.prefix.replace('{#LABEL}', '*')}: {name}"


def _honeycomb() -> List[Node]:
    """Return the fields of a cell for each service, red without a server that is up."""
    return [
        text("items.0", _pattern("servers.up")),
        text("primary_label", r'{{ITEM.NAME}.regsub("\[(.*)\]", \1)}'),
        integer("secondary_label_decimal_places", 0),
        text("thresholds.0.color", "F63100"),
        text("thresholds.0.threshold", "0"),
        text("thresholds.1.color", "1A7C11"),
        text("thresholds.1.threshold", "1"),
    ]


def _stacked(key: str, reference: str) -> List[Node]:
    """Return the fields of a graph with the values of all services."""
    return [
        text("ds.0.items.0", _pattern(key)),
        text("ds.0.color", "2774A4"),
        integer("ds.0.stacked", 1),
        text("reference", reference),
    ]


def _widget(each: Widget) -> Node:
    return {
        "type": each.kind,
        **({"name": each.name} if each.name else {}),
        **each.position(_COLUMNS // WIDTH),
        "fields": sorted(map(_field, each.fields), key=lambda field: str(field["name"])),
    }


def _place(each: Widget) -> Tuple[int, int]:
    return each.x, each.y


def _field(field: Node) -> Node:
    return {**field, "name": f"{field['name']}.0"} if field["name"] in _LISTS else field


ZABBIX_7_0 = Version(
    number="7.0",
    groups="template_groups",
    any_error="-1",
    get=lambda instance: f"get[{instance}]",
    scalar=_scalar,
    cell=_cell,
    rule=_rule,
    lost_names=_dependent(_DIRECTOR, _rows(*_LOST)),
    pages=_pages(),
    masters=_masters(),
    vendor={"name": "lvs-agent", "version": "7.0-0"},
)
