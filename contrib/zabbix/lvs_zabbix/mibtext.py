# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions, enumerations and OIDs of LVS-MIB's objects."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict

from lvs_agent.mib.smi import dotted
from lvs_agent.pollers.oid import oid_of

_MIB = (Path(__file__).parents[3] / "mibs" / "LVS-MIB.txt").read_text("utf-8")
_TRUTH = {"1": "true", "2": "false"}  # RFC 2579


def oid(name: str) -> str:
    """Return the OID of a column, or that of a scalar's instance."""
    return dotted(oid_of(name, []))


def description(name: str) -> str:
    """Return the first paragraph of an object's description, as templates for SNMP quote it."""
    found = re.search(r'DESCRIPTION\s+"(.*?)"', _clause(name), re.DOTALL)
    assert found is not None, name
    paragraph = found[1].split("\n\n")[0]
    return f"MIB: LVS-MIB, {name}\n{' '.join(paragraph.split())}\n"


def enumeration(name: str) -> Dict[str, str]:
    """Return the names of an object's values by number."""
    clause = _clause(name)
    if re.search(r"SYNTAX\s+TruthValue", clause):
        return _TRUTH
    found = re.search(r"SYNTAX\s+INTEGER \{(.*?)\}", clause, re.DOTALL)
    assert found is not None, name
    return {number: word for word, number in re.findall(r"(\w+)\((-?\d+)\)", found[1])}


def _clause(name: str) -> str:
    found = re.search(rf"^{name} OBJECT-TYPE(.*?)^    ::=", _MIB, re.DOTALL | re.MULTILINE)
    assert found is not None, name
    return found[1]
