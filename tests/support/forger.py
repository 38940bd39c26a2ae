# SPDX-License-Identifier: GPL-3.0-or-later
"""A director behind a real snmpd whose services have any name, for other programs' pollers.

Run as a program, it is the pass_persist child: it answers from a file of lines with an OID, a type
and a value.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

Oid = Tuple[int, ...]


@contextmanager
def running(folder: Path, name: bytes) -> Iterator[str]:
    """Run the farm of tests.support.directors, and yield HOST:PORT.

    Its first service has this name and alias, and the same text in place of its bytes received.
    """
    from lvs_agent.mib import lvs
    from tests.support import builders, directors, lvsmib, snmpd
    from tests.support.words import words

    columns = ("lvsVsName", "lvsVsAlias", "lvsVsInBytes")
    forged = [lvsmib.oid(column, 1, 4, 192, 0, 2, 10, 6, 80) for column in columns]
    lines = []
    for varbind in lvs.tree(builders.snapshot(*directors.farm()), 0).walk():
        keyword, value = words(varbind)
        oid = f"{lvsmib.BASE}.{varbind.oid}"
        if oid in forged:
            keyword, value = "octet", name.hex(" ")
        lines.append(f"{oid}\t{keyword}\t{value}\n")
    folder.mkdir()
    (folder / "varbinds").write_text("".join(lines), "utf-8")
    command = f"{sys.executable} {__file__} {folder / 'varbinds'}"
    with snmpd.running(folder / "snmpd", command) as running:
        yield running.address


def serve(varbinds: Dict[Oid, str]) -> None:
    """Answer snmpd's requests on stdin."""
    for request in map(str.strip, sys.stdin):
        answer = "PONG"
        if request in ("get", "getnext"):
            asked = _oid(sys.stdin.readline())
            found = [oid for oid in varbinds if oid > asked] if request == "getnext" else [asked]
            answer = varbinds.get(found[0], "NONE") if found else "NONE"
        print(answer, flush=True)


def _oid(text: str) -> Oid:
    return tuple(int(part) for part in text.strip().strip(".").split("."))


def _read(file: Path) -> Dict[Oid, str]:
    lines: List[str] = file.read_text("utf-8").splitlines()
    return {_oid(line.split("\t")[0]): line.replace("\t", "\n") for line in lines}


if __name__ == "__main__":
    serve(_read(Path(sys.argv[1])))
