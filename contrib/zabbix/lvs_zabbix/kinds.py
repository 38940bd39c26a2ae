# SPDX-License-Identifier: GPL-3.0-or-later
"""How values are stored: their types, units and preprocessing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple


@dataclass(frozen=True)
class Step:
    """A preprocessing step."""

    type: str
    parameters: Tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A kind of values: how they are stored, and the steps after a value has been found.

    named: numbers that have names. trends: averages over an hour are of use.
    """

    value_type: str
    units: str = ""
    steps: Tuple[Step, ...] = ()
    trends: bool = True
    named: bool = False


_PER_SECOND = Step("CHANGE_PER_SECOND", ("",))

COUNT = Kind("UNSIGNED")
NUMBER = Kind("FLOAT")
NAME = Kind("UNSIGNED", trends=False, named=True)
AGE = Kind("UNSIGNED", "uptime", trends=False)
TICKS = Kind("UNSIGNED", "uptime", (Step("MULTIPLIER", ("0.01",)),), trends=False)
MILLISECONDS = Kind("FLOAT", "s", (Step("MULTIPLIER", ("0.001",)),))
CONNECTIONS = Kind("FLOAT", "cps", (_PER_SECOND,))
PACKETS = Kind("FLOAT", "pps", (_PER_SECOND,))
BITS = Kind("FLOAT", "bps", (_PER_SECOND, Step("MULTIPLIER", ("8",))))
# 1 while there is a name, else 0
PRESENT = Kind("UNSIGNED", steps=(Step("JAVASCRIPT", ("return value === '' ? 0 : 1;",)),))
TEXT = Kind(
    "CHAR", steps=(Step("DISCARD_UNCHANGED_HEARTBEAT", ("{$LVS.HEARTBEAT}",)),), trends=False
)
LONG_TEXT = Kind("TEXT", trends=False)
