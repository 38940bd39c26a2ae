# SPDX-License-Identifier: GPL-3.0-or-later
"""Object identifiers as written in snmpd's configuration."""

from __future__ import annotations

import re
from typing import Optional

from lvs_agent.mib.lvs import LVS
from lvs_agent.mib.smi import Oid, dotted

SUBTREE = f".{dotted(LVS)}"

# Names used in configurations; snmpd knows the first without MIB files, the others with them.
_NAMES = {
    "iso": (1,),
    "org": (1, 3),
    "dod": (1, 3, 6),
    "internet": (1, 3, 6, 1),
    "mgmt": (1, 3, 6, 1, 2),
    "mib-2": (1, 3, 6, 1, 2, 1),
    "system": (1, 3, 6, 1, 2, 1, 1),
    "interfaces": (1, 3, 6, 1, 2, 1, 2),
    "ip": (1, 3, 6, 1, 2, 1, 4),
    "snmp": (1, 3, 6, 1, 2, 1, 11),
    "host": (1, 3, 6, 1, 2, 1, 25),
    "private": (1, 3, 6, 1, 4),
    "enterprises": (1, 3, 6, 1, 4, 1),
    "ucdavis": (1, 3, 6, 1, 4, 1, 2021),
    "lvs": LVS,
    "snmpv2": (1, 3, 6, 1, 6),
}


def parse(text: str) -> Optional[Oid]:
    """Parse .1.3.6.1, enterprises.8225, iso.org.dod or SNMPv2-SMI::enterprises; else None."""
    found: Oid = ()
    for part in text.rpartition("::")[2].strip(".").split("."):
        name = part.lower()
        value = number(part)
        if value is not None:
            found = (*found, value)
        elif name in _NAMES and _NAMES[name][: len(found)] == found:
            found = _NAMES[name]
        else:
            return None
    return found


def number(text: str) -> Optional[int]:
    """Return the sub-identifier that text is, 0 to 2^32 - 1 (RFC 2578, 3.5); else None."""
    value = int(text) if re.fullmatch("[0-9]{1,10}", text) else 2**32
    return value if value < 2**32 else None


def related(one: Oid, other: Oid) -> bool:
    """Return whether one equals the other, or lies above or below it."""
    return all(a == b for a, b in zip(one, other))
