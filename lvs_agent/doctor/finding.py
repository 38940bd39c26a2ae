# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check has found: a state, one line of text, and the command that fixes it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Optional

from lvs_agent.doctor.remedy import Remedy, command

AS_ROOT = command("sudo", "lvs-agent", "doctor")
RECORD = command("lvs-agent", "record", "/root/lvs-agent-record")


class State(enum.Enum):
    """What a finding means: NOTE works and is worth knowing, UNSEEN could not be looked at."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"
    UNSEEN = "unseen"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    check is a short name that stays the same from one version to the next, remedy a command
    for a shell, None where there is nothing to do.
    """

    check: str
    state: State
    text: str
    remedy: Optional[Remedy] = None


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, State.OK, text)


def note(check: str, text: str, remedy: Optional[Remedy] = None) -> Finding:
    """It works, and here is what to know of it."""
    return Finding(check, State.NOTE, text, remedy)


def wrong(check: str, text: str, remedy: Optional[Remedy] = None) -> Finding:
    """It does not work, or not for long."""
    return Finding(check, State.WRONG, text, remedy)


def unseen(check: str, text: str, remedy: Optional[Remedy] = AS_ROOT) -> Finding:
    """Nobody knows; the remedy shows it."""
    return Finding(check, State.UNSEEN, text, remedy)
