# SPDX-License-Identifier: GPL-3.0-or-later
"""Records as rows of JSON: they come back equal, and a wrong row is refused by its column."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import List, Optional, Tuple

import pytest

from lvs_agent.boundary.rows import RowCodec, RowError
from lvs_agent.codes import Source
from lvs_agent.services import Traffic


@dataclass
class Sample:
    name: str
    count: int
    seconds: float = 0.0
    flag: bool = False
    source: Source = Source.NONE
    counters: Optional[Traffic] = None
    limit: Optional[int] = None
    tail: str = "default"


FULL = ["eth0", 2**64 - 1, 0.5, True, 2, [1, 2, 3, 4, 5], 7, "end"]
BARE = ["", 0, 0, False, 0, None, None, ""]
COLUMNS = ["name", "count", "seconds", "flag", "source", "counters", "limit", "tail"]


def test_a_record_is_an_array_in_the_order_of_its_fields() -> None:
    record = Sample("eth0", 2**64 - 1, 0.5, True, Source.PROCFS, Traffic(1, 2, 3, 4, 5), 7, "end")
    assert json.loads(json.dumps(RowCodec(Sample).encode(record))) == FULL


def test_an_array_becomes_its_record() -> None:
    assert RowCodec(Sample).decode(list(FULL)) == Sample(
        "eth0", 2**64 - 1, 0.5, True, Source.PROCFS, Traffic(1, 2, 3, 4, 5), 7, "end"
    )
    assert RowCodec(Sample).decode(list(BARE)) == Sample("", 0, 0.0, tail="")


def test_fields_from_the_named_one_on_are_left_to_their_defaults() -> None:
    codec = RowCodec(Sample, until="tail")
    assert codec.names == COLUMNS[:-1]
    assert codec.encode(Sample("a", 1, tail="not sent"))[-1] is None
    assert codec.decode(["a", 1, 0.0, False, 0, None, None]).tail == "default"


WRONG: List[Tuple[str, object]] = [
    ("name", 5),
    ("name", None),
    ("name", ["eth0"]),
    ("count", "5"),
    ("count", 5.0),
    ("count", True),
    ("count", None),
    ("seconds", "0.5"),
    ("seconds", True),
    ("seconds", float("inf")),
    ("seconds", float("nan")),
    ("seconds", 10**400),
    ("flag", 1),
    ("flag", None),
    ("source", "netlink"),
    ("source", 1.0),
    ("counters", 5),
    ("counters", {}),
    ("counters", []),
    ("counters", [1, 2, 3, 4]),
    ("counters", [1, 2, 3, 4, 5, 6]),
    ("counters", [1, 2, 3, 4, "5"]),
    ("counters", [1, 2, 3, 4, 5.0]),
    ("counters", [1, 2, 3, 4, True]),
    ("counters", [1, 2, 3, 4, None]),
    ("limit", "7"),
    ("limit", False),
]


@pytest.mark.parametrize(("column", "value"), WRONG)
@pytest.mark.parametrize("before", [[], [FULL, BARE]], ids=["first", "after good rows"])
def test_a_value_of_the_wrong_type_is_refused_by_its_column(
    before: List[List[object]], column: str, value: object
) -> None:
    codec = RowCodec(Sample)
    for good in before:
        codec.decode(json.loads(json.dumps(good)))
    row = list(FULL)
    row[COLUMNS.index(column)] = value
    with pytest.raises(RowError, match=f"^{column}: "):
        codec.decode(row)


@pytest.mark.parametrize("count", [0, 1, 7, 9, 10000])
def test_a_row_with_columns_too_many_or_too_few_is_refused(count: int) -> None:
    with pytest.raises(RowError, match=f"{count} columns, expected 8"):
        RowCodec(Sample).decode((FULL * 1250)[:count])


@pytest.mark.parametrize("value", [None, 5, "row", {}, True])
def test_what_is_no_array_is_refused(value: object) -> None:
    with pytest.raises(RowError):
        RowCodec(Sample).decode(value)


def test_a_refusal_of_a_long_value_stays_short() -> None:
    with pytest.raises(RowError) as refusal:
        RowCodec(Sample).decode([["x" * 100000], *FULL[1:]])
    assert len(str(refusal.value)) < 100
