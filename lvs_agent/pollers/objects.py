# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of LVS-MIB by name and by OID, as lvs_agent.mib declares them, for pollers."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from typing import Dict, Optional, Tuple

from lvs_agent.errors import UsageError
from lvs_agent.mib import lvs
from lvs_agent.mib.lvs import LVS
from lvs_agent.mib.smi import Oid, SnmpAdminString, Syntax, TimeStamp, dotted

# SNMPv2-MIB, RFC 3418
_SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)

SCALAR, COLUMN, NODE = "scalar", "column", "node"


class ObjectError(UsageError):
    """A name or an OID that LVS-MIB does not have; a one-line message."""


@dataclass(frozen=True)
class Object:
    """A scalar, a column, or a node such as a table or an entry, which has no value of its own.

    index has the names of the objects that a column's instances are made of.
    """

    name: str
    oid: Oid
    kind: str
    syntax: Optional[Syntax] = None
    index: Tuple[str, ...] = ()

    @property
    def by_address(self) -> bool:
        """True if its instances begin with an address, as in lvsVsTable and lvsVipTable."""
        return bool(self.index) and self.index[0].endswith("AddrType")


def named(name: str) -> Object:
    """Return the object of that name, with or without LVS-MIB::. Raises ObjectError."""
    plain = re.sub("^LVS-MIB::", "", name)
    found = _all().get(plain)
    if found is None:
        # people may type another case
        found = {each.lower(): object_ for each, object_ in _all().items()}.get(plain.lower())
    if found is None:
        close = difflib.get_close_matches(plain, _all(), n=3)
        hint = f"; similar: {', '.join(close)}" if close else ""
        raise ObjectError(f"{name}: no such object in LVS-MIB{hint}; see lvs-agent oid --help")
    return found


def at(oid: Oid) -> Tuple[Object, Oid]:
    """Return the object at or above an OID, and the instance. Raises ObjectError."""
    by_oid = {each.oid: each for each in _all().values()}
    for length in range(len(oid), 0, -1):
        if oid[:length] in by_oid:
            return by_oid[oid[:length]], oid[length:]
    raise ObjectError(f"{dotted(oid)}: not an object of LVS-MIB")


@cache
def _all() -> Dict[str, Object]:
    scalars, tables = lvs.objects()
    found = [
        Object("sysUpTime", (*_SYSTEM, 3), SCALAR, TimeStamp),
        Object("sysName", (*_SYSTEM, 5), SCALAR, SnmpAdminString),
        Object("lvs", LVS, NODE),
    ]
    found += [Object(each.name, (*LVS, *each.path), SCALAR, each.syntax) for each in scalars]
    for table in tables:
        path = (*LVS, *table.path)
        index = tuple(part.name for part in table.index)
        found += [Object(table.name, path, NODE), Object(table.entry, (*path, 1), NODE)]
        columns = [(each.number, each.name, each.syntax) for each in table.columns]
        columns += [(i.number, i.name, i.syntax) for i in table.index if i.accessible]
        for number, name, syntax in columns:
            found.append(Object(name, (*path, 1, number), COLUMN, syntax, index))
    return {each.name: each for each in found}
