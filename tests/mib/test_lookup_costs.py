# SPDX-License-Identifier: GPL-3.0-or-later
"""The cost of get and getnext in tables of any size, counted in values and comparisons."""

from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

import pytest

from lvs_agent.mib.lookup import MibTree
from lvs_agent.mib.smi import Column, Counter64, Index, Integer32, Oid, Table


class Part(int):
    """A sub-identifier that counts how often it is compared."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Part.comparisons += 1
        return int(self) == other

    def __lt__(self, other: int) -> bool:
        Part.comparisons += 1
        return int(self) < other

    def __gt__(self, other: int) -> bool:
        Part.comparisons += 1
        return int(self) > other

    __hash__ = int.__hash__


class Costs:
    """A table with two full columns, one with a value only in the last row, and an empty one."""

    def __init__(self, rows: int) -> None:
        self.values = 0
        self.rows = rows
        pairs = [((row,), row) for row in range(1, rows + 1)]
        columns = [
            Column(2, "full", Counter64, self._value(lambda row: True)),
            Column(3, "last", Counter64, self._value(lambda row: row == rows)),
            Column(4, "none", Counter64, self._value(lambda row: False)),
            Column(5, "full", Counter64, self._value(lambda row: True)),
        ]
        self.tree = MibTree(
            [],
            [Table((1,), "", "", [Index(1, "", Integer32)], lambda _snapshot: pairs, columns)],
            0,
            0.0,
        )

    def _value(self, present: Any) -> Any:
        def value(row: int) -> Optional[int]:
            self.values += 1
            return row if present(row) else None

        return value

    def of(self, ask: Callable[[MibTree, Oid], object], *oid: int) -> Tuple[int, int]:
        """Return the numbers of values read and of sub-identifiers compared for a request."""
        self.values = Part.comparisons = 0
        ask(self.tree, tuple(map(Part, oid)))
        return self.values, Part.comparisons


@pytest.mark.parametrize("ask", [MibTree.get, MibTree.get_next])
@pytest.mark.parametrize("column", [2, 3, 4, 5])
def test_a_request_costs_about_the_same_in_a_table_of_any_size(
    column: int, ask: Callable[[MibTree, Oid], object]
) -> None:
    costs = []
    for rows in (100, 10000):
        table = Costs(rows)
        table.of(ask, 1, 1, column, rows // 2)  # the first request searches the gaps of a column
        costs.append(table.of(ask, 1, 1, column, rows // 2))
    (small_values, small), (large_values, large) = costs
    assert large_values == small_values <= 2
    assert large <= 2 * small + 10


def test_a_walk_asks_for_each_value_a_few_times_at_most_whatever_is_absent() -> None:
    table = Costs(2000)
    assert sum(1 for _varbind in table.tree.walk()) == 2 * 2000 + 1
    assert table.values <= 2 * 4 * 2000
