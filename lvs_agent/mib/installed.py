# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of LVS-MIB, which is installed beside the package, not in it."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

NAME = "LVS-MIB.txt"


def find() -> Optional[Path]:
    """Return the path of the file, or None if it was not installed.

    A checkout has mibs/; a virtual environment, /usr and /usr/local have share/snmp/mibs/.
    """
    for folder in Path(__file__).resolve().parents:
        for place in ("mibs", "share/snmp/mibs"):
            if (folder / place / NAME).is_file():
                return folder / place / NAME
    return None
