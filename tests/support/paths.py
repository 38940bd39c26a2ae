# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of the checkout that tests use."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
CONTRIB = CHECKOUT / "contrib"
TESTS = CHECKOUT / "tests"
DATA = TESTS / "data"
