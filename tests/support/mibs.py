# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of the MIB file as common compilers read it, and of the code in the same form."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Tuple

from lvs_agent.mib.lvs import LVS
from lvs_agent.mib.smi import Oid, Scalar, Table
from tests.support.paths import CHECKOUT

MIB = CHECKOUT / "mibs" / "LVS-MIB.txt"
# Debian ships the IETF modules in erlang-snmp, not with net-snmp
(IETF,) = Path("/usr/lib/erlang/lib").glob("snmp-*/mibs")
STOCK = Path("/usr/share/snmp/mibs")

# SMIv2 requires a table's own index columns to be not-accessible. The legacy number columns can be
# read, so in the MIB file the index is the same numbers under other names.
INDEX_NAMES = {
    "lvsServiceNumber": "lvsVsNumber",
    "lvsRealServiceNumber": "lvsVsNumber",
    "lvsRealServerNumber": "lvsRsNumber",
}


@dataclass(frozen=True)
class Object:
    """A scalar, table, row or column; syntax is empty for tables and rows."""

    oid: str
    kind: str
    syntax: str
    access: str
    index: Tuple[str, ...] = ()


def compiled(mib: Path, folder: Path) -> Dict[str, Any]:
    """Return the JSON that pysmi makes of a MIB file."""
    command = [
        str(Path(sys.executable).with_name("mibdump")),
        *("--rebuild", "--destination-format=json", f"--destination-directory={folder}"),
        *(f"--mib-source=file://{mib.parent}", f"--mib-source=file://{IETF}", "LVS-MIB"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    loaded: Dict[str, Any] = json.loads((folder / "LVS-MIB.json").read_text())
    return loaded


def of_file(loaded: Dict[str, Any]) -> Dict[str, Object]:
    """Return each scalar, table, row and column of a compiled MIB by name.

    Not the objects that only notifications have.
    """
    objects = {}
    for name, node in loaded.items():
        if node.get("class") == "objecttype" and node["maxaccess"] != "accessible-for-notify":
            objects[name] = Object(
                node["oid"],
                node["nodetype"],
                "BITS"
                if "bits" in node.get("syntax", {})
                else node.get("syntax", {}).get("type", ""),
                node["maxaccess"],
                tuple(index["object"] for index in node.get("indices", [])),
            )
    return objects


def of_code(scalars: Iterable[Scalar], tables: Iterable[Table]) -> Dict[str, Object]:
    """Return the objects that the code declares; an index part is of the first table with it."""
    objects: Dict[str, Object] = {}

    def add(name: str, path: Oid, kind: str, *rest: Any) -> None:
        assert name not in objects
        objects[name] = Object(".".join(map(str, (*LVS, *path))), kind, *rest)

    for scalar in scalars:
        add(scalar.name, scalar.path, "scalar", scalar.syntax.name, "read-only")
    for table in tables:
        entry = (*table.path, 1)
        index = tuple(INDEX_NAMES.get(part.name, part.name) for part in table.index)
        add(table.name, table.path, "table", "", "not-accessible")
        add(table.entry, entry, "row", "", "not-accessible", index)
        for part in table.index:
            if part.name not in objects:
                access = "read-only" if part.accessible else "not-accessible"
                add(part.name, (*entry, part.number), "column", part.syntax.name, access)
        for column in table.columns:
            path = (*entry, column.number)
            add(column.name, path, "column", column.syntax.name, "read-only")
    return objects


def differences(one: Dict[str, Object], other: Dict[str, Object]) -> List[str]:
    """Return the names of objects that differ between the two."""
    return [name for name in sorted({**one, **other}) if one.get(name) != other.get(name)]


def translated(folder: Path, modules: Iterable[Path], *arguments: str) -> Tuple[str, str]:
    """Return what snmptranslate prints on stdout and stderr, without the user's configuration."""
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    (folder / "persistent" / "cert_indexes").mkdir(parents=True, exist_ok=True)
    configuration = {
        "SNMPCONFPATH": str(empty),
        "SNMP_PERSISTENT_DIR": str(folder / "persistent"),
    }
    result = subprocess.run(
        ["snmptranslate", "-M", ":".join(map(str, modules)), "-m", "LVS-MIB", *arguments],
        env={**os.environ, **configuration},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout, result.stderr
