# SPDX-License-Identifier: GPL-3.0-or-later
"""Row numbers: each is assigned once, kept, and reused only when no other is left."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

from lvs_agent.codes import Family, Forwarding, IpProtocol
from lvs_agent.collector.history import History
from lvs_agent.collector.limit import missing
from lvs_agent.collector.remembered import MAX_NUMBER, Numbering
from lvs_agent.collector.statefile import MAX_MISSING, StateFile
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import Snapshot
from tests.support.builders import farm, fwmark, server, service, snapshot, traffic
from tests.support.statefiles import lines, other_boot

WEB = ("192.0.2.10", 80)


def numbers(history: History, *services: VirtualService) -> Dict[str, Optional[int]]:
    """Return the number of each service by its name, and of each server by both names."""
    look = snapshot(*services)
    history.annotate(look)
    given = {vs.name: vs.number for vs in look.services}
    for vs in look.services:
        given.update({f"{vs.name} {rs.name}": rs.number for rs in vs.real_servers})
    return given


FARM = {
    "TCP 192.0.2.10:80": 1,
    "TCP 192.0.2.10:80 192.168.0.1:80": 1,
    "TCP 192.0.2.10:80 192.168.0.2:80": 2,
    "TCP 192.0.2.10:25": 2,
    "TCP 192.0.2.10:25 192.168.0.2:25": 1,
    "TCP 192.0.2.10:25 [2001:db8:1::1]:25": 2,
    "UDP [2001:db8::53]:53": 3,
}


def test_rows_are_numbered_from_1_as_they_are_first_seen() -> None:
    assert numbers(History(None), *farm()) == FARM


def test_numbers_do_not_follow_the_order_of_a_dump() -> None:
    history = History(None)
    history.annotate(snapshot(*farm()))
    other_way = farm()[::-1]
    for vs in other_way:
        vs.real_servers.reverse()
    assert numbers(history, *other_way) == FARM


def test_numbers_stay_over_edits() -> None:
    history = History(None)
    history.annotate(snapshot(*farm()))
    edited = farm()
    edited[0].scheduler, edited[0].flags, edited[0].persist_timeout = "mh", 1, 60
    edited[0].real_servers[0].forwarding, edited[0].real_servers[0].weight = Forwarding.ROUTE, 0
    assert numbers(history, *edited) == FARM


def test_numbers_wait_for_rows_that_are_gone() -> None:
    history = History(None)
    history.annotate(snapshot(*farm()))
    assert numbers(history, farm()[2], fwmark(9)) == {"UDP [2001:db8::53]:53": 3, "FWM 9": 4}
    assert numbers(history) == {}
    assert numbers(history, *farm()) == FARM


def test_a_server_put_back_has_its_number_and_another_gets_a_new_one() -> None:
    history = History(None)
    one, two, three = (server(f"192.168.0.{host}", 80) for host in (1, 2, 3))
    numbers(history, service(*WEB, one, two))
    given = numbers(history, service(*WEB, three, two))
    assert given["TCP 192.0.2.10:80 192.168.0.3:80"] == 3
    given = numbers(history, service(*WEB, one, three))
    assert given["TCP 192.0.2.10:80 192.168.0.1:80"] == 1


def test_protocol_port_mark_and_family_tell_services_apart() -> None:
    given = numbers(
        History(None),
        service("192.0.2.10", 53),
        service("192.0.2.10", 53, protocol=IpProtocol.UDP),
        service("192.0.2.10", 54),
        fwmark(53),
        fwmark(53, family=Family.INET6),
    )
    assert sorted(filter(None, given.values())) == [1, 2, 3, 4, 5]


def test_numbers_stay_over_a_restart(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.annotate(snapshot(*farm()))
    history.close()
    history = History(tmp_path)
    assert numbers(history, fwmark(9), *farm()[::-1]) == {**FARM, "FWM 9": 4}
    history.close()


def test_numbers_stay_over_another_boot(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.annotate(snapshot(*farm()))
    history.close()
    other_boot(tmp_path)
    history = History(tmp_path)
    assert numbers(history, fwmark(9), *farm()[::-1]) == {**FARM, "FWM 9": 4}
    history.close()


def killed_after(folder: Path, *looks: Snapshot) -> None:
    """Run a collector's history in a process that ends without saving at the end."""
    child = os.fork()
    if not child:
        history = History(folder)
        for look in looks:
            history.annotate(look)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_numbers_that_were_served_stay_after_a_kill(tmp_path: Path) -> None:
    killed_after(tmp_path, snapshot(*farm()), snapshot(*farm(), fwmark(9)))
    history = History(tmp_path)
    assert numbers(history, fwmark(9), *farm()[::-1]) == {**FARM, "FWM 9": 4}
    history.close()


def test_a_number_lost_to_damage_is_not_given_to_another(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.annotate(snapshot(*farm()))
    history.close()
    kept = lines(tmp_path)
    (tmp_path / "history.jsonl").write_bytes(b"".join(kept[:-1]) + b"garbage\n")
    history = History(tmp_path)
    assert numbers(history, *farm()) == {**FARM, "UDP [2001:db8::53]:53": 4}
    history.close()


BATCH = 1000


@pytest.fixture(scope="module")
def coming_and_going() -> List[int]:
    """Return the numbers of 80,000 services, of which a thousand are there at a time."""
    history = History(None)
    given = []
    for start in range(1, 80000, BATCH):
        look = snapshot(*map(fwmark, range(start, start + BATCH)))
        history.annotate(look)
        given += [vs.number for vs in look.services if vs.number is not None]
    return given


def test_of_80000_services_none_gets_anothers_number_before_all_were_given(
    coming_and_going: List[int],
) -> None:
    assert coming_and_going[:MAX_NUMBER] == list(range(1, MAX_NUMBER + 1))
    assert len(coming_and_going) == 80000


def test_a_number_given_again_is_that_of_the_row_longest_gone(coming_and_going: List[int]) -> None:
    holder: Dict[int, int] = {}
    for place, number in enumerate(coming_and_going):
        if number in holder:
            assert place - holder[number] > MAX_NUMBER - 2 * BATCH
        holder[number] = place


def test_a_row_that_came_back_is_not_forgotten_for_having_been_gone() -> None:
    history = History(None)
    numbers(history, fwmark(1))
    numbers(history)
    for start in range(2, MAX_NUMBER + 4 * BATCH, BATCH):
        look = snapshot(fwmark(1), *map(fwmark, range(start, start + BATCH)))
        history.annotate(look)
        assert look.services[0].number == 1


def test_looks_that_find_nothing_new_write_nothing(tmp_path: Path) -> None:
    history = History(tmp_path)
    written = set()
    for _look in range(4):
        history.annotate(snapshot(*farm()))
        history.keep()
        written.add((tmp_path / "history.jsonl").stat().st_mtime_ns)
    assert len(written) == 1
    history.close()


def test_a_table_full_of_live_rows_leaves_the_next_without_a_number_until_one_goes() -> None:
    history = History(None)
    every = [fwmark(mark) for mark in range(1, MAX_NUMBER + 1)]
    history.annotate(snapshot(*every))
    assert sorted(vs.number or 0 for vs in every) == list(range(1, MAX_NUMBER + 1))
    late = fwmark(MAX_NUMBER + 1)
    history.annotate(snapshot(late, *every))
    assert late.number is None
    for _look in range(2):
        late = fwmark(MAX_NUMBER + 1)
        history.annotate(snapshot(late, *every[:99], *every[100:]))
    assert late.number == 100


def test_rows_beyond_a_full_table_do_not_each_search_it_for_a_missing_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searches = []
    monkeypatch.setattr(Numbering, "forget", lambda *_: searches.append(1))
    every = [fwmark(mark) for mark in range(1, MAX_NUMBER + 1001)]
    History(None).annotate(snapshot(*every))
    assert [vs.number for vs in every].count(None) == 1000
    assert not searches


def test_what_is_remembered_is_bounded_and_what_is_present_is_kept(tmp_path: Path) -> None:
    """A hundred services, of which each has twenty other servers at each look."""
    history = History(tmp_path)
    first: Dict[str, Any] = {}
    looks = (MAX_MISSING * 5 // 4) // 2000
    for look in range(looks):
        services = [
            service(
                f"192.0.2.{n}",
                443,
                server("172.16.0.1", counters=traffic(look)),
                *(server(f"10.{look}.0.{k}") for k in range(20)),
                counters=traffic(look),
            )
            for n in range(100)
        ]
        history.annotate(snapshot(*services, taken=1000.0 + look))
        history.keep()
        for vs in services:
            rs = vs.real_servers[0]
            assert first.setdefault(vs.name, (vs.number, rs.number)) == (vs.number, rs.number)
            assert (vs.continuous_since, rs.continuous_since) == (1000.0, 1000.0)
    history.close()
    kept = missing(StateFile(tmp_path).load())
    assert MAX_MISSING - 2000 <= kept <= MAX_MISSING
    assert (tmp_path / "history.jsonl").stat().st_size < 2 * 130 * (kept + 2200) + (1 << 20)
    history = History(tmp_path)
    back = service("192.0.2.0", 443, server("10.0.0.0"), server(f"10.{looks - 2}.0.0"))
    history.annotate(snapshot(back, taken=5000.0))
    history.close()
    forgotten, remembered = back.real_servers
    assert (forgotten.number, forgotten.continuous_since) == (2 + looks * 20, 5000.0)
    assert (remembered.number, remembered.continuous_since) == (2 + (looks - 2) * 20, 998.0 + looks)
