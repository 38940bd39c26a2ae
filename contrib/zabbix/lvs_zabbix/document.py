# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of a template: what is the same in all versions of Zabbix.

The versions share all keys and UUIDs, so importing the template of a later Zabbix over that of an
earlier one changes the items in place, and they keep their history.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple

from . import director, kinds, mibtext, nodes
from .kinds import Step
from .macros import macros
from .model import TEMPLATE, Item, Node, Rule, Trigger
from .nodes import tag, uuid_of
from .tables import RULES

# Zabbix' own group, so that a server that has it gets no second one
GROUP = {"uuid": "36bff6c29af64692839d077febfc7079", "name": "Templates/Network devices"}
ABOUT = """\
Directors of Linux Virtual Server (IPVS) with lvs-agent: the director, its virtual services, their
real servers, VIPs and RIPs, by SNMP.

MIBs used:
LVS-MIB
SNMPv2-MIB
"""
_UPTIME = "1.3.6.1.2.1.1.3.0"  # sysUpTime, RFC 3418
_DISCOVERY = (Path(__file__).parent / "discovery.js").read_text("utf-8")
_LOST_NAMES = """\
return JSON.parse(value).filter(function (row) {
    return row['{#NAME}'];
}).map(function (row) {
    return row['{#NAME}'] + (row['{#ALIAS}'] ? ' (' + row['{#ALIAS}'] + ')' : '');
}).join(', ');
"""


@dataclass(frozen=True)
class Version:
    """A version of Zabbix: how its items query, and what its dashboards have.

    any_error is the parameter of CHECK_NOT_SUPPORTED. get returns the SNMP OID of one instance.
    scalar and cell return the fields that query an item's object, and rule those of a discovery
    rule. lost_names are those that query the rows of lvsLostVsTable.
    """

    number: str
    groups: str
    any_error: str
    get: Callable[[str], str]
    scalar: Callable[[Item], Node]
    cell: Callable[[Rule, Item], Node]
    rule: Callable[[Rule], Node]
    lost_names: Node
    pages: Sequence[Node]
    masters: Sequence[Node] = ()
    vendor: Optional[Node] = None


def document(version: Version) -> Node:
    """Return the whole export."""
    template: Node = {
        "uuid": uuid_of("template", TEMPLATE),
        "template": TEMPLATE,
        "name": TEMPLATE,
        "description": ABOUT,
        **({"vendor": version.vendor} if version.vendor else {}),
        "groups": [{"name": GROUP["name"]}],
        "items": _items(version),
        "discovery_rules": [_rule(version, rule) for rule in RULES],
        "tags": [tag("class", "network"), tag("target", "lvs")],
    }
    triggers = _triggers(None, director.TRIGGERS, template["items"], "triggers")
    used = repr([template, triggers])
    template |= {
        "macros": [
            {"macro": each.name, "value": each.value, "description": each.description}
            for each in sorted(macros(used), key=lambda macro: macro.name)
        ],
        "dashboards": [
            {"uuid": uuid_of("dashboard", "LVS"), "name": "LVS", "pages": version.pages}
        ],
        "valuemaps": _value_maps(),
    }
    export: Node = {
        "version": version.number,
        version.groups: [GROUP],
        "templates": [template],
        "triggers": triggers,
        "graphs": [nodes.graph(None, each) for each in director.GRAPHS],
    }
    return {"zabbix_export": export}


def _triggers(
    rule: Optional[Rule], every: Sequence[Trigger], items: Sequence[Node], field: str
) -> List[Node]:
    """Add triggers to the field of their items, as Zabbix exports them.

    Return those that have several items.
    """
    rest = []
    for each in every:
        made = nodes.trigger(rule, each, every)
        found = [item for item in items if item["key"] in nodes.item_keys(rule, each)]
        if len(found) == 1:
            found[0].setdefault(field, []).append(made)
        else:
            rest.append(made)
    return rest


def _items(version: Version) -> List[Node]:
    available: Node = {
        "type": "INTERNAL",
        "delay": "{$LVS.INTERVAL}",
        "description": "Whether the host answers SNMP requests, as its icon in the list of hosts.",
        "valuemap": {"name": "zabbix.host.available"},
        "tags": [tag("component", "agent")],
    }
    uptime: Node = {
        "type": "SNMP_AGENT",
        "snmp_oid": version.get(_UPTIME),
        "delay": "{$LVS.INTERVAL}",
        "description": "MIB: SNMPv2-MIB, sysUpTime\nThe time since snmpd was started.\n",
        "tags": [tag("component", "agent")],
    }
    lost: Node = {
        **version.lost_names,
        "description": "The names in lvsLostVsTable, with aliases.",
        "preprocessing": [
            *version.lost_names.get("preprocessing", []),
            nodes.script(_LOST_NAMES),
        ],
        "tags": [tag("component", "director")],
    }
    made = [
        nodes.item(None, "SNMP agent availability", "SNMP", kinds.NAME, available),
        nodes.item(None, "Uptime of snmpd", "snmpd.uptime", kinds.TICKS, uptime),
        *version.masters,
    ]
    for component, items in director.ITEMS.items():
        tags = [tag("component", component)]
        made += [nodes.of_object(None, each, version.scalar(each), tags) for each in items]
    made.append(
        nodes.item(None, director.LOST_NAMES, director.LOST_NAMES_KEY, kinds.LONG_TEXT, lost)
    )
    tags = [tag("component", "traffic")]
    return made + [
        nodes.calculated(None, each, version.any_error, tags) for each in director.CALCULATED
    ]


def _rule(version: Version, rule: Rule) -> Node:
    key = f"lvs.{rule.key}.discovery"
    fields = version.rule(rule)
    tags = [tag(*pair) for pair in sorted([("component", rule.key), *rule.tags])]
    columns = ["{#NAME}", "{#ALIAS}"] if rule.object else ["{#ALIAS}"]
    variables = f"var macros = {list(rule.address)};\nvar columns = {columns};\n\n"
    items = [
        *(nodes.of_object(rule, each, version.cell(rule, each), tags) for each in rule.items),
        *(nodes.calculated(rule, each, version.any_error, tags) for each in rule.calculated),
    ]
    node: Node = {
        "uuid": uuid_of("discovery rule", key),
        "name": f"{rule.name} discovery",
        "key": key,
        **fields,
        "filter": {"evaltype": "AND", "conditions": _conditions(rule)},
        "description": rule.description,
        "item_prototypes": items,
        "trigger_prototypes": _triggers(rule, rule.triggers, items, "trigger_prototypes"),
        "graph_prototypes": [nodes.graph(rule, each) for each in rule.graphs],
        "preprocessing": [
            *fields.get("preprocessing", []),
            nodes.script(variables + _DISCOVERY),
            # so that Zabbix processes the rows only when some came, went or got another alias
            *nodes.steps(Step("DISCARD_UNCHANGED_HEARTBEAT", ("{$LVS.HEARTBEAT}",))),
        ],
        "overrides": _overrides(rule),
    }
    return {field: value for field, value in node.items() if value}


def _conditions(rule: Rule) -> List[Node]:
    macro = f"$LVS.LLD.FILTER.{rule.filter}"
    return [
        {"macro": "{#LABEL}", "value": f"{{{macro}.MATCHES}}", "formulaid": "A"},
        {
            "macro": "{#LABEL}",
            "value": f"{{{macro}.NOT_MATCHES}}",
            "operator": "NOT_MATCHES_REGEX",
            "formulaid": "B",
        },
    ]


def _overrides(rule: Rule) -> List[Node]:
    """Return the overrides that discover what is optional, for services that a macro matches."""
    optional: List[Tuple[str, str]] = [
        *(("ITEM_PROTOTYPE", each.name) for each in rule.calculated if each.optional),
        *(("TRIGGER_PROTOTYPE", each.name) for each in rule.triggers if each.optional),
    ]
    if not optional:
        return []
    condition = {"macro": "{#SERVICE}", "value": "{$LVS.BALANCE.MATCHES}", "formulaid": "A"}
    operations = [
        {"operationobject": kind, "operator": "LIKE", "value": name, "discover": "DISCOVER"}
        for kind, name in optional
    ]
    return [
        {
            "name": "Balance",
            "step": "1",
            "filter": {"conditions": [condition]},
            "operations": operations,
        }
    ]


def _value_maps() -> List[Node]:
    objects = [
        each.object
        for items in (*director.ITEMS.values(), *(rule.items for rule in RULES))
        for each in items
        if each.kind.named
    ]
    maps = {name: mibtext.enumeration(name) for name in objects}
    for calculated in (each for rule in RULES for each in rule.calculated if each.names):
        maps[calculated.value_map] = {str(at): name for at, name in enumerate(calculated.names)}
    maps["zabbix.host.available"] = {"0": "not available", "1": "available", "2": "unknown"}
    return [
        {
            "uuid": uuid_of("value map", name),
            "name": name,
            "mappings": [{"value": number, "newvalue": word} for number, word in words.items()],
        }
        for name, words in maps.items()
    ]
