# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which the tests run."""

from __future__ import annotations

from typing import List

import pytest

FIRST = ("counters", "churn", "lab")  # groups that take minutes: the others run beside them


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """Start the groups that take minutes first."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    group = item.get_closest_marker("xdist_group")
    return FIRST.index(group.args[0]) if group and group.args[0] in FIRST else len(FIRST)
