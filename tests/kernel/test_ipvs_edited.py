# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that are edited during a dump: rows of the last snapshot are looked for again."""

from __future__ import annotations

import errno
import os
from typing import Callable, Dict, Iterator, List, Mapping, Sequence

import pytest

from lvs_agent.kernel.ipvs import MAX_DUMPS, MAX_SERVICES, Ipvs, Known
from lvs_agent.kernel.netlink import Request
from tests.support.made_kernel import MadeKernel, service_address
from tests.support.recorded import GET_DEST, GET_SERVICE

Dump = Callable[[int, Sequence[bytes]], Sequence[bytes]]


class EditedKernel(MadeKernel):
    """A made kernel whose dumps differ. edits has a function for the dumps of a command, which gets
    the number of the dump since it was set, from 0, and the rows, and returns those to give."""

    def __init__(self, services: int, servers: int) -> None:
        super().__init__(services, servers)
        self.edits: Dict[int, Dump] = {}
        self.asked: List[Request] = []

    def ask(self, request: Request) -> Iterator[bytes]:
        self.asked.append(request)
        rows = list(super().ask(request))
        edit = self.edits.get(request.command)
        if edit is not None and request.dump:
            rows = list(edit(self.asked.count(request) - 1, rows))
        yield from rows


@pytest.fixture
def kernel() -> EditedKernel:
    return EditedKernel(5, 4)


@pytest.fixture
def known(kernel: EditedKernel) -> Dict[str, Known]:
    """Return what a snapshot before the edits knows."""
    ipvs = Ipvs(kernel, pytest.fail)
    ipvs.services()
    kernel.asked = []
    return ipvs.known


def look(kernel: EditedKernel, known: Dict[str, Known]) -> Ipvs:
    return Ipvs(kernel, pytest.fail, known)


def names(known: Mapping[str, Known]) -> Dict[str, List[str]]:
    """Return the names of services, each with those of its real servers, in order."""
    return {name: sorted(each.servers) for name, each in known.items()}


def count(kernel: EditedKernel, command: int, dump: bool = True) -> int:
    return sum((each.command, each.dump) == (command, dump) for each in kernel.asked)


def test_nothing_is_looked_for_where_nothing_is_missing(
    kernel: EditedKernel, known: Dict[str, Known]
) -> None:
    assert len(look(kernel, known).services()) == 5
    assert (count(kernel, GET_SERVICE), count(kernel, GET_DEST)) == (1, 5)
    assert count(kernel, GET_SERVICE, dump=False) == 0


def test_a_service_that_a_dump_skips_is_found_by_itself(
    kernel: EditedKernel, known: Dict[str, Known]
) -> None:
    kernel.edits[GET_SERVICE] = lambda number, rows: [*rows[:2], *rows[3:]]
    ipvs = look(kernel, known)
    assert sorted(vs.name for vs in ipvs.services()) == sorted(known)
    assert count(kernel, GET_SERVICE, dump=False) == 1
    assert names(ipvs.known) == names(known)


def test_a_service_that_is_deleted_is_asked_for_once(
    kernel: EditedKernel, known: Dict[str, Known]
) -> None:
    kernel.services.remove(3)
    ipvs = look(kernel, known)
    assert len(ipvs.services()) == len(ipvs.known) == 4
    assert count(kernel, GET_SERVICE, dump=False) == 1
    assert len(look(kernel, ipvs.known).services()) == 4
    assert count(kernel, GET_SERVICE, dump=False) == 1


def refuse(request: Request, replies: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
    """Refuse to look for one service."""
    if request.command == GET_SERVICE and not request.dump:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))
    return replies()


def test_another_refusal_of_a_service_is_an_error(
    kernel: EditedKernel, known: Dict[str, Known]
) -> None:
    kernel.services.remove(3)
    kernel.meddle = refuse
    with pytest.raises(PermissionError):
        look(kernel, known).services()


def test_servers_that_a_dump_skips_are_found_by_further_dumps(
    kernel: EditedKernel, known: Dict[str, Known]
) -> None:
    kernel.edits[GET_DEST] = lambda number, rows: [
        row for place, row in enumerate(rows) if place != number % 4
    ]
    ipvs = look(kernel, known)
    assert [len(vs.real_servers) for vs in ipvs.services()] == [4] * 5
    assert count(kernel, GET_DEST) == 10
    assert names(ipvs.known) == names(known)


def test_a_server_that_is_deleted_is_gone_when_two_dumps_agree(
    kernel: EditedKernel, known: Dict[str, Known]
) -> None:
    kernel.servers = 3
    ipvs = look(kernel, known)
    assert [len(vs.real_servers) for vs in ipvs.services()] == [3] * 5
    assert count(kernel, GET_DEST) == 10
    kernel.asked = []
    assert [len(vs.real_servers) for vs in look(kernel, ipvs.known).services()] == [3] * 5
    assert count(kernel, GET_DEST) == 5


def skipping_the_first(number: int, rows: Sequence[bytes]) -> Sequence[bytes]:
    """Never give the first row, and the others in another order each time."""
    rest = list(rows[1:])
    turn = number % len(rest)
    return [*rest[turn:], *rest[:turn]]


def test_what_no_dump_settles_is_reported_and_looked_for_in_the_next_snapshot(
    kernel: EditedKernel, known: Dict[str, Known]
) -> None:
    kernel.edits[GET_DEST] = skipping_the_first
    reports: List[str] = []
    ipvs = Ipvs(kernel, reports.append, known)
    assert [len(vs.real_servers) for vs in ipvs.services()] == [3] * 5
    assert count(kernel, GET_DEST) == 5 * (MAX_DUMPS + 1)
    assert len(reports) == 5
    assert "1 may be missing, since the table was edited meanwhile: 172.16.0.1:80" in reports[0]
    assert names(ipvs.known) == names(known)
    del kernel.edits[GET_DEST]
    assert [len(vs.real_servers) for vs in look(kernel, known).services()] == [4] * 5


def test_of_very_many_services_that_are_missing_not_every_one_is_asked_for() -> None:
    kernel = EditedKernel(MAX_SERVICES + 10, 0)
    before = Ipvs(kernel, pytest.fail)
    before.services()
    kernel.asked = []
    kernel.edits[GET_SERVICE] = lambda number, rows: rows[-1 - number % 2 :]
    reports: List[str] = []
    ipvs = Ipvs(kernel, reports.append, before.known)
    assert len(ipvs.services()) == MAX_SERVICES + 2
    assert (count(kernel, GET_SERVICE), count(kernel, GET_SERVICE, dump=False)) == (
        MAX_DUMPS + 1,
        MAX_SERVICES,
    )
    assert len(reports) == 8
    assert ipvs.known.keys() == before.known.keys()


def test_a_table_that_is_cleared_is_dumped_twice(
    kernel: EditedKernel, known: Dict[str, Known]
) -> None:
    many = EditedKernel(MAX_SERVICES + 10, 0)
    before = Ipvs(many, pytest.fail)
    before.services()
    many.asked, many.services = [], []
    assert look(many, before.known).services() == []
    assert (count(many, GET_SERVICE), count(many, GET_SERVICE, dump=False)) == (2, 0)


def complete(ipvs: Ipvs) -> List[bool]:
    """Return whether each service's servers are complete."""
    return [vs.complete for vs in ipvs.services()]


def test_a_first_look_is_not_complete(kernel: EditedKernel) -> None:
    ipvs = Ipvs(kernel, pytest.fail)
    assert complete(ipvs) == [False] * 5
    assert not ipvs.complete


def test_a_look_is_complete_whether_rows_are_missing_or_not(
    kernel: EditedKernel, known: Dict[str, Known]
) -> None:
    ipvs = look(kernel, known)
    assert complete(ipvs) == [True] * 5
    assert ipvs.complete
    kernel.services.remove(3)
    kernel.servers = 3
    ipvs = look(kernel, known)
    assert complete(ipvs) == [True] * 4
    assert ipvs.complete


def test_a_director_whose_last_service_was_deleted_is_complete(
    kernel: EditedKernel, known: Dict[str, Known]
) -> None:
    kernel.services = []
    ipvs = look(kernel, known)
    assert complete(ipvs) == []
    assert ipvs.complete
    ipvs = look(kernel, {})
    assert complete(ipvs) == []
    assert ipvs.complete


def test_the_servers_of_a_service_that_is_new_are_not_complete(
    kernel: EditedKernel, known: Dict[str, Known]
) -> None:
    kernel.services.append(6)
    ipvs = look(kernel, known)
    assert complete(ipvs) == [True] * 5 + [False]
    assert ipvs.complete
    assert complete(look(kernel, ipvs.known)) == [True] * 6


def test_servers_that_may_be_missing_make_their_service_incomplete(
    kernel: EditedKernel, known: Dict[str, Known]
) -> None:
    first = kernel.services[0]

    def skip(request: Request, replies: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        rows = list(replies())
        if request.command == GET_DEST and service_address(first) in request.body:
            rows = list(skipping_the_first(len(kernel.asked), rows))
        return iter(rows)

    kernel.meddle = skip
    ipvs = Ipvs(kernel, lambda problem: None, known)
    assert complete(ipvs) == [False] + [True] * 4
    assert ipvs.complete


def test_services_that_may_be_missing_make_the_director_incomplete() -> None:
    kernel = EditedKernel(MAX_SERVICES + 10, 1)
    before = Ipvs(kernel, pytest.fail)
    before.services()
    kernel.edits[GET_SERVICE] = lambda number, rows: rows[-1 - number % 2 :]
    ipvs = Ipvs(kernel, lambda problem: None, before.known)
    assert set(complete(ipvs)) == {True}
    assert not ipvs.complete


@pytest.mark.parametrize("command", [GET_SERVICE, GET_DEST])
def test_a_row_that_cannot_be_read_makes_its_table_incomplete(
    kernel: EditedKernel, known: Dict[str, Known], command: int
) -> None:
    kernel.edits[command] = lambda number, rows: [*rows[:-1], rows[-1][:30]]
    ipvs = Ipvs(kernel, lambda problem: None, known)
    servers = complete(ipvs)
    assert (command == GET_SERVICE) == (not ipvs.complete)
    assert (command == GET_DEST) == (False in servers)


@pytest.mark.parametrize("last", [0, 2])
def test_a_service_that_is_deleted_before_its_servers_are_read_is_left_out(
    kernel: EditedKernel, known: Dict[str, Known], last: int
) -> None:
    """The kernel's dump of the servers of a service that does not exist is empty."""
    dumps = 0

    def delete(request: Request, replies: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        nonlocal dumps
        rows = list(replies())
        if request.command == GET_DEST and service_address(3) in request.body:
            dumps += 1
            rows = rows[:last] if dumps == 1 else []
            kernel.services = [1, 2, 4, 5]
        return iter(rows)

    kernel.meddle = delete
    ipvs = look(kernel, known)
    assert complete(ipvs) == [True] * 4
    assert len(ipvs.known) == 4


def test_another_refusal_of_a_service_whose_servers_went_is_an_error(
    kernel: EditedKernel, known: Dict[str, Known]
) -> None:
    kernel.servers = 3
    kernel.meddle = refuse
    with pytest.raises(PermissionError):
        look(kernel, known).services()
