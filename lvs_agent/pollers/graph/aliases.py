# SPDX-License-Identifier: GPL-3.0-or-later
"""The aliases of a director's rows, beside their files: FOLDER/DIRECTOR/aliases.json.

Files are named after rows, so no picture is lost when an alias changes. An update replaces this
file, and titles and legends are made of it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict

from lvs_agent import regular
from lvs_agent.pollers.graph.texts import replace_text

NAME = "aliases.json"
MAX_BYTES = 1 << 24  # 100,000 rows


def load(folder: Path) -> Dict[str, str]:
    """Return the aliases in a director's folder by name; none if there is no valid file."""
    try:
        found = json.loads(regular.read(folder / NAME, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}  # they only label pictures, and the next update writes them again
    if not isinstance(found, dict):
        return {}
    return {name: alias for name, alias in found.items() if isinstance(alias, str)}


def save(folder: Path, aliases: Dict[str, str]) -> None:
    """Replace the aliases in a director's folder if they have changed. Raises OSError."""
    if load(folder) != aliases:
        text = json.dumps(aliases, ensure_ascii=False, indent=0, sort_keys=True)
        replace_text(folder / NAME, f"{text}\n")
