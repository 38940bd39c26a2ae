# SPDX-License-Identifier: GPL-3.0-or-later
"""Every OID and object name in the files of contrib is defined in mibs/LVS-MIB.txt."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List, Set

import pytest

from tests.support import mibs
from tests.support.paths import CONTRIB

FILES = sorted(path for path in CONTRIB.rglob("*") if path.is_file() and path.suffix != ".png")
LVS = "1.3.6.1.4.1.8225.4711"
NAME = re.compile(
    r"\blvs(?:Vs|Rs|Vip|Rip|Lost|Service|Real|Agent|Director|Cpu|Sync|Totals?)[A-Z]\w*"
)
# the data queries' own name for the instance
CACTIS = {f"lvs{table}Index" for table in ("Vs", "Rs", "Vip", "Rip")}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, mibs.Object]:
    return mibs.of_file(mibs.compiled(mibs.MIB, tmp_path_factory.mktemp("mib")))


def unknown_oids(text: str, objects: Dict[str, mibs.Object]) -> List[str]:
    """Return OIDs below LVS-MIB that are no object, no parent and no instance of one."""
    known: Set[str] = {LVS}
    leaves: Set[str] = set()
    for each in objects.values():
        (leaves if each.kind in ("scalar", "column") else known).add(each.oid)
    above = {oid.rpartition(".")[0] for oid in known | leaves}
    wrong = []
    for oid in re.findall(rf"(?<!\d)(?<!\d\.){re.escape(LVS)}(?:\.\d+)*", text):
        parts = oid.split(".")
        prefixes = {".".join(parts[:end]) for end in range(len(parts) + 1)}
        if oid not in known | above and not prefixes & leaves:
            wrong.append(oid)
    return wrong


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CONTRIB)))
def test_what_it_names_is_in_the_mib(file: Path, objects: Dict[str, mibs.Object]) -> None:
    text = file.read_text("utf-8")
    assert unknown_oids(text, objects) == []
    assert set(NAME.findall(text)) - set(objects) - CACTIS == set()


def test_an_oid_and_a_name_that_are_not_there_are_found(objects: Dict[str, mibs.Object]) -> None:
    assert unknown_oids(f"{LVS}.21.1.5 .{LVS}.26.2.0 {LVS}.21.1.20.1.4", objects) == []
    assert unknown_oids(f"x={LVS}.21.1.99 =.{LVS}.28.1.0", objects) == [
        f"{LVS}.21.1.99",
        f"{LVS}.28.1.0",
    ]
    assert set(NAME.findall("lvsVsConns lvsVsConn")) - set(objects) == {"lvsVsConn"}
