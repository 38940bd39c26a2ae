# SPDX-License-Identifier: GPL-3.0-or-later
"""The encoding of a snapshot between the collector and the responder."""

from __future__ import annotations

import json
from typing import Any, Callable, List

import pytest

from lvs_agent.boundary import wire
from lvs_agent.snapshot import Snapshot
from tests.support.builders import director, server, service, snapshot

WHOLE = b"".join(wire.encode(director()))
LINES = WHOLE.splitlines(keepends=True)


def read(data: bytes, portion: int = 1 << 16) -> Snapshot:
    reader = wire.Reader()
    for start in range(0, len(data), portion):
        reader.feed(data[start : start + portion])
    snapshot = reader.finish()
    assert reader.problems == []
    return snapshot


def read_damaged(lines: List[bytes]) -> tuple[Snapshot, List[str]]:
    reader = wire.Reader()
    reader.feed(b"".join(lines))
    return reader.finish(), reader.problems


def names(read: Snapshot) -> List[str]:
    return [
        name for vs in read.services for name in (vs.name, *(rs.name for rs in vs.real_servers))
    ]


def line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def header(change: Callable[[Any], object]) -> List[bytes]:
    value = json.loads(LINES[0])
    change(value)
    return [line(value), *LINES[1:]]


def test_a_snapshot_comes_back_equal() -> None:
    assert read(WHOLE) == director()


def test_an_empty_snapshot_comes_back_equal() -> None:
    assert read(b"".join(wire.encode(snapshot()))) == snapshot()


@pytest.mark.parametrize("portion", [1, 2, 7, 4096])
def test_it_may_come_in_portions_of_any_size(portion: int) -> None:
    assert read(WHOLE, portion) == director()


def test_text_that_is_not_unicode_crosses_without_harm() -> None:
    sent = snapshot(text="eth\udcff0\n\0", services=[])
    received = read(b"".join(wire.encode(sent)))
    assert received.text == "eth?0\n\0"


def test_each_line_is_json_and_the_last_counts_the_rows() -> None:
    kinds = [json.loads(each)[0] for each in LINES[1:-1]]
    assert kinds == [
        *("service", "server", "server", "server"),
        "service",
        *("service", "server"),
        *("service", "server"),
        "service",
        *("lost", "lost", "lost"),
        *("vip", "rip", "rip"),
    ]
    assert json.loads(LINES[-1]) == {"rows": 16}


def test_the_columns_are_named_for_readers() -> None:
    columns = json.loads(LINES[0])["lvs-agent snapshot"]
    first = dict(zip(columns["service"], json.loads(LINES[1])[1]))
    assert (first["address"], first["port"], first["scheduler"]) == ("192.0.2.10", 443, "wlc")


def test_cut_off_at_any_byte_it_is_no_snapshot() -> None:
    for length in range(len(WHOLE)):
        with pytest.raises(wire.WireError):
            read(WHOLE[:length])


@pytest.mark.parametrize("missing", range(1, len(LINES)))
def test_a_missing_line_shows_at_the_end(missing: int) -> None:
    with pytest.raises(wire.WireError):
        read_damaged(LINES[:missing] + LINES[missing + 1 :])


@pytest.mark.parametrize("rows", [15, 17, -1, "16", None, [16]])
def test_a_count_that_differs_is_no_end(rows: object) -> None:
    with pytest.raises(wire.WireError):
        read_damaged([*LINES[:-1], line({"rows": rows})])


BAD_ROWS = [
    b"\n",
    b"{\n",
    b"null\n",
    b"5\n",
    b'"server"\n',
    b"[]\n",
    b'["server"]\n',
    b'["server",5]\n',
    b'["server",[]]\n',
    b'["backend",[]]\n',
    b'[["server"],[]]\n',
    b"\xff\xfe\x00\n",
    b"[" * 100000 + b"\n",
    b"9" * 10000 + b"\n",
]


@pytest.mark.parametrize("bad", BAD_ROWS)
def test_a_bad_row_costs_itself_and_is_named_by_its_line(bad: bytes) -> None:
    received, problems = read_damaged([*LINES[:4], bad, *LINES[5:]])
    assert len(problems) == 1
    assert problems[0].startswith("snapshot line 5: ")
    expected = director()
    del expected.services[0].real_servers[2]
    assert received == expected


def test_a_bad_server_leaves_those_after_it_to_their_service() -> None:
    received, problems = read_damaged([*LINES[:2], b'["server",[]]\n', *LINES[3:]])
    assert problems == ["snapshot line 3: 0 columns, expected 18"]
    assert received.services[0].real_servers == director().services[0].real_servers[1:]


@pytest.mark.parametrize("place", range(1, 11))
def test_each_row_may_be_the_bad_one(place: int) -> None:
    received, problems = read_damaged([*LINES[:place], b"garbage\n", *LINES[place + 1 :]])
    assert [problem.split(":")[0] for problem in problems] == [f"snapshot line {place + 1}"]
    assert names(director())[place - 1] not in names(received)


@pytest.mark.parametrize(
    "bad",
    [
        ["TCP 192.0.2.99", "", None, 1795910460.0],
        ["TCP 192.0.2.99:80", "192.168.0.7", None, 1795910460.0],
        ["", "192.168.0.7:80", None, 1795910460.0],
        ["FWM 4294967296", "", None, 1795910460.0],
        ["TCP 192.0.2.99:80", None, None, 1795910460.0],
        ["TCP 192.0.2.99:80", "", None, None],
        ["TCP 192.0.2.99:80", "", float("nan"), 1795910460.0],
    ],
)
def test_a_bad_lost_row_costs_itself(bad: object) -> None:
    received, problems = read_damaged([*LINES[:12], line(["lost", bad]), *LINES[13:]])
    assert len(problems) == 1
    assert problems[0].startswith("snapshot line 13: ")
    expected = director()
    del expected.lost[1]
    assert received == expected


@pytest.mark.parametrize(
    "bad",
    [
        [None, [1, 2, 3, 4, 5], 750.5, 0],
        ["192.168.0.1", [1, 2, 3, 4], 750.5, 0],
        ["192.168.0.1", [1, 2, 3, 4, -5], 750.5, 0],
        ["192.168.0.1", None, None, 0],
        ["192.168.0.1", None, 1e13, 0],
        ["192.168.0.1", None, 750.5, None],
        ["192.168.0.1", None, 750.5, -1],
        ["192.168.0.1", None, 750.5, 1 << 32],
    ],
)
def test_a_bad_sum_over_an_address_costs_itself(bad: object) -> None:
    received, problems = read_damaged([*LINES[:15], line(["rip", bad]), *LINES[16:]])
    assert len(problems) == 1
    assert problems[0].startswith("snapshot line 16: ")
    expected = director()
    del expected.rips["192.168.0.1"]
    assert received == expected


@pytest.mark.parametrize("name", ["lost_services", "lost_servers"])
@pytest.mark.parametrize("value", [-1, 1 << 64, "1", 1.5])
def test_a_number_of_lost_rows_out_of_range_is_no_snapshot(name: str, value: object) -> None:
    place = json.loads(LINES[0])["lvs-agent snapshot"]["snapshot"].index(name)

    def change(found: Any) -> None:
        found["snapshot"][place] = value

    with pytest.raises(wire.WireError):
        read_damaged(header(change))


def test_servers_of_an_unreadable_service_are_not_given_to_the_one_before() -> None:
    sent = snapshot(
        service("192.0.2.1", 80, server("192.168.0.1")),
        service("192.0.2.2", 80, server("192.168.0.2"), server("192.168.0.3")),
        service("192.0.2.3", 80, server("192.168.0.4")),
    )
    lines = list(wire.encode(sent))
    values = json.loads(lines[3])
    values[1][2] = "192.0.2.256"
    received, problems = read_damaged([*lines[:3], line(values), *lines[4:]])
    assert received.services == [sent.services[0], sent.services[2]]
    assert [problem.split(":")[0] for problem in problems] == ["snapshot line 4"]


@pytest.mark.parametrize("bad", [b"garbage\n", b'["service",[]]\n', b'["service"\n'])
def test_servers_after_a_garbled_service_line_are_not_given_to_the_one_before(bad: bytes) -> None:
    received, _problems = read_damaged([*LINES[:6], bad, *LINES[7:]])
    before = next(vs for vs in received.services if vs.name == "UDP 192.0.2.10:0")
    assert before.real_servers == []


@pytest.mark.parametrize(
    ("place", "column", "value"),
    [
        (1, "address", "192.0.2.1000"),
        (1, "address", "2001:db8::1"),
        (1, "address", ""),
        (1, "address", "192.0.2.1\0"),
        (1, "family", 7),
        (2, "address", "fe80::1%eth0"),
        (2, "address", "localhost"),
    ],
)
def test_an_address_that_is_none_costs_the_row(place: int, column: str, value: object) -> None:
    kind, values = json.loads(LINES[place])
    values[json.loads(LINES[0])["lvs-agent snapshot"][kind].index(column)] = value
    received, problems = read_damaged([*LINES[:place], line([kind, values]), *LINES[place + 1 :]])
    assert problems[0].startswith(f"snapshot line {place + 1}: address: ")
    assert len(received.services) == (4 if kind == "service" else 5)


@pytest.mark.parametrize(
    ("place", "column", "value"),
    [
        (1, "port", -1),
        (1, "port", 65536),
        (1, "protocol", -1),
        (1, "protocol", 65536),
        (1, "fwmark", 1 << 32),
        (1, "number", -1),
        (1, "number", 1 << 32),
        (1, "netmask", "255.255.255.0 x"),
        (1, "netmask", "x"),
        (8, "netmask", "x"),
        (8, "netmask", "-1"),
        (1, "counters", [1, 2, -3, 4, 5]),
        (1, "continuous_since", 1e308),
        (2, "port", -1),
        (2, "port", 65536),
        (2, "number", -1),
        (2, "number", 1 << 32),
        (2, "continuous_since", -1e13),
    ],
)
def test_what_no_oid_and_no_clock_can_show_costs_the_row(
    place: int, column: str, value: object
) -> None:
    kind, values = json.loads(LINES[place])
    values[json.loads(LINES[0])["lvs-agent snapshot"][kind].index(column)] = value
    received, problems = read_damaged([*LINES[:place], line([kind, values]), *LINES[place + 1 :]])
    assert [problem.split(":")[0] for problem in problems] == [f"snapshot line {place + 1}"]
    assert names(director())[place - 1] not in names(received)


def test_another_versions_columns_are_refused_with_the_remedy() -> None:
    lines = header(lambda value: value["lvs-agent snapshot"]["service"].append("colour"))
    with pytest.raises(wire.WireError, match="another version; restart"):
        wire.Reader().feed(b"".join(lines))


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.pop("snapshot"),
        lambda value: value.pop("director"),
        lambda value: value.update(cpus=5),
        lambda value: value.update(cpus=[[0, [1, 2, 3, 4]]]),
        lambda value: value.update(daemons=[5]),
        lambda value: value.update(director=None),
        lambda value: value["snapshot"].__setitem__(2, 99),
        lambda value: value["snapshot"].__setitem__(3, 0),
        lambda value: value["snapshot"].pop(),
        lambda value: value["snapshot"].__setitem__(0, 1e308),
        lambda value: value["snapshot"].__setitem__(5, -1),
        lambda value: value["cpus"][0].__setitem__(0, 1 << 32),
        lambda value: value["daemons"][0].__setitem__(0, -1),
        lambda value: value["daemons"][0].__setitem__(3, "224.0.0"),
    ],
)
def test_a_header_that_is_wrong_is_refused_by_its_line(change: Callable[[Any], object]) -> None:
    with pytest.raises(wire.WireError, match=r"^line 1: "):
        wire.Reader().feed(b"".join(header(change)))


@pytest.mark.parametrize("data", [*BAD_ROWS, b"{}\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_is_no_snapshot_from_its_first_line_on_is_refused(data: bytes) -> None:
    with pytest.raises(wire.WireError, match=r"^line 1: "):
        wire.Reader().feed(data)


@pytest.mark.parametrize("before", [[], LINES[:3]], ids=["at once", "within a snapshot"])
def test_a_line_without_end_is_given_up(before: List[bytes]) -> None:
    with pytest.raises(wire.WireError, match=f"line {len(before) + 1}: longer"):
        read(b"".join(before) + b"x" * (64 << 20))


def test_a_line_is_too_long_with_its_end_as_well() -> None:
    reader = wire.Reader()
    with pytest.raises(wire.WireError, match="line 4: longer"):
        reader.feed(b"".join(LINES[:3]) + b"[" + b" " * wire.MAX_LINE_BYTES + b"]\n")


@pytest.mark.parametrize("more", [LINES[1], LINES[-1], b"\n", b"x"])
def test_nothing_may_come_after_the_end(more: bytes) -> None:
    with pytest.raises(wire.WireError):
        read(WHOLE + more)


def test_bad_rows_without_end_are_no_snapshot() -> None:
    reader = wire.Reader()
    reader.feed(LINES[0])
    with pytest.raises(wire.WireError, match="invalid rows"):
        reader.feed(b"x\n" * (wire.MAX_PROBLEMS + 1))
