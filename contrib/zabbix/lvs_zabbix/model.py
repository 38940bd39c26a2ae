# SPDX-License-Identifier: GPL-3.0-or-later
"""What a template consists of, independent of the version of Zabbix.

Keys identify objects in Zabbix's database (see nodes.uuid_of): never change one after a release.
Names, descriptions and colours may change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .kinds import Kind

# a part of an export: its fields by name
Node = Dict[str, Any]

TEMPLATE = "LVS director by SNMP"


@dataclass(frozen=True)
class Item:
    """An item with the value of an object of LVS-MIB.

    In a rule, name and key follow those of the rule. The description is by default the object's.
    While the object has no instance, there is no value, unless absent is one.
    """

    key: str
    object: str
    kind: Kind
    name: str
    description: str = ""
    absent: Optional[str] = None


@dataclass(frozen=True)
class Calculated:
    """An item that Zabbix calculates; if optional, only of services whose balance is checked.

    names are those of its values from 0, if they have names.
    """

    key: str
    formula: str
    name: str
    description: str
    optional: bool = False
    names: Sequence[str] = ()

    @property
    def value_map(self) -> str:
        """The name of its value map."""
        return f"lvs.{self.key}"


@dataclass(frozen=True)
class Trigger:
    """A trigger. In expressions and event names, (/KEY stands for an item of the same rule.

    depends has the names of the triggers whose problems hide this one's. optional: as Calculated.
    """

    name: str
    event: str
    expression: str
    priority: str
    scope: str
    description: str
    opdata: str = ""
    depends: Sequence[str] = ()
    optional: bool = False


@dataclass(frozen=True)
class Series:
    """The values of an item in a graph."""

    key: str
    color: str
    style: str = ""


@dataclass(frozen=True)
class Graph:
    """A graph; stacked draws one series on top of the other."""

    name: str
    series: Sequence[Series]
    stacked: bool = False


@dataclass(frozen=True)
class Rule:
    """A table, whose rows a rule discovers.

    object names the row, if a column does. address has the macros of the index, in its order.
    """

    key: str
    name: str
    description: str
    prefix: str
    filter: str
    interval: str
    object: str
    alias: str
    address: Sequence[str]
    tags: Sequence[Tuple[str, str]]
    items: Sequence[Item]
    calculated: Sequence[Calculated]
    triggers: Sequence[Trigger]
    graphs: Sequence[Graph]

    @property
    def columns(self) -> List[str]:
        """The columns that are queried."""
        every = [self.object, self.alias, *(item.object for item in self.items)]
        return [each for each in dict.fromkeys(every) if each]

    def item_key(self, key: str) -> str:
        """Return the full key of an item prototype."""
        return f"lvs.{self.key}.{key}[{','.join(self.address)}]"


@dataclass(frozen=True)
class Macro:
    """A user macro with its default."""

    name: str
    value: str
    description: str
