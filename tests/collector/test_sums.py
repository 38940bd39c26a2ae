# SPDX-License-Identifier: GPL-3.0-or-later
"""Sums over addresses that do not decrease when rows go, come back or are forgotten."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Dict, Mapping, Optional

import pytest

from lvs_agent.codes import Source, Status
from lvs_agent.collector import sums
from lvs_agent.collector.history import History
from lvs_agent.collector.limit import forget_missing
from lvs_agent.collector.remembered import Numbering, ServiceState
from lvs_agent.collector.statefile import StateFile
from lvs_agent.services import Traffic
from lvs_agent.snapshot import AddressSum, Snapshot
from tests.support.addresses import remembered, served, value
from tests.support.builders import fwmark, server, service, snapshot, traffic
from tests.support.statefiles import edit_header, lines, other_boot, write

VIP, RIP = "192.0.2.10", "192.168.0.1"
FULL = Traffic(*[2**64 - 1] * 5)


def look(
    watched: History,
    farm: Mapping[int, Mapping[str, Optional[int]]],
    taken: float = 1000.0,
    keep: bool = True,
) -> Snapshot:
    """Take a snapshot of services by port, with counters by server, and "" for the service."""
    services = [
        service(
            VIP,
            port,
            *(
                server(address, 80, counters=_five(count))
                for address, count in rows.items()
                if address
            ),
            counters=_five(rows[""]),
        )
        for port, rows in farm.items()
    ]
    found = snapshot(*services, taken=taken)
    watched.annotate(found)
    if keep:
        watched.keep()
    return found


def _five(count: Optional[int]) -> Optional[Traffic]:
    return None if count is None else Traffic(*[count] * 5)


def forget(watched: History, keep: int) -> None:
    forget_missing(watched._services, keep)


def restarted(watched: History, folder: Path) -> History:
    watched.close()
    return History(folder)


def test_a_director_that_keeps_its_rows_sends_nothing() -> None:
    found = look(History(None), {80: {"": 10, RIP: 4}, 443: {"": 20, RIP: 5}})
    assert (found.vips, found.rips, found.sums_since) == ({}, {}, 0.0)
    assert (value(found, VIP), value(found, RIP)) == (30, 9)


def test_what_is_missing_is_kept_in_the_sum() -> None:
    watched = History(None)
    look(watched, {80: {"": 10, RIP: 4}, 443: {"": 20, RIP: 5}})
    found = look(watched, {443: {"": 21, RIP: 6}}, taken=2000.0)
    assert found.vips == {VIP: AddressSum(VIP, Traffic(*[10] * 5), 1000.0)}
    assert found.rips == {RIP: AddressSum(RIP, Traffic(*[4] * 5), 1000.0)}
    assert (value(found, VIP), value(found, RIP)) == (31, 10)


@pytest.mark.parametrize(("after", "total"), [(10, 30), (13, 33), (3, 33), (0, 30)])
def test_a_row_that_comes_back_counts_once(after: int, total: int) -> None:
    """The kernel either keeps its counters (10, 13) or starts again (3, 0)."""
    watched = History(None)
    look(watched, {80: {"": 10}, 443: {"": 20}})
    assert value(look(watched, {443: {"": 20}}), VIP) == 30
    found = look(watched, {80: {"": after}, 443: {"": 20}})
    assert value(found, VIP) == total
    assert not found.vips
    assert value(look(watched, {443: {"": 20}}), VIP) == total


def test_a_server_that_moves_to_another_service_counts_in_both() -> None:
    watched = History(None)
    look(watched, {80: {"": 0, RIP: 10}, 443: {"": 0}})
    assert value(look(watched, {80: {"": 0}, 443: {"": 0, RIP: 1}}), RIP) == 11
    assert value(look(watched, {80: {"": 0}, 443: {"": 0, RIP: 5}}), RIP) == 15


def test_a_service_that_goes_takes_its_servers_along_and_their_counters_stay() -> None:
    watched = History(None)
    look(watched, {80: {"": 7, RIP: 10}, 443: {"": 0, RIP: 1}})
    assert value(look(watched, {443: {"": 0, RIP: 2}}), RIP) == 12


def test_an_address_that_was_away_goes_on() -> None:
    watched = History(None)
    look(watched, {80: {"": 7, RIP: 10}})
    assert served(look(watched, {})) == {}
    found = look(watched, {443: {"": 2, RIP: 1}}, taken=2000.0)
    assert served(found)["vip", VIP] == (Traffic(*[9] * 5), 1000.0)
    assert served(found)["rip", RIP] == (Traffic(*[11] * 5), 1000.0)


def test_what_is_forgotten_stays_in_the_sum() -> None:
    watched = History(None)
    look(watched, {80: {"": 10, RIP: 4}, 81: {"": 100, RIP: 40}, 443: {"": 20, RIP: 5}})
    look(watched, {443: {"": 20, RIP: 5}})
    for keep in (3, 2, 1, 0):
        forget(watched, keep)
        found = look(watched, {443: {"": 20, RIP: 5}}, taken=2000.0)
        assert served(found)["vip", VIP] == (Traffic(*[130] * 5), 1000.0)
        assert served(found)["rip", RIP] == (Traffic(*[49] * 5), 1000.0)
    assert len(watched._services.rows) == 1


def test_an_address_is_forgotten_with_its_last_row() -> None:
    watched = History(None)
    look(watched, {80: {"": 10, RIP: 4}, 81: {"": 100, RIP: 40}})
    look(watched, {})
    forget(watched, 3)  # all but a server
    assert remembered(watched._services) == {("vip", VIP): 110, ("rip", RIP): 44}
    forget(watched, 0)
    assert remembered(watched._services) == {}
    found = look(watched, {80: {"": 11, RIP: 5}}, taken=2000.0)
    assert served(found)["vip", VIP] == (Traffic(*[11] * 5), 2000.0)
    assert served(found)["rip", RIP] == (Traffic(*[5] * 5), 2000.0)


def test_a_number_that_is_given_again_leaves_its_counters_in_the_sum(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """If there are only two numbers, a third service gets the number of a missing one."""
    monkeypatch.setattr("lvs_agent.collector.looking.MAX_NUMBER", 2)
    watched = History(tmp_path)
    look(watched, {80: {"": 10, RIP: 3}, 81: {"": 20, RIP: 4}})
    look(watched, {81: {"": 20, RIP: 4}})
    found = look(watched, {81: {"": 20, RIP: 4}, 82: {"": 1, RIP: 0}})
    assert [vs.number for vs in found.services] == [2, 1]
    assert (value(found, VIP), value(found, RIP)) == (31, 7)
    watched = restarted(watched, tmp_path)
    found = look(watched, {81: {"": 20, RIP: 4}, 82: {"": 1, RIP: 0}})
    assert (value(found, VIP), value(found, RIP)) == (31, 7)
    watched.close()


def test_servers_of_a_firewall_mark_count_and_the_mark_has_no_address() -> None:
    watched = History(None)
    for services in (
        [fwmark(5, server(RIP, 0, counters=traffic(10)), counters=traffic(7)), fwmark(6)],
        [fwmark(6, server(RIP, 0, counters=traffic(1)))],
    ):
        found = snapshot(*services)
        watched.annotate(found)
    assert [(each.counters, kind) for (kind, _), each in served(found).items()] == [
        (Traffic(11, 13, 15, 17, 19), "rip")
    ]
    assert list(watched._services.sums.addresses["vip"].known) == []  # type: ignore[union-attr]


def test_addresses_of_both_families_are_told_apart() -> None:
    watched = History(None)
    both = [
        service(address, 443, server(to, 80, counters=traffic(5)), counters=traffic(3))
        for address, to in ((VIP, RIP), ("2001:db8::10", "2001:db8:1::1"))
    ]
    watched.annotate(snapshot(*both))
    watched.annotate(snapshot())
    found = snapshot(
        service(
            "2001:db8::10",
            80,
            server("2001:db8:1::1", 8080, counters=traffic(1)),
            counters=traffic(1),
        )
    )
    watched.annotate(found)
    assert (value(found, "2001:db8::10"), value(found, "2001:db8:1::1")) == (4, 6)


def test_sums_wrap_as_counters_do() -> None:
    watched = History(None)
    look(watched, {80: {"": 2**64 - 1}, 443: {"": 5}})
    look(watched, {443: {"": 5}})
    forget(watched, 0)
    look(watched, {81: {"": 2**64 - 1}, 443: {"": 5}})
    found = look(watched, {443: {"": 5}})
    assert found.vips[VIP].counters == Traffic(*[2**64 - 2] * 5)
    found = look(watched, {81: {"": 2**64 - 1}, 443: {"": 5}})
    assert found.vips[VIP].counters == FULL


def test_after_an_unload_what_was_counted_stays() -> None:
    watched = History(None)
    look(watched, {80: {"": 10, RIP: 1}, 443: {"": 20, RIP: 2}})
    look(watched, {443: {"": 20, RIP: 2}})
    watched.annotate(snapshot(status=Status.NO_IPVS))
    found = look(watched, {443: {"": 25, RIP: 1}})
    assert (value(found, VIP), value(found, RIP)) == (55, 4)
    found = look(watched, {80: {"": 12, RIP: 1}, 443: {"": 25, RIP: 1}})
    assert (value(found, VIP), value(found, RIP)) == (67, 5)


def test_a_row_without_counters_leaves_the_sum_unknown() -> None:
    watched = History(None)
    look(watched, {80: {"": 10}, 443: {"": 20}})
    assert served(look(watched, {443: {"": None}}))["vip", VIP] == (None, None)
    assert value(look(watched, {443: {"": 20}}), VIP) == 30


def test_a_restart_changes_no_sum(tmp_path: Path) -> None:
    farm = {443: {"": 20, RIP: 5}}
    watched = History(tmp_path)
    look(watched, {80: {"": 10, RIP: 4}, 81: {"": 100, RIP: 40}, **farm})
    look(watched, farm)
    forget(watched, 1)
    before = look(watched, farm, 1500.0)
    for _ in range(2):  # the first one reads changes, the second one a new file
        watched = restarted(watched, tmp_path)
        after = look(watched, farm, 2000.0)
        assert served(after) == served(before)
        assert after.vips[VIP] == AddressSum(VIP, Traffic(*[110] * 5), 1000.0)
    watched.close()


def test_a_boot_keeps_the_sums_and_moves_the_times(tmp_path: Path) -> None:
    watched = History(tmp_path)
    look(watched, {80: {"": 10}, 81: {"": 100}, 443: {"": 20}})
    look(watched, {443: {"": 20}})
    forget(watched, 1)
    look(watched, {443: {"": 20}})
    watched.close()
    other_boot(tmp_path)
    watched = History(tmp_path)
    found = look(watched, {443: {"": 1}}, taken=50.0)
    assert served(found)["vip", VIP] == (Traffic(*[131] * 5), 0.0)
    watched.close()


def test_cut_off_at_any_byte_a_sum_is_what_it_was(tmp_path: Path) -> None:
    """The collector may be killed while it saves the rows that it has forgotten."""
    farm = {443: {"": 20, RIP: 5}}
    watched = History(tmp_path)
    look(
        watched, {80: {"": 10, RIP: 4}, 81: {"": 100, RIP: 40}, 82: {"": 0, "10.0.0.1": 9}, **farm}
    )
    look(watched, farm)
    before = b"".join(lines(tmp_path))
    expected = remembered(watched._services)
    forget(watched, 1)
    # a row that gets the number of a forgotten one
    look(watched, {**farm, 83: {"": 0, "10.0.0.2": 0}})
    after = b"".join(lines(tmp_path))
    assert after.startswith(before)
    watched.close()
    copy = tmp_path / "copy"
    copy.mkdir()
    for length in range(len(before), len(after) + 1):
        write(copy, after[:length])
        file = StateFile(copy)
        found = remembered(file.load())
        assert not file.damaged
        assert {key: found[key] for key in [("vip", VIP), ("rip", RIP)]} == {
            key: expected[key] for key in [("vip", VIP), ("rip", RIP)]
        }, length
        assert found.get(("rip", "10.0.0.1"), 9) == 9
    assert ("rip", "10.0.0.1") not in found


def test_killed_between_any_two_steps_a_sum_is_what_it_was(tmp_path: Path) -> None:
    """The file is copied before the snapshot is served, before it is saved, and after."""
    watched = History(tmp_path / "state")
    farm: Dict[int, Dict[str, Optional[int]]] = {443: {"": 20, RIP: 5}}
    look(watched, {80: {"": 10, RIP: 4}, 81: {"": 100, RIP: 40}, **farm})
    steps = 0

    def check(expected: int) -> None:
        nonlocal steps
        steps += 1
        copy = tmp_path / f"copy{steps}"
        shutil.copytree(tmp_path / "state", copy)
        other = History(copy)
        assert value(look(other, farm), VIP) == expected
        other.close()

    check(130)
    look(watched, farm, keep=False)
    check(130)
    watched.keep()
    check(130)
    forget(watched, 1)
    check(130)
    farm[443][""] = 23
    farm[85] = {"": 0}
    look(watched, farm, keep=False)
    check(133)
    watched.keep()
    check(133)
    watched.close()


def test_a_damaged_file_moves_the_time_of_every_sum(tmp_path: Path) -> None:
    watched = History(tmp_path)
    look(watched, {80: {"": 10}, 443: {"": 20, RIP: 5}})
    look(watched, {443: {"": 20, RIP: 5}})
    watched.close()
    kept = lines(tmp_path)
    write(tmp_path, b"".join([kept[0], b"garbage\n", *kept[2:]]))
    for _ in range(2):
        watched = History(tmp_path)
        found = look(watched, {443: {"": 20, RIP: 5}}, taken=2000.0)
        assert {each.since for each in served(found).values()} == {2000.0}
        assert found.services[0].continuous_since in (1000.0, 2000.0)
        watched.close()


def test_a_file_of_an_earlier_version_moves_the_time_of_every_sum(tmp_path: Path) -> None:
    watched = History(tmp_path)
    look(watched, {443: {"": 20, RIP: 5}})
    watched.close()
    edit_header(tmp_path, sums=None)
    watched = History(tmp_path)
    found = look(watched, {443: {"": 21, RIP: 5}}, taken=2000.0)
    assert served(found)["vip", VIP] == (Traffic(*[21] * 5), 2000.0)
    watched.close()


def test_a_state_that_was_not_saved_is_merged_with_the_file(tmp_path: Path) -> None:
    """A collector gets the lock of the folder from another one, which saw other rows."""
    first, second = History(tmp_path), History(tmp_path)
    look(first, {80: {"": 10}, 443: {"": 20}})
    look(second, {80: {"": 11}, 443: {"": 21}})
    look(first, {443: {"": 22}})
    look(second, {443: {"": 22}})
    first.close()
    found = look(second, {443: {"": 25}}, taken=2000.0)
    assert served(found)["vip", VIP] == (Traffic(*[36] * 5), 1000.0)
    second.close()


def test_a_lower_sum_in_the_file_moves_the_time(tmp_path: Path) -> None:
    first = History(tmp_path)
    look(first, {443: {"": 5}})
    second = History(tmp_path)
    look(second, {443: {"": 5}, 80: {"": 1000}})
    # its number belongs to another row in the file
    look(first, {443: {"": 5}, 81: {"": 1}})
    first.close()
    found = look(second, {443: {"": 6}}, taken=2000.0)
    assert served(found)["vip", VIP] == (Traffic(*[7] * 5), 2000.0)
    second.close()


def test_the_bases_of_a_state_that_could_not_be_saved_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.write_text("")
    watched = History(folder)
    look(watched, {80: {"": 10}, 443: {"": 20}})
    look(watched, {443: {"": 20}})
    forget(watched, 0)
    folder.unlink()
    found = look(watched, {443: {"": 21}}, taken=2000.0)
    assert served(found)["vip", VIP] == (Traffic(*[31] * 5), 1000.0)
    watched.close()


def test_the_lost_rows_of_an_address_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1795914000.0
    monkeypatch.setattr(time, "time", lambda: now)
    watched = History(None)

    def netlink(*ports: int, servers: int) -> Snapshot:
        nonlocal now
        now += 60
        found = snapshot(
            *(
                service(
                    VIP,
                    port,
                    *(server(f"10.0.0.{n // 3}", 80 + n) for n in range(servers)),
                    complete=True,
                )
                for port in ports
            ),
            source=Source.NETLINK,
            complete=True,
            taken=1000.0 + now - 1795914000.0,
        )
        watched.annotate(found)
        return found

    for _ in range(3):
        netlink(80, 81, 82, servers=6)
    found = netlink(80, 81, servers=4)
    assert (found.lost_services, found.lost_servers) == (1, 4)
    assert {name: row.lost for name, row in found.vips.items()} == {VIP: 1}
    assert {name: row.lost for name, row in found.rips.items()} == {"10.0.0.0": 0, "10.0.0.1": 4}


def test_what_is_forgotten_is_not_kept_in_memory_without_a_file() -> None:
    watched = History(None)
    for port in range(100):
        look(watched, {port: {"": 1}})
        forget(watched, 0)
    state: Numbering[ServiceState] = watched._services
    assert state.sums is not None
    assert len(state.sums.forgotten) <= 1
    assert len(state.sums.addresses["vip"].known) == 1


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("TCP 192.0.2.10:443", "192.0.2.10"),
        ("IP200 192.0.2.10:0", "192.0.2.10"),
        ("UDP [2001:db8::10]:53", "2001:db8::10"),
        ("192.168.0.1:8080", "192.168.0.1"),
        ("[2001:db8::2]:443", "2001:db8::2"),
        ("FWM 5", ""),
        ("FWM 5 IPv6", ""),
    ],
)
def test_the_address_in_a_name(name: str, address: str) -> None:
    assert sums.address_in(name) == address
