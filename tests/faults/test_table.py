# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/faults.md: each row names its tests, and each test in this folder has a row."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import List, Set

from tests.support.paths import CHECKOUT

TABLE = (CHECKOUT / "docs" / "faults.md").read_text("utf-8")
NAMED = re.compile(r"`(tests/\S+\.py)::(test_\w+)`")


def names_of_tests(file: Path) -> Set[str]:
    """Return the names of the test functions in a file."""
    tree = ast.parse(file.read_text("utf-8"))
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def rows() -> List[str]:
    """Return the rows of the tables, without their headers."""
    lines = [line for line in TABLE.splitlines() if line.startswith("|")]
    return [line for line in lines if not line.startswith(("|---", "| what goes wrong"))]


def test_each_row_has_a_test_and_each_test_named_is_there() -> None:
    assert len(rows()) > 35
    for row in rows():
        named = NAMED.findall(row)
        assert named, row
        for file, test in named:
            assert test in names_of_tests(CHECKOUT / file), f"{file} has no {test}"


def test_each_test_of_a_fault_has_a_row() -> None:
    named = {(CHECKOUT / file, test) for file, test in NAMED.findall(TABLE)}
    there = {
        (file, test)
        for file in Path(__file__).parent.glob("test_*.py")
        if file.name != "test_table.py"
        for test in names_of_tests(file)
    }
    assert there - named == set()
