# SPDX-License-Identifier: GPL-3.0-or-later
"""Ordered access by OID: get and getnext compared with a sorted list of every instance."""

from __future__ import annotations

import gc
import random
import weakref
from itertools import islice
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest

from lvs_agent.mib.lookup import MAX_WALKS, MibTree
from lvs_agent.mib.smi import Column, Index, Integer, Integer32, Oid, Scalar, Table, Varbind, dotted
from tests.support.snmpd import numbers

HUGE = 2**32 - 1

Cells = Dict[Tuple[Oid, int], Optional[int]]


class Objects:
    """Scalars and tables of integers, and a dictionary of their instances to compare with."""

    def __init__(self) -> None:
        self.scalars: List[Scalar] = []
        self.tables: List[Table] = []
        self.instances: Dict[Oid, int] = {}

    def scalar(self, path: Oid, value: Optional[int]) -> None:
        self.scalars.append(Scalar(path, "scalar", Integer32, lambda _snapshot: value))
        if value is not None:
            self.instances.update({(*path, 0): value})

    def table(self, path: Oid, columns: List[int], rows: List[Oid], cells: Cells) -> None:
        def column(number: int) -> Column:
            return Column(number, "column", Integer32, lambda row: cells[(row, number)])

        self.tables.append(
            Table(
                path,
                "table",
                "entry",
                [Index(1, "index", Integer32)],
                lambda _snapshot: ((row, row) for row in rows),
                [column(number) for number in columns],
            )
        )
        self.instances.update(
            {
                (*path, 1, number, *row): value
                for (row, number), value in cells.items()
                if value is not None
            }
        )

    def tree(self) -> MibTree:
        return MibTree(self.scalars, self.tables, None, 0.0)


def varied() -> Objects:
    """Return objects with gaps, empty columns, long OIDs, and numbers that sort unlike text."""
    chance = random.Random(8225)
    objects = Objects()
    for path, value in [((1,), 5), ((2,), None), ((10,), 7), ((3,), 0), ((25, 4), 1)]:
        objects.scalar(path, value)
    rows: List[Oid] = [(1,), (10,), (2,), (100,), (65535,), (0,), (9,)]
    cells: Cells = {(row, 2): row[0] for row in rows}
    cells.update({(row, 10): None if row[0] % 2 else 1 for row in rows})
    cells.update({(row, 3): None for row in rows})
    cells.update({(row, 128): 1 if row == (65535,) else None for row in rows})
    objects.table((17,), [2, 10, 3, 128], rows, cells)
    objects.table((18,), [1, 2], [], {})
    rows = [
        (1, 4, 192, 0, 2, 10, 6, 443),
        (1, 4, 192, 0, 2, 9, 6, 80),
        (1, 4, 192, 0, 2, 10, 0, HUGE),
        (2, 16, *[0] * 15, 1, 6, 0),
        (HUGE,) * 117,
        (0,) * 117,
        (0,) * 116,
    ]
    cells = {(row, number): chance.choice([None, number]) for row in rows for number in (5, 6)}
    cells.update({(row, HUGE): 9 for row in rows})
    objects.table((21,), [5, 6, HUGE], rows, cells)
    objects.table((HUGE, HUGE), [7], [(1, 2)], {((1, 2), 7): None})
    return objects


def any_objects(seed: int) -> Objects:
    chance = random.Random(seed)
    objects = Objects()
    for path in range(1, 12):
        if chance.random() < 0.4:
            objects.scalar((path,), chance.choice([None, path]))
            continue
        rows = [
            tuple(chance.choice([0, 1, 2, 10, 127, HUGE]) for _part in range(length))
            for length in chance.choices(range(1, 5), k=chance.randrange(8))
        ]
        rows = list(dict.fromkeys(rows))
        columns = chance.sample(range(1, 15), chance.randrange(1, 5))
        present = chance.choice([0.0, 0.3, 1.0])
        cells: Cells = {
            (row, number): number if chance.random() < present else None
            for row in rows
            for number in columns
        }
        objects.table((path,), columns, rows, cells)
    return objects


def near(oid: Oid) -> Iterator[Oid]:
    """Yield an OID, the same with a sub-identifier dropped, lower or higher, and longer OIDs."""
    yield oid
    for place, part in enumerate(oid):
        yield oid[:place]
        yield oid[:place] + oid[place + 1 :]
        for other in (part - 1, part + 1):
            if 0 <= other <= HUGE:
                yield (*oid[:place], other, *oid[place + 1 :])
    for more in (0, 1, HUGE):
        yield (*oid, more)


ALL = [varied, *(lambda seed=seed: any_objects(seed) for seed in range(12))]


@pytest.mark.parametrize("make", ALL)
def test_get_and_getnext_agree_with_the_list_of_all_instances(make: Any) -> None:
    objects = make()
    tree = objects.tree()
    oids = sorted(objects.instances)
    asked = sorted({(), (0,), (HUGE,) * 128, *(other for oid in oids for other in near(oid))})
    place = 0
    for oid in asked:
        while place < len(oids) and oids[place] <= oid:
            place += 1
        found = tree.get(oid)
        value = objects.instances.get(oid)
        assert found == (None if value is None else Varbind(dotted(oid), Integer, value))
        following = tree.get_next(oid)
        assert (numbers(following.oid) if following else None) == (
            oids[place] if oids[place:] else None
        )


@pytest.mark.parametrize("make", ALL)
def test_a_walk_is_every_instance_once_in_order(make: Any) -> None:
    objects = make()
    walked = list(islice(objects.tree().walk(), len(objects.instances) + 1))
    assert [numbers(varbind.oid) for varbind in walked] == sorted(objects.instances)
    assert {numbers(varbind.oid): int(varbind.value) for varbind in walked} == objects.instances


@pytest.mark.parametrize("make", ALL)
def test_a_walk_goes_on_from_its_last_answer_as_a_search_would(make: Any) -> None:
    tree, searched = make().tree(), make().tree()
    varbind = tree.get_next(())
    while varbind is not None:
        following = tree.go_on(varbind.oid)
        assert following == searched.get_next(numbers(varbind.oid))
        varbind = following


def test_columns_read_row_by_row_are_as_many_walks_as_there_are_columns() -> None:
    tree = varied().tree()
    here = [tree.get_next(prefix) for prefix in ((17, 1, 2), (17, 1, 10), (21, 1, HUGE))]
    while all(here):
        oids = [varbind.oid for varbind in here if varbind]
        here = [tree.go_on(oid) for oid in oids]
        assert here == [tree.get_next(numbers(oid)) for oid in oids]


def test_only_the_last_answers_of_walks_are_gone_on_from() -> None:
    tree = varied().tree()
    first = tree.get_next(())
    assert first is not None
    assert tree.go_on("1") is None
    second = tree.go_on(first.oid)
    assert second is not None
    assert tree.go_on(first.oid) is None, "the walk is past this answer"
    assert tree.go_on(second.oid) is not None


def test_walks_that_are_never_gone_on_with_are_forgotten() -> None:
    objects = Objects()
    rows: List[Oid] = [(number,) for number in range(MAX_WALKS + 2)]
    objects.table((1,), [1], rows, {(row, 1): 0 for row in rows})
    tree = objects.tree()
    for row in rows[:-1]:
        tree.get_next((1, 1, 1, *row))
    assert tree.go_on("1.1.1.1") is None
    assert tree.go_on("1.1.1.2") is not None


def test_a_walk_goes_on_in_a_column_whose_gaps_another_has_left_out() -> None:
    objects = Objects()
    rows: List[Oid] = [(number,) for number in range(8)]
    objects.table((1,), [1], rows, {(row, 1): None if row[0] in (3, 5) else 0 for row in rows})
    tree = objects.tree()
    assert tree.get_next((1, 1, 1, 0)) == Varbind("1.1.1.1", Integer, 0)
    assert tree.get_next((1, 1, 1, 4)) == Varbind("1.1.1.6", Integer, 0)
    walked = ["1.1.1.1"]
    while (varbind := tree.go_on(walked[-1])) is not None:
        walked.append(varbind.oid)
    assert walked == [f"1.1.1.{number}" for number in (1, 2, 4, 6, 7)]


def test_a_tree_is_freed_with_its_walks() -> None:
    """Reference counts must suffice: the agent runs without the cycle collector."""
    tree = varied().tree()
    tree.get_next(())
    freed = weakref.ref(tree)
    gc.disable()
    try:
        del tree
        assert freed() is None
    finally:
        gc.enable()


def test_the_first_request_to_a_tree_is_answered_as_any_other() -> None:
    objects = varied()
    oids = sorted(objects.instances)
    for before, oid in zip([(), *oids], oids):
        following = objects.tree().get_next(before)
        assert following is not None
        assert following.oid == dotted(oid)


def test_order_is_that_of_numbers_not_of_text() -> None:
    objects = Objects()
    rows: List[Oid] = [(10,), (9, 1), (9,), (100,), (2,)]
    objects.table((1,), [10, 9], rows, {(row, number): 1 for row in rows for number in (9, 10)})
    assert [varbind.oid for varbind in objects.tree().walk()] == [
        *("1.1.9.2", "1.1.9.9", "1.1.9.9.1", "1.1.9.10", "1.1.9.100"),
        *("1.1.10.2", "1.1.10.9", "1.1.10.9.1", "1.1.10.10", "1.1.10.100"),
    ]


def test_an_oid_of_128_parts_is_found_and_passed() -> None:
    tree = varied().tree()
    longest = (21, 1, HUGE, *(HUGE,) * 117)
    assert 8 + len(longest) == 128
    assert tree.get(longest) == Varbind(dotted(longest), Integer, 9)
    assert tree.get_next((*longest[:-1], HUGE - 1)) == Varbind(dotted(longest), Integer, 9)
    for oid in (longest, (*longest, 0)):
        assert tree.get_next(oid) == Varbind("25.4.0", Integer, 1)


def test_without_any_instance_there_is_no_next() -> None:
    objects = Objects()
    objects.scalar((1,), None)
    objects.table((2,), [1], [(1,)], {((1,), 1): None})
    assert objects.tree().get_next(()) is None
    assert MibTree([], [], None, 0.0).get_next(()) is None


def test_a_row_the_kernel_told_twice_ends_no_walk() -> None:
    objects = Objects()
    rows: List[Oid] = [(1,), (2,), (2,), (3,)]
    objects.table((1,), [1], rows, {(row, 1): row[0] for row in rows})
    assert [varbind.value for varbind in objects.tree().walk()] == [1, 2, 3]


def test_an_accessible_index_is_a_column_of_its_own() -> None:
    table = Table(
        (18,),
        "table",
        "entry",
        [Index(1, "first", Integer32, True), Index(2, "second", Integer32, True)],
        lambda _snapshot: [((7, 3), 5), ((7, 12), 5)],
        [Column(3, "column", Integer32, lambda row: row)],
    )
    assert list(MibTree([], [table], None, 0.0).walk()) == [
        Varbind("18.1.1.7.3", Integer, 7),
        Varbind("18.1.1.7.12", Integer, 7),
        Varbind("18.1.2.7.3", Integer, 3),
        Varbind("18.1.2.7.12", Integer, 12),
        Varbind("18.1.3.7.3", Integer, 5),
        Varbind("18.1.3.7.12", Integer, 5),
    ]
