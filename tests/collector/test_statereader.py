# SPDX-License-Identifier: GPL-3.0-or-later
"""State files of other versions: format 1, and files with fewer or more columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from lvs_agent.collector.history import History
from lvs_agent.collector.limit import missing
from lvs_agent.collector.statefile import MAX_MISSING, StateFile, boot_id
from tests.support.builders import fwmark, snapshot
from tests.support.statefiles import NAMES, held, lines, numbering, write


def format_1(folder: Path, boot: str) -> None:
    """Write numbering() as version 0.1 did."""
    write(
        folder,
        b'{"lvs-agent history":1,"boot":"%s","fresh":8,"rows":6}\n'
        b'["service","TCP 192.0.2.10:443",[2,4,1234.5,null,[10,11,12,13,14],'
        b"[18446744073709551611,18446744073709551612,18446744073709551613,18446744073709551614,"
        b"18446744073709551615]]]\n"
        b'["server","192.168.0.1:80",[1,1,5.5,null,[1,2,3,4,5],null]]\n'
        b'["server","192.168.0.3:80",[3,1,5.5,null,[3,4,5,6,7],null]]\n'
        b'["service","TCP [2001:db8::10]:443",[3,3,0.0,1700000000.25,[20,21,22,23,24],null]]\n'
        b'["server","[2001:db8:1::1]:443",[2,1,0.0,1.5,null,null]]\n'
        b'["service","FWM 5 IPv6",[5,1,7.0,null,null,null]]\n' % boot.encode(),
    )


def test_a_file_of_format_1_is_taken_over(tmp_path: Path) -> None:
    format_1(tmp_path, boot_id())
    file = StateFile(tmp_path)
    assert (file.load(), file.damaged) == (numbering(), 0)


def test_a_file_of_format_1_is_replaced_by_one_of_format_2(tmp_path: Path) -> None:
    format_1(tmp_path, boot_id())
    history = History(tmp_path)
    history.annotate(snapshot(fwmark(9)))
    history.close()
    assert json.loads(lines(tmp_path)[0])["lvs-agent history"] == 2
    loaded = StateFile(tmp_path).load()
    assert {name: row.number for name, row in loaded.rows.items()} == {
        **{name: row.number for name, row in numbering().rows.items()},
        "FWM 9": 8,
    }
    assert not (tmp_path / "history.damaged").exists()


def test_the_servers_of_a_missing_service_were_not_marked_by_format_1(tmp_path: Path) -> None:
    format_1(tmp_path, boot_id())
    write(tmp_path, b"".join(lines(tmp_path)).replace(b",1.5,null", b",null,null"))
    service = StateFile(tmp_path).load().rows[NAMES[1]]
    assert service.servers.rows["[2001:db8:1::1]:443"].missing_since == service.missing_since


def test_more_than_are_kept_of_format_1_are_forgotten_while_it_is_read(tmp_path: Path) -> None:
    """Eighty services that each remember 2,000 missing servers."""
    count, servers = 80, 2000
    rows = []
    for n in range(count):
        rows.append(f'["service","FWM {n}",[{n + 1},{servers + 1},5.0,null,null,null]]\n')
        rows += [
            f'["server","10.0.{k >> 8}.{k & 255}:80",[{k + 1},1,5.0,{1e9 + k * count + n},'
            "null,null]]\n"
            for k in range(servers)
        ]
    header = {"lvs-agent history": 1, "boot": "", "fresh": count + 1, "rows": len(rows)}
    write(tmp_path, (json.dumps(header) + "\n" + "".join(rows)).encode())
    file = StateFile(tmp_path)
    services = file.load()
    assert (len(services.rows), missing(services), file.damaged) == (count, MAX_MISSING, 0)
    ages = [
        row.missing_since or 0.0
        for service in services.rows.values()
        for row in service.servers.rows.values()
    ]
    assert min(ages) == 1e9 + count * servers - MAX_MISSING
    assert {service.servers.next_number for service in services.rows.values()} == {servers + 1}


def more(names: List[str], values: List[Any]) -> None:
    names.insert(1, "seen_by")
    values.insert(1, ["somebody", {}])


def fewer(names: List[str], values: List[Any]) -> None:
    del values[names.index("missing_since")]
    names.remove("missing_since")


def reversed_(names: List[str], values: List[Any]) -> None:
    names.reverse()
    values.reverse()


@pytest.mark.parametrize("change", [more, fewer, reversed_])
def test_columns_are_found_by_their_names(
    tmp_path: Path, change: Callable[[List[str], List[Any]], None]
) -> None:
    with held(tmp_path) as file:
        header, *rows = map(json.loads, lines(tmp_path))
        columns: Dict[str, List[str]] = header["columns"]
        for kind, _name, values in rows:
            change(list(columns[kind]), values)
        for kind in ("service", "server"):
            change(columns[kind], [None] * len(columns[kind]))
        data = [header, *rows, {"boot": boot_id(), "next": 8}, *rows[:3]]
        write(tmp_path, b"".join(json.dumps(row).encode() + b"\n" for row in data))
        loaded = file.load()
        expected = numbering()
        if change is fewer:
            for service in expected.rows.values():
                expected.note_present(service)
                for server in service.servers.rows.values():
                    service.servers.note_present(server)
        assert (loaded, file.damaged) == (expected, 0)


def test_kinds_of_rows_that_only_a_later_version_knows_are_ignored(tmp_path: Path) -> None:
    with held(tmp_path) as file:
        header, *rows = lines(tmp_path)
        changed = json.loads(header)
        changed["columns"]["address"] = ["base"]
        changed["rows"] += 1
        write(
            tmp_path,
            b"".join(
                [json.dumps(changed).encode(), b"\n", *rows, b'["address","192.0.2.1",[5]]\n']
            ),
        )
        assert (file.load(), file.damaged) == (numbering(), 0)
