# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of the extra pollers, and what to do without them."""

from __future__ import annotations

import sys
from typing import Tuple

from lvs_agent import __version__

PACKAGES = {"nagiosplugin", "pyasn1", "pysnmp"}
PYTHON = (3, 10)  # the first that all of them support


def missing(error: ImportError, python: Tuple[int, ...] = sys.version_info[:3]) -> str:
    """Return the error, and the remedy if one of these packages is missing."""
    if (error.name or "").partition(".")[0] not in PACKAGES:
        return str(error)
    if python < PYTHON:
        needed, found = (".".join(map(str, version)) for version in (PYTHON, python))
        return f"{error}; this command needs Python {needed} or later (this is {found})"
    wheel = f"./lvs_agent-{__version__}-py3-none-any.whl[pollers]"
    pip = f"pip install '.[pollers]' in a checkout, or pip install '{wheel}'"
    return f"{error}; in a virtual environment, run {pip}"
