# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/upgrading.md: the columns and OIDs that it recommends are those of the MIB."""

from __future__ import annotations

import re
from typing import Dict, List, Tuple

import pytest

from lvs_agent.mib import lvs
from tests.support.lvsmib import BASE
from tests.support.paths import CHECKOUT

PAGE = (CHECKOUT / "docs" / "upgrading.md").read_text("utf-8")

_, TABLES = lvs.objects()
COLUMNS: Dict[str, str] = {
    column.name: f".{'.'.join(map(str, table.path))}.1.{column.number}"
    for table in TABLES
    for column in table.columns
}


def both(cell: str) -> List[str]:
    """Return the names in a cell; later ones may be short: lvsRealRateInBPS, OutBPS."""
    first, *rest = cell.split(", ")
    short = [name if name.startswith("lvs") else first.partition("In")[0] + name for name in rest]
    return [first, *short]


def moves(page: str) -> List[Tuple[str, str, str]]:
    """Return each old column with the new one and its OID, as the page has them."""
    found = []
    for old, new, oid in re.findall(r"^\| (lvs[^|]+) \| (lvs[^|]+) \| (\.[^|]+) \|$", page, re.M):
        first, *rest = oid.split(", ")
        oids = [first, *(first.rpartition(".")[0] + last for last in rest)]
        found += list(zip(both(old), both(new), oids))
    return found


def wrong(page: str) -> List[str]:
    """Return the columns for which the page is wrong."""
    said = moves(page)
    return [
        *(old for old, _new, _oid in said if old not in COLUMNS),
        *(new for _old, new, oid in said if COLUMNS.get(new) != oid),
    ]


def test_the_columns_to_change_to_are_the_mibs() -> None:
    assert len(moves(PAGE)) == 23
    assert wrong(PAGE) == []


@pytest.mark.parametrize(
    ("is_so", "is_not"),
    [
        (".21.1.18, .19", ".21.1.18, .20"),
        ("lvsRsForwarding", "lvsRsFlags"),
        ("lvsRealStatsInPkts, OutPkts", "lvsRealStatsInPkts, OutPackets"),
    ],
)
def test_a_wrong_column_is_found(is_so: str, is_not: str) -> None:
    assert is_so in PAGE
    assert wrong(PAGE.replace(is_so, is_not))


def test_the_example_of_a_graph_moves_the_same_values() -> None:
    columns = ["lvsServiceStatsInBytes", "lvsServiceStatsOutBytes", "lvsVsInBytes", "lvsVsOutBytes"]
    example = PAGE.partition("In MRTG:")[2]
    assert [name for name in columns if f"{BASE[1:]}{COLUMNS[name]}." not in example] == []
