# SPDX-License-Identifier: GPL-3.0-or-later
"""The README of the templates, in the sections that Zabbix' guidelines want."""

from __future__ import annotations

from typing import Dict, Iterable, List, Sequence

from .model import Node

_INTRODUCTION = """\
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
# LVS director by SNMP

<!-- written by generate -->

## Overview

The template shows a director of Linux Virtual Server with lvs-agent: its traffic and connections,
its virtual services, their real servers, and the sums over the services of a VIP and over the real
servers at a RIP. All values come from LVS-MIB.

**One outage is one problem.** When a service has too few servers that are up, the problem says how
many are lost, and there is no second one. When a service is lost, its other problems end, and one
problem of the director names it. A director that does not answer, or an agent that is not ok,
causes no further problem. If a machine fails that serves several services, each of them has a
problem, since triggers of different discovery rules cannot depend on each other.

**A deleted service keeps its items and their history,** and continues them when it is added again,
because keys consist of its address, protocol and port. An alias is only a part of names: another
alias renames the items.

## Requirements

- Zabbix 6.0 with `6.0/{file}`,
  or Zabbix 7.0 with `7.0/{file}`.
  The latter walks each table once instead of querying each value. Both have the same keys and
  UUIDs, so after an upgrade to 7.0 the import of the other file keeps all items and their history.
- snmpd with lvs-agent on the director.

## Setup

1. Import the file: Data collection > Templates > Import (6.0: Configuration > Templates).
2. Create a host with an SNMP interface, and link the template to it. `Linux by SNMP` can be linked
   as well.
3. For SNMPv2, set the community in the host's macro `{$SNMP_COMMUNITY}`, with the type "Secret
   text". For SNMPv3, fill in the interface's fields, with `authPriv`.
4. On directors that have services only while they are active, set `{$LVS.SERVICES.MIN.CRIT}` to 0
   and `{$LVS.SERVICES.LOST.MAX.CRIT}` to the number of services, which are lost after a fail-over.

A macro with a context sets a threshold of one service:
`{$LVS.SERVICE.UP.MIN.CRIT:"TCP 192.0.2.10:443"}`. After a service or real servers have been removed
on purpose, `lvs-agent forget` on the director ends the problem.

Whether the load is balanced is checked only for services that `{$LVS.BALANCE.MATCHES}` matches.
"""


def readme(file: str, documents: Sequence[Node]) -> str:
    """Return the text for exports of all versions, the last of which has its items listed."""
    exports: List[Node] = [each["zabbix_export"] for each in documents]
    template = exports[-1]["templates"][0]
    parts = [
        _INTRODUCTION.replace("{file}", file),
        "## Macros used\n",
        _table(["Name", "Description", "Default"], _macros(exports)),
        "## Items\n",
        _items(template["items"]),
        "## Triggers\n",
        _triggers(
            [
                *(each for item in template["items"] for each in item.get("triggers", [])),
                *exports[-1]["triggers"],
            ]
        ),
    ]
    for rule in template["discovery_rules"]:
        parts += [
            f"## LLD rule {rule['name']}\n",
            f"{rule['description']} Key: `{rule['key']}`\n",
            f"### Item prototypes for {rule['name']}\n",
            _items(rule["item_prototypes"]),
        ]
        prototypes = [
            each for item in rule["item_prototypes"] for each in item.get("trigger_prototypes", [])
        ]
        if prototypes:
            parts += [f"### Trigger prototypes for {rule['name']}\n", _triggers(prototypes)]
    return "\n".join(parts)


def _macros(exports: Sequence[Node]) -> Iterable[List[str]]:
    found: Dict[str, Node] = {}
    versions: Dict[str, List[str]] = {}
    for export in exports:
        for macro in export["templates"][0]["macros"]:
            found.setdefault(macro["macro"], macro)
            versions.setdefault(macro["macro"], []).append(export["version"])
    for name, macro in found.items():
        only = "" if len(versions[name]) == len(exports) else f" {versions[name][0]} only."
        yield [f"`{name}`", macro["description"] + only, f"`{macro['value']}`"]


def _items(items: Sequence[Node]) -> str:
    rows = ([each["name"], each["description"].strip(), f"`{each['key']}`"] for each in items)
    return _table(["Name", "Description", "Key"], rows)


def _triggers(triggers: Sequence[Node]) -> str:
    rows = (
        [
            each["name"],
            each["description"],
            f"`{each['expression']}`",
            each["priority"].capitalize(),
            "<br>".join(other["name"] for other in each.get("dependencies", [])),
        ]
        for each in triggers
    )
    return _table(["Name", "Description", "Expression", "Severity", "Depends on"], rows)


def _table(heads: List[str], rows: Iterable[List[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"|{'|'.join(map(_cell, line))}|\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")
