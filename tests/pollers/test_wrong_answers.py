# SPDX-License-Identifier: GPL-3.0-or-later
"""Directors that answer wrongly: each fails alone, in bounded time, and is named once."""

from __future__ import annotations

import functools
import re
import subprocess
import threading
from collections import deque
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Tuple

import pytest

from lvs_agent import arguments
from lvs_agent.codes import Source
from lvs_agent.netsnmp.snmpconf import Credentials
from lvs_agent.pollers import check
from lvs_agent.pollers import client as clients
from lvs_agent.pollers.client import Client
from lvs_agent.pollers.director import DirectorError, parse_director
from lvs_agent.pollers.graph import update
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import Director, Snapshot
from tests.support import builders, fakes, files
from tests.support.directors import counted
from tests.support.fakes import FakeDirector, Manner
from tests.support.snmpd import AGENT

OK, CRITICAL, UNKNOWN = 0, 2, 3
HTTPS = "TCP 192.0.2.10:443"
QUICK = Credentials(timeout=1, retries=0)
SUMS = ["RIP_192.168.0.1.rrd", "VIP_192.0.2.10.rrd"]
RRDS = sorted([*SUMS, "TCP_192.0.2.10_443.rrd", "TCP_192.0.2.10_443_to_192.168.0.1_8080.rrd"])

EVERY = ("check", "mrtg", "update")

# a manner of answering, the commands it makes fail, and their error; mrtg requests no rows
WRONG: Dict[str, Tuple[Manner, Sequence[str], str]] = {
    "fewer": (fakes.fewer, EVERY, r"answers with [0478] values, expected [1589]"),
    "none": (fakes.none_at_all, EVERY, r"answers with 0 values, expected [1589]"),
    "more": (fakes.more, EVERY, r"answers with (2|10|16|18) values, expected [1589]"),
    "others": (fakes.others, EVERY, r"answers with 1\.3[.\d]+, expected 1\.3"),
    "turned": (fakes.turned, ("check", "mrtg"), r"answers with 1\.3[.\d]+, expected 1\.3"),
    "huge OIDs": (fakes.huge_oids, EVERY, "answers with an invalid OID"),
    "long OIDs": (fakes.long_oids, EVERY, "answers with an invalid OID"),
    "backwards": (fakes.backwards, ("check", "update"), "answer is out of order at"),
    "numbers": (fakes.numbers, ("check", "mrtg"), "lvs.* in snmpd's answer is not text"),
    "texts": (fakes.texts, EVERY, "lvs.* in snmpd's answer is not a number"),
    "negative": (fakes.negative, EVERY, "lvs.* in snmpd's answer is out of range"),
    "oids": (fakes.oids, EVERY, "lvs.* in snmpd's answer is not "),
    "nulls": (fakes.nulls, EVERY, "lvs.* in snmpd's answer is not a number"),
    "garbage": (fakes.garbage, EVERY, "cannot read snmpd's answer: it is not valid SNMP"),
    "unreadable": (fakes.unreadable, EVERY, "cannot read snmpd's answer: OverflowError"),
    "cut off": (fakes.cut_off, EVERY, "cannot read snmpd's answer: it is not valid SNMP"),
    "huge error": (fakes.huge_error, EVERY, "its error-status is out of range"),
    "other request": (fakes.other_request, EVERY, r"no answer from UDP port \d+ within 1 s"),
    "error": (fakes.error_99, EVERY, "answers with error 99"),
    "half-way": (
        fakes.no_rows,
        ("check", "update"),
        r"no answer from UDP port \d+ within 1 s, after 1 answers",
    ),
}
WRONG["noisy"] = (fakes.noisy_without_rows, *WRONG["half-way"][1:])
CASES = [(name, command) for name, (_, every, _) in WRONG.items() for command in every]


def snapshot(*services: VirtualService) -> Snapshot:
    """Return a snapshot of these services, or of one with one server."""
    server = builders.server(active_conns=1, inact_conns=2, counters=counted(100))
    service = builders.service("192.0.2.10", 443, server, counters=counted(1000, 2000))
    director = Director(estimation=True)
    return builders.snapshot(*(services or [service]), source=Source.NETLINK, director=director)


@pytest.fixture
def good() -> Iterator[FakeDirector]:
    with fakes.running(snapshot(), fakes.honest) as running:
        yield running


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    file = tmp_path / "snmp.conf"
    file.write_text("timeout 1\nretries 0\n")
    return file


def run(conf: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return files.run(str(AGENT), *words, "--snmp-conf", str(conf))


def test_an_honest_fake_is_a_director(good: FakeDirector, conf: Path, tmp_path: Path) -> None:
    assert run(conf, "check", good.address, HTTPS, "--age", "999999").returncode == OK
    assert run(conf, "mrtg", good.address, HTTPS, "bytes").stdout.startswith("1000\n2000\n")
    done = run(conf, "graph", "update", good.address, "--into", str(tmp_path / "files"))
    assert (done.returncode, done.stderr) == (0, "")
    assert written(tmp_path / "files", good) == RRDS


def written(folder: Path, director: FakeDirector) -> List[str]:
    return sorted(path.name for path in (folder / folder_of(director)).iterdir())


@pytest.mark.parametrize(("name", "command"), CASES)
def test_a_director_that_answers_wrongly_costs_itself(
    good: FakeDirector, conf: Path, tmp_path: Path, name: str, command: str
) -> None:
    manner, _, accused = WRONG[name]
    with fakes.running(snapshot(), manner) as bad:
        if command == "check":
            done = run(conf, "check", bad.address)
            said = done.stdout.removeprefix("LVS UNKNOWN - ")
            assert (done.returncode, done.stderr) == (UNKNOWN, "")
        elif command == "mrtg":
            done = run(conf, "mrtg", f"{bad.address},{good.address}", HTTPS, "bytes")
            said = done.stderr.removeprefix("lvs-agent: ")
            uptime, sysname = "1 days, 0:00:00", "fake"
            assert done.stdout == f"UNKNOWN\nUNKNOWN\n{uptime}\n{sysname}\n"
            assert done.returncode == 1
        else:
            into = tmp_path / "files"
            done = run(conf, "graph", "update", bad.address, good.address, "--into", str(into))
            said = done.stderr.removeprefix("lvs-agent: ")
            assert (done.returncode, done.stdout) == (1, "")
            assert written(into, good) == RRDS
    assert said.startswith(f"{bad.address}: ")
    assert re.search(accused, said)
    assert said.count("\n") == 1


def test_an_odd_row_costs_itself(conf: Path, tmp_path: Path) -> None:
    server = builders.server(weight=0, active_conns=1)
    well, odd = (builders.service("192.0.2.10", port, server) for port in (80, 443))
    with fakes.running(snapshot(well, odd), fakes.odd_port_443) as bad:
        done = run(conf, "check", "-v", bad.address)
        updated = run(conf, "graph", "update", bad.address, "--into", str(tmp_path / "files"))
    said = f"{bad.address}: 1.4.192.0.2.10.65536.443: not an instance of lvsVsTable or lvsRsTable"
    lines = done.stdout.splitlines()
    assert f"warning: {said}" in lines
    down = "TCP 192.0.2.10:80: 0 of 1 real servers up, weight 0: 192.168.0.1:8080"
    assert f"critical: {down}" in lines
    assert (done.returncode, done.stderr) == (CRITICAL, "")
    assert (updated.returncode, updated.stderr) == (1, f"lvs-agent: {said}; and 1 more\n")
    assert written(tmp_path / "files", bad) == [
        SUMS[0],
        "TCP_192.0.2.10_80.rrd",
        "TCP_192.0.2.10_80_to_192.168.0.1_8080.rrd",
        SUMS[1],
    ]


def test_only_odd_rows_are_not_no_services(conf: Path) -> None:
    with fakes.running(snapshot(), fakes.odd_rows) as bad:
        done = run(conf, "check", bad.address, "--age", "999999")
    said = f"{bad.address}: 1.4.192.0.2.10.65536.443: not an instance of lvsVsTable or lvsRsTable"
    assert done.stdout.startswith(f"LVS WARNING - {said} |")


def test_a_row_of_another_table_is_odd(conf: Path, tmp_path: Path) -> None:
    with fakes.running(snapshot(), fakes.numbered_by_servers) as bad:
        done = run(conf, "check", bad.address, "--age", "999999")
        updated = run(conf, "graph", "update", bad.address, "--into", str(tmp_path / "files"))
    instance = "1.4.192.0.2.10.6.443.1.4.10.0.0.1.80"
    said = f"{bad.address}: {instance}: not an instance of lvsVsTable"
    assert done.stdout.startswith(f"LVS WARNING - {said} |")
    assert updated.stderr == f"lvs-agent: {said}\n"
    assert written(tmp_path / "files", bad) == [RRDS[0], *RRDS[2:]]


def test_a_protocol_without_a_name_is_checked(conf: Path) -> None:
    odd = builders.service("192.0.2.10", 443, builders.server(weight=0), protocol=47)
    with fakes.running(snapshot(odd), fakes.honest) as director:
        done = run(conf, "check", director.address, "-v")
    assert done.returncode == CRITICAL
    down = "IP47 192.0.2.10:443: 0 of 1 real servers up, weight 0: 192.168.0.1:8080"
    assert f"critical: {down}" in done.stdout.splitlines()


@pytest.mark.parametrize("manner", [fakes.halved, fakes.one_each])
def test_an_answer_that_ends_early_is_gone_on_with(good: FakeDirector, manner: Manner) -> None:
    names = ["lvsRsActiveConns", "lvsRsInactConns", "lvsRsConns", "lvsRsInBytes"]
    with fakes.running(snapshot(), manner) as short, asking(short) as one:
        rows = list(one.walk(names))
    with asking(good) as other:
        assert rows == list(other.walk(names))
    assert [values for _, values in rows] == [[1, 2, 0, 100]]


def asking(director: FakeDirector, seconds: float = 60) -> Client:
    return Client(parse_director(director.address), QUICK, seconds)


def test_a_walk_without_an_end_is_given_up_in_time(good: FakeDirector, tmp_path: Path) -> None:
    bad_director = fakes.running(snapshot(), fakes.endless)
    with bad_director as bad, asking(bad, 1) as one, asking(good) as other:
        (error,) = update.update([one, other], tmp_path, 300, lambda: 1_800_000_000)
    assert error.startswith(f"{bad.address}: not finished within 1 s, after ")
    assert written(tmp_path, good) == RRDS


def test_a_check_without_an_end_is_unknown_in_time(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "Client", functools.partial(Client, seconds=1))
    with fakes.running(snapshot(), fakes.endless) as bad:
        words = ["check", bad.address, "--snmp-conf", str(conf)]
        with pytest.raises(SystemExit) as ended:
            check.run(arguments.parser().parse_args(words))
    assert ended.value.code == UNKNOWN
    said = f"LVS UNKNOWN - {bad.address}: not finished within 1 s, after "
    assert capsys.readouterr().out.startswith(said)


def test_a_flood_does_not_outlast_the_time() -> None:
    over = threading.Event()

    def flood(request: fakes.Request) -> Iterator[bytes]:
        while not over.is_set():
            yield request.reply(request.honestly(), later=1)

    with fakes.running(snapshot(), flood) as bad, asking(bad, 1) as one:
        try:
            with pytest.raises(DirectorError, match="not finished within 1 s, after 0 answers"):
                one.scalars("lvsAgentStatus")
        finally:
            over.set()


def test_a_walk_of_too_many_rows_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MOST_ROWS", 20)
    said = "lvsVsConns: more than 20 rows"
    endless = fakes.running(snapshot(), fakes.endless)
    with endless as bad, asking(bad) as one, pytest.raises(DirectorError, match=said):
        list(one.walk(["lvsVsConns"]))
    assert len(bad.requests) == 21


def test_the_time_is_that_of_all_questions_together(good: FakeDirector) -> None:
    def questions(one: Client) -> Iterator[object]:
        while True:
            yield one.scalars("lvsAgentStatus")

    with asking(good, 1) as one, pytest.raises(DirectorError, match="not finished within 1 s"):
        deque(questions(one))


def test_a_slow_director_delays_no_other(good: FakeDirector, tmp_path: Path) -> None:
    """The slow director answers only after the other's files exist."""
    folder = tmp_path / "files"
    ready = threading.Event()

    def waiting(request: fakes.Request) -> List[bytes]:
        ready.wait()
        return list(fakes.honest(request))

    credentials = Credentials(timeout=60, retries=0)
    director = fakes.running(snapshot(), waiting)
    with director as slow, Client(parse_director(slow.address), credentials) as first:
        pair = [first, asking(good)]
        errors: List[List[str]] = []

        def run_update() -> None:
            errors.append(update.update(pair, folder, 300, lambda: 1_800_000_000))

        thread = threading.Thread(target=run_update)
        thread.start()
        try:
            files_of_good = [folder / folder_of(good) / name for name in RRDS]
            while not all(path.exists() for path in files_of_good):
                assert thread.is_alive()
            assert not (folder / folder_of(slow)).exists()
        finally:
            ready.set()
            thread.join()
            pair[1].close()
    assert errors == [[]]
    assert written(folder, slow) == RRDS


def folder_of(director: FakeDirector) -> str:
    return director.address.replace(":", "_")
