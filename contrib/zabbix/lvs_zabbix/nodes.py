# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of an export: items, triggers and graphs as Zabbix names their fields."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import List, Optional, Sequence, Set

from . import director, kinds, mibtext
from .kinds import Kind, Step
from .model import TEMPLATE, Calculated, Graph, Item, Node, Rule, Trigger

# the order of an item's fields in Zabbix' own exports
_ORDER = (
    *("uuid", "name", "type", "snmp_oid", "key", "delay", "history", "value_type", "trends"),
    *("units", "params", "description", "discover", "valuemap", "preprocessing", "master_item"),
    "tags",
)
_KEY = re.compile(r"(?<=\()/([\w.]+)")  # in expressions of model.Trigger


def uuid_of(kind: str, name: str) -> str:
    """Return the UUID of an object. Zabbix requires the form of version 4.

    It is made from a name that never changes, so importing a newer template updates the object.
    """
    digest = hashlib.md5(f"lvs-agent/zabbix/{kind}/{name}".encode(), usedforsecurity=False)
    return uuid.UUID(bytes=digest.digest(), version=4).hex


def item_key(rule: Optional[Rule], key: str) -> str:
    """Return the full key of an item of a rule, or of the director."""
    if rule:
        return rule.item_key(key)
    return director.AVAILABLE_KEY if key == "SNMP" else f"lvs.{key}"


def item_keys(rule: Optional[Rule], each: Trigger) -> Set[str]:
    """Return the keys of the items in a trigger's expression."""
    return {item_key(rule, key) for key in _KEY.findall(each.expression)}


def title(rule: Optional[Rule], name: str) -> str:
    """Return the full name of an item."""
    return f"{rule.prefix}: {name}" if rule else name


def graph_title(rule: Optional[Rule], each: Graph) -> str:
    """Return the full name of a graph."""
    return f"{rule.prefix if rule else 'LVS'}: {each.name}"


def item(rule: Optional[Rule], name: str, key: str, kind: Kind, fields: Node) -> Node:
    """Return an item, or an item prototype of a rule."""
    full = item_key(rule, key)
    what = "item prototype" if rule else "item"
    node: Node = {"uuid": uuid_of(what, full), "name": title(rule, name), "key": full, **fields}
    if kind.value_type != "UNSIGNED":
        node["value_type"] = kind.value_type
    if kind.units:
        node["units"] = kind.units
    if not kind.trends:
        node["trends"] = "0"
    node["preprocessing"] = [*fields.get("preprocessing", []), *steps(*kind.steps)]
    return {field: node[field] for field in _ORDER if node.get(field)}


def of_object(rule: Optional[Rule], each: Item, fields: Node, tags: Sequence[Node]) -> Node:
    """Return the item of an object of LVS-MIB, with the fields that query it."""
    description = each.description or mibtext.description(each.object)
    node: Node = {**fields, "description": description, "tags": tags}
    if each.kind.named:
        node["valuemap"] = {"name": each.object}
    return item(rule, each.name, each.key, each.kind, node)


def calculated(
    rule: Optional[Rule], each: Calculated, any_error: str, tags: Sequence[Node]
) -> Node:
    """Return a calculated item. While the formula has no value, neither has the item."""
    fields: Node = {
        "type": "CALCULATED",
        "delay": "{$LVS.INTERVAL}",
        "params": each.formula,
        "description": each.description,
        "preprocessing": [tolerant(None, "CHECK_NOT_SUPPORTED", any_error)],
        "tags": tags,
    }
    if each.optional:
        fields["discover"] = "NO_DISCOVER"
    if each.names:
        fields["valuemap"] = {"name": each.value_map}
    return item(rule, each.name, each.key, kinds.NAME if each.names else kinds.NUMBER, fields)


def trigger(rule: Optional[Rule], each: Trigger, every: Sequence[Trigger]) -> Node:
    """Return a trigger or a trigger prototype; every has those that it depends on."""
    node: Node = {
        "uuid": uuid_of("trigger", f"{rule.key if rule else 'director'}/{each.name}"),
        "expression": _expression(rule, each.expression, TEMPLATE),
        "name": _trigger_title(rule, each.name),
        "event_name": _expression(rule, _trigger_title(rule, each.event), "{HOST.HOST}"),
    }
    if each.opdata:
        node["opdata"] = each.opdata
    if each.optional:
        node["discover"] = "NO_DISCOVER"
    node |= {"priority": each.priority, "description": each.description}
    if each.depends:
        node["dependencies"] = [
            {
                "name": _trigger_title(rule, other.name),
                "expression": _expression(rule, other.expression, TEMPLATE),
            }
            for other in sorted(every, key=lambda other: other.name)
            if other.name in each.depends
        ]
    return {**node, "tags": [tag("scope", each.scope)]}


def graph(rule: Optional[Rule], each: Graph) -> Node:
    """Return a graph or a graph prototype."""
    name = graph_title(rule, each)
    node: Node = {"uuid": uuid_of("graph", name), "name": name}
    if each.stacked:
        node["type"] = "STACKED"
    node["graph_items"] = [
        {
            **({"sortorder": str(order)} if order else {}),
            **({"drawtype": series.style} if series.style else {}),
            "color": series.color,
            "item": {"host": TEMPLATE, "key": item_key(rule, series.key)},
        }
        for order, series in enumerate(each.series)
    ]
    return node


def steps(*every: Step) -> List[Node]:
    """Return preprocessing steps."""
    return [{"type": step.type, "parameters": list(step.parameters)} for step in every]


def tolerant(absent: Optional[str], type_: str, *parameters: str) -> Node:
    """Return a step that, if it fails, discards the value, or gives absent.

    In LVS-MIB, an object that has no value has no instance. That is no fault of the item.
    """
    node: Node = {"type": type_, "parameters": list(parameters), "error_handler": "DISCARD_VALUE"}
    if absent is not None:
        node["error_handler"] = "CUSTOM_VALUE"
        if absent:
            node["error_handler_params"] = absent
    elif type_ == "CHECK_NOT_SUPPORTED":
        del node["error_handler"]  # the default
    return node


def script(text: str) -> Node:
    """Return a step that runs a script."""
    return {"type": "JAVASCRIPT", "parameters": [text]}


def tag(name: str, value: str) -> Node:
    """Return a tag."""
    return {"tag": name, "value": value}


def _trigger_title(rule: Optional[Rule], name: str) -> str:
    return f"LVS: {title(rule, name)}"


def _expression(rule: Optional[Rule], text: str, host: str) -> str:
    return _KEY.sub(lambda key: f"/{host}/{item_key(rule, key[1])}", text)
