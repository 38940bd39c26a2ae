# SPDX-License-Identifier: GPL-3.0-or-later
"""A director's values and rrdtool's afterwards, over polls of a simulated clock."""

from __future__ import annotations

import dataclasses
import fcntl
import math
import os
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence

import pytest

from lvs_agent.codes import IpProtocol, Status
from lvs_agent.collector.history import History
from lvs_agent.netsnmp.snmpconf import Credentials
from lvs_agent.pollers.client import Client
from lvs_agent.pollers.director import parse_director
from lvs_agent.pollers.graph import beside, files
from lvs_agent.pollers.graph import update as updates
from lvs_agent.pollers.graph.files import PARTS, SOURCES, File
from lvs_agent.pollers.graph.rrdtool import RrdError, Rrdtool
from lvs_agent.pollers.graph.selection import SERVER, grouped, title
from lvs_agent.pollers.graph.update import MOST_SAID, BusyError, update
from lvs_agent.pollers.parsing import parse_named
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import LostRow, Snapshot
from tests.support import builders, directors
from tests.support.directors import SimulatedDirector, counted

START, STEP = 1_800_000_000, 300  # a multiple of STEP: the interval of a poll is that of a row
NOWHERE = "127.0.0.1:9"  # discard(9), where nobody listens
HTTP, HTTPS = "TCP 192.0.2.10:80", "TCP 192.0.2.10:443"

# in the order of directors.farm
SERVERS = {
    HTTP: "10.0.1.{}:80",
    HTTPS: "10.0.2.{}:80",
    "UDP 192.0.2.53:53": "10.0.3.{}:80",
    "FWM 5": "10.0.4.{}:80",
    "TCP [2001:db8::10]:443": "[2001:db8:1::{}]:80",
}

ROWS = 15 + 3 + 10  # services and servers, VIPs, RIPs

Rates = Dict[str, Optional[float]]


class Poller:
    """A folder of files, updated every five minutes of a simulated clock."""

    def __init__(self, folder: Path, *addresses: str) -> None:
        self.folder = folder
        self.polls = 0
        patience = Credentials(timeout=20, retries=0)
        self._clients = [Client(parse_director(address), patience) for address in addresses]
        self.names = [files.folder_of(address) for address in addresses]

    def poll(self) -> List[str]:
        """Run one update and return its errors."""
        now = self.now
        self.polls += 1
        return update(self._clients, self.folder, STEP, lambda: now + 0.9)

    @property
    def now(self) -> int:
        """The time of the next poll."""
        return START + self.polls * STEP

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def file(self, name: str, director: int = 0) -> File:
        return File(self.names[director], parse_named([name]))

    def rates(self, name: str, director: int = 0) -> List[Rates]:
        """Return each interval's rates after the first poll, by rrdtool fetch; None is unknown."""
        with Rrdtool(self.folder) as rrdtool:
            words = (
                "--start",
                str(START),
                "--end",
                str(self.now - STEP),
                "--resolution",
                str(STEP),
            )
            names, _, *rows = rrdtool.run(
                "fetch", self.file(name, director).path, "AVERAGE", *words
            )
        found = []
        for row in rows:
            when, _, values = row.partition(": ")
            if START < int(when) < self.now:
                numbers = [float(value) for value in values.split()]
                known = [None if math.isnan(number) else number for number in numbers]
                found.append(dict(zip(names.split(), known)))
        return found

    def of(self, source: str, name: str, director: int = 0) -> List[Optional[float]]:
        """Return rates() of one data source."""
        return [rates[source] for rates in self.rates(name, director)]


@pytest.fixture
def director(tmp_path: Path) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path / "director") as running:
        yield running


Follow = Callable[..., Poller]


@pytest.fixture
def following(tmp_path: Path) -> Iterator[Follow]:
    """A function that returns a poller of directors by their addresses."""
    pollers = []

    def follow(*addresses: str) -> Poller:
        pollers.append(Poller(tmp_path / "files", *addresses))
        return pollers[-1]

    yield follow
    for each in pollers:
        each.close()


@pytest.fixture
def poller(director: SimulatedDirector, following: Follow) -> Poller:
    return following(director.address)


def run(poller: Poller, director: SimulatedDirector, *farms: Sequence[VirtualService]) -> List[str]:
    """Poll each farm; return all errors."""
    errors = []
    for farm in farms:
        director.serve(*farm)
        errors += poller.poll()
    return errors


def place(number: int, active: int, inactive: int, *parts: int) -> Rates:
    """Return the rates of the service at a place in directors.farm, or of one of its servers.

    parts are the numbers of parts that are up, at weight 0 and lost; servers have none.
    """
    return {
        "active": active,
        "inactive": inactive,
        "conns": number,
        "in_pkts": 10 * number,
        "out_pkts": 10 * number,
        "in_bytes": 1000 * number,
        "out_bytes": 2000 * number,
        **dict(zip(PARTS, parts)),
    }


def test_the_rates_of_every_service_and_server_are_the_directors(
    director: SimulatedDirector, poller: Poller
) -> None:
    assert run(poller, director, *(directors.farm(step) for step in range(3))) == []
    for number, (service, servers) in enumerate(SERVERS.items(), 1):
        expected = place(number, 20 * number + 1, 40 * number + 1, 2, 0, 0)
        assert poller.rates(service) == [pytest.approx(expected)] * 2
        for host in (0, 1):
            expected = place(number, 10 * number + host, 20 * number + host)
            name = f"{service} -> {servers.format(host + 1)}"
            assert poller.rates(name) == [pytest.approx(expected)] * 2
    assert len(files.listed(poller.folder)) == ROWS


def test_sums_over_addresses_have_files(director: SimulatedDirector, poller: Poller) -> None:
    assert run(poller, director, *(shared(step) for step in range(3))) == []
    expected = place(3, 21 + 40, 41 + 80, 2, 0, 0)  # both services
    assert poller.rates("VIP 192.0.2.10") == [pytest.approx(expected)] * 2
    assert poller.rates("RIP 10.0.1.1") == [pytest.approx(place(1, 10, 20, 1, 0, 0))] * 2
    assert poller.rates("RIP 10.0.2.1") == [pytest.approx(place(4, 40, 80, 2, 0, 0))] * 2
    assert poller.of("conns", "RIP [2001:db8:1::1]") == [5, 5]


def test_aliases_are_titles_of_the_same_files(director: SimulatedDirector, poller: Poller) -> None:
    director.aliases.write_text(f"{HTTPS} shop\n10.0.2.1 web1\n192.0.2.10 entrance\n")
    run(poller, director, directors.farm(0))
    before = files.listed(poller.folder)
    titles = {str(file.row): title([file]) for file in before}
    assert titles[HTTPS] == f"{HTTPS} (shop)"
    assert titles[f"{HTTPS} -> 10.0.2.1:80"] == f"{HTTPS} -> 10.0.2.1:80 (web1)"
    assert titles["VIP 192.0.2.10"] == "VIP 192.0.2.10 (entrance)"
    assert titles[HTTP] == HTTP
    of_https = [file for file in before if str(file.row).startswith(f"{HTTPS} ->")]
    names = ["10.0.2.1:80 (web1)", "10.0.2.2:80"]
    assert [group.name for group in grouped(of_https, SERVER)] == names
    director.aliases.write_text(f"{HTTPS} store\n")
    run(poller, director, directors.farm(1))
    after = files.listed(poller.folder)
    assert after == before
    assert {file.alias for file in after} == {"", "store"}


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b"\xff", b'{"x": 1}', b"[" * 100_000])
def test_damaged_aliases_cost_the_titles_until_the_next_update(
    director: SimulatedDirector, poller: Poller, damage: bytes
) -> None:
    director.aliases.write_text(f"{HTTPS} shop\n")
    run(poller, director, directors.farm(0))
    (poller.folder / poller.names[0] / "aliases.json").write_bytes(damage)
    assert {file.alias for file in files.listed(poller.folder)} == {""}
    assert run(poller, director, directors.farm(1)) == []
    assert {file.alias for file in files.listed(poller.folder)} == {"", "shop"}


def test_a_fifo_in_place_of_the_aliases_blocks_nothing(
    director: SimulatedDirector, poller: Poller
) -> None:
    director.aliases.write_text(f"{HTTPS} shop\n")
    run(poller, director, directors.farm(0))
    file = poller.folder / poller.names[0] / "aliases.json"
    file.unlink()
    os.mkfifo(file)
    assert {each.alias for each in files.listed(poller.folder)} == {""}
    assert run(poller, director, directors.farm(1)) == []
    assert {each.alias for each in files.listed(poller.folder)} == {"", "shop"}


def shared(step: int) -> List[VirtualService]:
    """Return a farm in which the second service's first server serves it at two ports."""
    farm = directors.farm(step)
    first = farm[1].real_servers[0]
    farm[1].real_servers[1] = dataclasses.replace(first, port=81)
    return farm


def test_servers_that_are_up_at_weight_0_and_lost_are_counted(
    tmp_path: Path, following: Follow
) -> None:
    history = History(None)

    def annotate(snapshot: Snapshot) -> None:
        history.annotate(snapshot)
        for service in snapshot.services:
            if service.protocol == IpProtocol.FWMARK:
                service.lost = 4

    farm = directors.farm()
    farm[1].real_servers[0].weight = 0
    farm[2].real_servers[1].weight = 0
    farm[2].real_servers[0].weight = 0
    with directors.running(tmp_path / "director", annotate=annotate) as director:
        poller = following(director.address)
        assert run(poller, director, farm, farm) == []
    found = {
        name: [poller.of(part, name) for part in PARTS]
        for name in (*SERVERS, "VIP 192.0.2.10", "VIP 192.0.2.53", "RIP 10.0.2.1")
    }
    assert found == {
        HTTP: [[2], [0], [0]],
        HTTPS: [[1], [1], [0]],
        "UDP 192.0.2.53:53": [[0], [2], [0]],
        "FWM 5": [[2], [0], [4]],
        "TCP [2001:db8::10]:443": [[2], [0], [0]],
        "VIP 192.0.2.10": [[2], [0], [0]],
        "VIP 192.0.2.53": [[0], [1], [0]],
        "RIP 10.0.2.1": [[0], [1], [0]],
    }


def test_files_of_an_earlier_version_go_on_and_get_the_new_series(
    director: SimulatedDirector, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(files, "PARTS", {})
        assert run(poller, director, directors.farm(0), directors.farm(1)) == []
    assert poller.rates(HTTP) == [pytest.approx(place(1, 21, 41))]
    assert run(poller, director, directors.farm(2), directors.farm(3)) == []
    before = {**dict.fromkeys(PARTS), **place(1, 21, 41)}
    after = place(1, 21, 41, 2, 0, 0)
    # no value is lost: the counters have no gap
    expected = [before, after, after]
    assert poller.rates(HTTP) == [pytest.approx(rates) for rates in expected]
    with Rrdtool(poller.folder) as rrdtool:
        info = rrdtool.run("info", poller.file("RIP 10.0.1.1").path)
    heartbeats = {line.split(" = ")[1] for line in info if ".minimal_heartbeat" in line}
    assert heartbeats == {str(2 * STEP)}
    left = {path.suffix for path in (poller.folder / poller.names[0]).iterdir()}
    assert left == {".rrd"}


def test_a_file_that_cannot_get_the_new_series_goes_on_as_before(
    director: SimulatedDirector, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(files, "PARTS", {})
        assert run(poller, director, directors.farm(0)) == []
    run_command = Rrdtool.run

    def without_tune(self: Rrdtool, *words: str) -> List[str]:
        """Fail as rrdtool 1.4 does."""
        if words[0] == "tune" and "TCP_192.0.2.10_80.rrd" in words[1]:
            raise RrdError("no disk space")
        return run_command(self, *words)

    monkeypatch.setattr(Rrdtool, "run", without_tune)
    (error,) = run(poller, director, directors.farm(1))
    assert error.endswith("TCP_192.0.2.10_80.rrd: cannot add up, idle, lost: no disk space")
    assert poller.rates(HTTP) == [pytest.approx(place(1, 21, 41))]
    assert poller.rates(HTTPS) == [pytest.approx(place(2, 41, 81, 2, 0, 0))]


def test_times_of_changes_are_beside_the_files(tmp_path: Path, following: Follow) -> None:
    def annotate(snapshot: Snapshot) -> None:
        """Let the first service have changed an hour ago, and another be lost for a minute."""
        for service in snapshot.services[:1]:
            service.changed = time.time() - 3600
        snapshot.lost = [LostRow("TCP 192.0.2.99:80", "", None, time.time() - 60)]

    with directors.running(tmp_path / "director", annotate=annotate) as director:
        poller = following(director.address)
        run(poller, director, directors.farm())
    folder = poller.folder / poller.names[0]
    # a poll is a moment after its snapshot
    assert beside.load(folder, beside.CHANGED, int) == {HTTP: pytest.approx(START - 3600, abs=60)}
    lost = {"TCP 192.0.2.99:80": pytest.approx(START - 60, abs=60)}
    assert beside.load(folder, beside.LOST, int) == lost


def test_a_vip_that_is_gone_is_a_gap(director: SimulatedDirector, poller: Poller) -> None:
    farms = [directors.farm(step) for step in range(5)]
    farms[2] = farms[2][2:]
    assert run(poller, director, *farms) == []
    assert poller.of("active", "VIP 192.0.2.10") == [62, None, None, 62]
    assert poller.of("active", "VIP 192.0.2.53") == [61] * 4


def test_a_service_that_is_gone_is_a_gap_and_goes_on_in_its_file(
    director: SimulatedDirector, poller: Poller
) -> None:
    farms = [directors.farm(step) for step in range(7)]
    farms[2:4] = [farm[1:] for farm in farms[2:4]]
    assert run(poller, director, *farms) == []
    # the interval in which the service returns is not known as a whole
    assert poller.of("conns", HTTP) == [1, None, None, None, 1, 1]
    assert poller.of("active", HTTP) == [21, None, None, None, 21, 21]
    assert poller.of("conns", f"{HTTP} -> 10.0.1.1:80") == [1, None, None, None, 1, 1]
    assert poller.of("conns", HTTPS) == [2] * 6


def test_a_file_tells_when_its_service_went(director: SimulatedDirector, poller: Poller) -> None:
    farm = directors.farm()
    run(poller, director, farm, farm[1:], farm[1:], farm[1:])
    with Rrdtool(poller.folder) as rrdtool:
        gone, present = (files.last(rrdtool, poller.file(name)) for name in (HTTP, HTTPS))
    assert (gone.when, gone.known) == (START + STEP, False)
    assert (present.when, present.known) == (START + 3 * STEP, True)


def test_a_poll_that_was_missed_is_no_gap_and_two_are(
    director: SimulatedDirector, poller: Poller
) -> None:
    for step in (0, 1, 3, 4, 7, 8):
        poller.polls = step
        run(poller, director, directors.farm(step))
    assert poller.of("conns", HTTP) == [1, 1, 1, 1, None, None, None, 1]


def test_a_reset_is_a_gap_and_no_spike(tmp_path: Path, following: Follow) -> None:
    def without_offsets(snapshot: Snapshot) -> None:
        """Leave the kernel's counters as they are, as a collector without its history does."""

    with directors.running(tmp_path / "director", annotate=without_offsets) as director:
        poller = following(director.address)
        farms = [directors.farm(step) for step in range(5)]
        for farm in farms[2:]:
            first = farm[0]
            assert first.counters is not None
            whole = directors.farm()[0].counters
            assert whole is not None
            first.counters = type(whole)(*(a - b for a, b in zip(first.counters, whole)))
        run(poller, director, *farms)
    assert poller.of("in_bytes", HTTP) == [1000, None, 1000, 1000]
    assert poller.of("active", HTTP) == [21] * 4


def test_counters_that_stand_still_are_a_gap(director: SimulatedDirector, poller: Poller) -> None:
    run(poller, director, directors.farm(0), directors.farm(1))
    director.status = Status.COUNTERS_FROZEN
    run(poller, director, directors.farm(2), directors.farm(2))
    assert poller.of("conns", HTTP) == [1, None, None]
    assert poller.of("active", HTTP) == [21] * 3


def test_what_a_director_does_not_know_is_a_gap(
    director: SimulatedDirector, poller: Poller
) -> None:
    service = builders.service("192.0.2.10", 80, builders.server(active_conns=3, inact_conns=4))
    run(poller, director, [service], [service])
    (rates,) = poller.rates(HTTP)
    parts = {"up": 1, "idle": 0, "lost": 0}
    assert rates == {**dict.fromkeys(SOURCES), "active": 3, "inactive": 4, **parts}


def test_a_director_that_does_not_answer_costs_the_others_nothing(
    director: SimulatedDirector, following: Follow
) -> None:
    poller = following(NOWHERE, director.address)
    errors = run(poller, director, directors.farm(), directors.farm(1))
    assert [error.startswith(f"{NOWHERE}: ") for error in errors] == [True, True]
    assert poller.of("conns", HTTP, director=1) == [1]
    assert {file.director for file in files.listed(poller.folder)} == {poller.names[1]}


def test_a_protocol_without_a_name_has_files(director: SimulatedDirector, poller: Poller) -> None:
    server = builders.server(counters=counted(5))
    odd = builders.service("192.0.2.10", 80, server, protocol=99, counters=counted(5))
    assert run(poller, director, [odd], [odd]) == []
    found = [str(file.row) for file in files.listed(poller.folder)]
    assert found == [
        *("VIP 192.0.2.10", "IP99 192.0.2.10:80", "IP99 192.0.2.10:80 -> 192.168.0.1:8080"),
        "RIP 192.168.0.1",
    ]


def test_two_directors_have_a_folder_each(
    director: SimulatedDirector, tmp_path: Path, following: Follow
) -> None:
    with directors.running(tmp_path / "second") as second:
        poller = following(director.address, second.address)
        for step in (0, 1):
            director.serve(*directors.farm(step))
            second.serve(*directors.farm(2 * step))
            assert poller.poll() == []
    assert poller.of("conns", HTTP) == [1]
    assert poller.of("conns", HTTP, director=1) == [2]


def test_a_file_that_is_damaged_costs_only_itself(
    director: SimulatedDirector, poller: Poller
) -> None:
    run(poller, director, directors.farm())
    path = poller.folder / poller.file(HTTP).path
    path.write_bytes(path.read_bytes()[:1000])
    (error,) = run(poller, director, directors.farm(1))
    assert error.startswith(f"{path}: not a file of lvs-agent graph")
    assert poller.of("conns", HTTPS) == [2]
    path.rename(path.with_suffix(".damaged"))
    assert run(poller, director, directors.farm(2), directors.farm(3)) == []
    assert poller.of("conns", HTTP) == [None, None, 1]


def test_what_is_wrong_with_many_files_is_not_told_of_each(
    director: SimulatedDirector, poller: Poller
) -> None:
    run(poller, director, directors.farm())
    poller.polls = 0
    errors = run(poller, director, directors.farm())
    assert len(errors) == MOST_SAID + 1
    assert all("check the clock" in error for error in errors[:-1])
    assert errors[-1].endswith(f"{ROWS - MOST_SAID} more errors")


def test_a_director_has_a_limited_number_of_files(
    director: SimulatedDirector, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "MOST_FILES", 7)
    errors = run(poller, director, directors.farm(), directors.farm(1))
    assert [f"more than 7 files: none for {ROWS - 7} rows" in error for error in errors] == [
        True
    ] * 2
    names = [str(file.row) for file in files.listed(poller.folder)]
    assert sorted(name[:4] for name in names) == ["RIP "] * 4 + ["VIP "] * 3
    monkeypatch.setattr(updates, "MOST_FILES", ROWS)
    assert run(poller, director, directors.farm(2)) == []
    assert len(files.listed(poller.folder)) == ROWS


def test_two_updates_at_once_are_one_too_many(director: SimulatedDirector, poller: Poller) -> None:
    run(poller, director, directors.farm())
    lock = os.open(poller.folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(BusyError, match="another update is running"):
        poller.poll()
    os.close(lock)
    assert poller.poll() == []


def test_what_would_block_during_an_update_is_told_as_what_it_is(
    director: SimulatedDirector, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(poller, director, directors.farm())

    def blocked(*_: object) -> None:
        raise BlockingIOError("a pipe is full")

    monkeypatch.setattr(files, "update", blocked)
    with pytest.raises(BlockingIOError, match="a pipe is full"):
        poller.poll()
