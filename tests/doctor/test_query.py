# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor's query, sent to a real snmpd."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Iterator, List, Mapping, Optional, Sequence, Tuple

import pytest

from lvs_agent import __version__
from lvs_agent.doctor import query
from lvs_agent.doctor.access import readers
from lvs_agent.doctor.machine import Done, Machine
from lvs_agent.doctor.query import Outcome
from lvs_agent.netsnmp import snmpdconf
from lvs_agent.netsnmp.snmpdconf import Invocation
from tests.support import doctors
from tests.support.lvsmib import BASE
from tests.support.recorded import SMALL
from tests.support.snmpd import AGENT, Snmpd

ODD = 'odd "one" #'


def at(address: str) -> query.Address:
    found = query.address([address])
    assert found is not None
    return found


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    lines = (
        f"pass_persist {BASE} {AGENT} pass-persist --replay {SMALL}\n"
        'rocommunity "odd \\"one\\" #" default\n'
        "rocommunity hidden default .1.3.6.1.2.1.1\n"
    )
    with doctors.daemon(tmp_path_factory.mktemp("snmpd"), lines) as running:
        yield running


@pytest.mark.parametrize("community", ["probe", ODD])
def test_an_answer(daemon: Snmpd, community: str) -> None:
    reply = query.ask(Machine(), at(daemon.address), community)
    assert reply.outcome == Outcome.ANSWERED
    assert [reply.values[oid] for oid in query.ASKED] == [__version__, "1", "", "4", "2"]
    assert 0 < reply.seconds < 5


def test_a_view_that_hides(daemon: Snmpd) -> None:
    assert query.ask(Machine(), at(daemon.address), "hidden").outcome == Outcome.NO_OBJECT


def test_a_wrong_community_is_not_waited_for_long(daemon: Snmpd) -> None:
    began = time.monotonic()
    assert query.ask(Machine(), at(daemon.address), "wrong").outcome == Outcome.TIMEOUT
    assert time.monotonic() - began < query.WAIT_SECONDS + 2


def test_a_program_that_does_not_start(tmp_path: Path) -> None:
    with doctors.daemon(tmp_path, f"pass_persist {BASE} /bin/false") as running:
        reply = query.ask(Machine(), at(running.address), "probe")
    assert reply.outcome == Outcome.NO_INSTANCE


def test_without_a_community_the_users_own_is_asked_with(
    daemon: Snmpd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNMPCONFPATH", str(tmp_path))
    reply = query.ask(Machine(), at(daemon.address), None)
    assert reply.outcome == Outcome.NOT_ASKED
    assert "ommunity" in reply.said or "securityName" in reply.said
    (tmp_path / "snmp.conf").write_text("defVersion 2c\ndefCommunity probe\n")
    assert query.ask(Machine(), at(daemon.address), None).outcome == Outcome.ANSWERED


class Watched(Machine):
    """A machine that notes a program's arguments, environment and file modes, and runs nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: List[str] = []

    def run(
        self, command: Sequence[str], environment: Optional[Mapping[str, str]] = None
    ) -> Optional[Done]:
        assert environment is not None
        (file,) = Path(environment["SNMPCONFPATH"]).iterdir()
        modes = f"{file.stat().st_mode & 0o777:o} {file.parent.stat().st_mode & 0o777:o}"
        self.seen = [*command, *environment.values(), modes]
        return None


def test_the_community_is_nobodys_to_see() -> None:
    machine = Watched()
    before = os.umask(0)
    try:
        reply = query.ask(machine, at("127.0.0.1:161"), "secret")
    finally:
        os.umask(before)
    assert reply.outcome == Outcome.NOT_ASKED
    assert machine.seen[-1] == "600 700"
    assert not any("secret" in each for each in machine.seen)


@pytest.mark.parametrize(
    ("agentaddress", "address"),
    [
        ([], "udp:127.0.0.1:161"),
        (["127.0.0.1,[::1]"], "udp:127.0.0.1:161"),
        (["udp:161", "udp6:161"], "udp:127.0.0.1:161"),
        (["udp6:[::]:1161"], "udp6:[::1]:1161"),
        (["10.0.0.1:2161"], "udp:10.0.0.1:2161"),
        (["10.0.0.1, localhost:99"], "udp:127.0.0.1:99"),
        (["tcp:1161,unix:/x"], "tcp:127.0.0.1:1161"),
        (["tcp6:1161,udp6:1162"], "udp6:[::1]:1162"),
        (["unix:/x"], "None"),
        (["director.example.org"], "None"),
        (["10.127.0.1,127.0.0.2:7"], "udp:127.0.0.2:7"),
        (["udp6:[2001:db8::127.0.0.1]:7,10.0.0.1"], "udp:10.0.0.1:161"),
        (["UDP:0.0.0.0:7"], "udp:127.0.0.1:7"),
        (["127.0.0.1:²", "127.0.0.1:" + 5000 * "1"], "None"),
    ],
)
def test_where_to_ask(agentaddress: List[str], address: str) -> None:
    assert str(query.address(agentaddress)) == address


@pytest.mark.parametrize(
    ("lines", "address", "community"),
    [
        ("rocommunity far 10.0.0.0/8\nrocommunity near 127.0.0.1\n", "127.0.0.1", "near"),
        ("rocommunity far 10.0.0.0/8\n", "127.0.0.1", None),
        ("rocommunity far 10.0.0.0/255.0.0.0\n", "10.2.3.4", "far"),
        ("rocommunity far 127.example.org\n", "127.0.0.1", None),
        (f"rocommunity far 127.0.0.0/{5000 * '1'}\n", "127.0.0.1", None),
        (f"rocommunity far {5000 * '1'}\n", "127.0.0.1", None),
        ("rocommunity near localhost\n", "127.0.0.1", "near"),
        ("rocommunity four\nrocommunity6 six\n", "[::1]", "six"),
        ("rocommunity -v 1 old\n", "127.0.0.1", None),
        (doctors.REDHAT, "127.0.0.1", "public"),
        (doctors.REDHAT.replace(" v2c ", " v1 "), "127.0.0.1", None),
        (doctors.REDHAT.replace(" any ", " v1 "), "127.0.0.1", None),
        ("rouser who\n", "127.0.0.1", None),
    ],
)
def test_which_community_to_ask_with(
    tmp_path: Path, lines: str, address: str, community: Optional[str]
) -> None:
    machine = doctors.Picture(tmp_path, {"/etc/snmp/snmpd.conf": lines})
    able = readers(snmpdconf.read(machine, Invocation()))
    assert query.choose(able, at(address)) == community


ROW = "   0: {}:{:04X} 00000000:0000 {} 00000000:00000000 00:00000000 00000000 {} 0 1 2\n"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("tcp", "0A", 0)], None),
        ([("tcp6", "0A", 102)], None),
        ([("tcp", "0A", 65534)], "in use by nobody"),
        ([("tcp", "0A", 0), ("tcp6", "0A", 65534)], "in use by nobody"),
        ([("tcp", "01", 0)], "no process listens"),
        ([("udp", "07", 0)], "no process listens"),
    ],
)
def test_a_low_port_may_be_any_users(
    tmp_path: Path, rows: List[Tuple[str, str, int]], said: Optional[str]
) -> None:
    """net.ipv4.ip_unprivileged_port_start may be 0, as in containers."""
    machine = doctors.Picture(tmp_path)
    for table, state, uid in rows:
        host = "0" * (32 if "6" in table else 8)
        machine.draw(f"/proc/net/{table}", "heading\n" + ROW.format(host, 161, state, uid))
    refused = query.refusal(machine, at("tcp:161"), 102)
    assert (said or "None") in str(refused)


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]"])
def test_no_community_is_sent_to_another_machine(tmp_path: Path, host: str) -> None:
    """Where agentaddress names a VIP that another director has now."""
    machine = doctors.Picture(tmp_path)
    table = "/proc/net/udp6" if "[" in host else "/proc/net/udp"
    machine.draw(table, "heading\n" + ROW.format("0" * (32 if "[" in host else 8), 161, "07", 0))
    address = at(f"udp6:{host}" if "[" in host else f"udp:{host}")
    assert "not an address of this machine" in str(query.refusal(machine, address, 102))


def test_one_that_hangs_is_given_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        assert query.ask(Machine(), at(address), "public").outcome == Outcome.TIMEOUT
