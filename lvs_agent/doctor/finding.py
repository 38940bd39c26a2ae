# SPDX-License-Identifier: GPL-3.0-or-later
"""The finding of a check: a state, one line of text, and the command that fixes it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Optional

from lvs_agent.doctor.remedy import Remedy, command, own, program

AS_ROOT = command("sudo", program(), "doctor")
RECORD = own("record", "/root/lvs-agent-record")


class State(enum.Enum):
    """The state of what was checked. NOTE: works, with a remark. UNSEEN: could not be checked."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"
    UNSEEN = "unseen"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    check is a short name that stays the same across versions. remedy is a shell command, or None
    if there is nothing to do.
    """

    check: str
    state: State
    text: str
    remedy: Optional[Remedy] = None


def ok(check: str, text: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(check, State.OK, text)


def note(check: str, text: str, remedy: Optional[Remedy] = None) -> Finding:
    """Return a finding that something works, with a remark on it."""
    return Finding(check, State.NOTE, text, remedy)


def wrong(check: str, text: str, remedy: Optional[Remedy] = None) -> Finding:
    """Return a finding that something does not work, or will not for long."""
    return Finding(check, State.WRONG, text, remedy)


def unseen(check: str, text: str, remedy: Optional[Remedy] = AS_ROOT) -> Finding:
    """Return a finding that something could not be checked; the remedy tells more about it."""
    return Finding(check, State.UNSEEN, text, remedy)
