# SPDX-License-Identifier: GPL-3.0-or-later
"""Varbinds in the form that snmpd reads: pass_persist's keyword and value (snmpd.conf(5))."""

from __future__ import annotations

from typing import Tuple

from lvs_agent.mib.smi import Syntax, Varbind
from lvs_agent.responder.passpersist import WORDS


def words(varbind: Varbind) -> Tuple[str, str]:
    """Return a varbind's keyword and value."""
    keyword, _, value = WORDS[varbind.type](varbind.value).partition("\n")
    return keyword, value


def said(varbind: Varbind) -> str:
    """Return a varbind's keyword and value as one text."""
    return " ".join(words(varbind))


def fitted(syntax: Syntax, value: object) -> Tuple[str, str]:
    """Return the keyword and value of an object with that syntax."""
    return words(Varbind("", syntax.type, syntax.fit(value)))
