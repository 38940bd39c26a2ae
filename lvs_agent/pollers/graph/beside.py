# SPDX-License-Identifier: GPL-3.0-or-later
"""Aliases and times of a director's rows, beside their round-robin files: FOLDER/DIRECTOR/*.json.

Each file has one fact about each row, by the rows' names. An update replaces the files; titles and
the index show what they contain. Round-robin files are named after rows, so no picture is lost when
an alias changes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, Type, TypeVar

from lvs_agent import regular
from lvs_agent.mib.smi import SnmpAdminString
from lvs_agent.pollers.graph.texts import replace_text

ALIASES = "aliases.json"
CHANGED = "changed.json"  # when a service went up or down, in seconds since 1970
LOST = "lost.json"  # since when a service is lost, in seconds since 1970
MAX_BYTES = 1 << 24  # 100,000 rows

Fact = TypeVar("Fact", str, int)


def load(folder: Path, name: str, kind: Type[Fact]) -> Dict[str, Fact]:
    """Return the facts of a kind in a director's folder; none if there is no valid file."""
    try:
        found = json.loads(regular.read(folder / name, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}  # pages only show them, and the next update writes them again
    if not isinstance(found, dict):
        return {}
    # texts as from SNMP, without control characters: another user may have written them
    fit = SnmpAdminString.fit if kind is str else int
    return {row: kind(fit(fact)) for row, fact in found.items() if type(fact) is kind}


def save(folder: Path, name: str, kind: Type[Fact], facts: Dict[str, Fact]) -> None:
    """Replace the facts of a kind in a director's folder if they have changed. Raises OSError."""
    if load(folder, name, kind) != facts:
        text = json.dumps(facts, ensure_ascii=False, indent=0, sort_keys=True)
        replace_text(folder / name, f"{text}\n")
