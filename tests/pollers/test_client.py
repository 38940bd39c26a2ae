# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of one director: values and rows compared with net-snmp's, and its errors."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Tuple

import pytest

from lvs_agent.errors import UsageError
from lvs_agent.mib.smi import Oid
from lvs_agent.netsnmp.snmpconf import AUTH_PRIV, AUTH_TYPES, PRIV_TYPES, Credentials
from lvs_agent.pollers import naming, objects, parsing
from lvs_agent.pollers.client import VARBINDS, Client, gather
from lvs_agent.pollers.director import Director, DirectorError, parse_director
from lvs_agent.pollers.objects import ObjectError
from lvs_agent.pollers.session import Raw, Session, TooBig
from lvs_agent.services import VirtualService
from tests.fuzz.choices import Choices
from tests.fuzz.director import UNKNOWN_ENGINE, Reporting, reached
from tests.support import builders, directors, snmpd
from tests.support.directors import SimulatedDirector, counted
from tests.support.lvsmib import BASE

USER = Credentials(
    version="3",
    user=b"monitor",
    level=AUTH_PRIV,
    auth_type="SHA",
    auth_passphrase=b"says who it is",
    priv_type="AES",
    priv_passphrase=b"lets nobody else know",
)
# bytes of no encoding
LATIN = Credentials(community=b"gr\xfcn \xff")
LATIN_USER = replace(
    USER,
    user=b"m\xf6ni",
    auth_passphrase=b"Gr\xfc\xdfe aus K\xf6ln",
    priv_passphrase=b"\xff\xfe\xc3\xbc 1234",
)
QUICK = Credentials(timeout=1, retries=0)

# Debian 12 builds net-snmp without AES-192 and AES-256
ALGORITHMS = [(auth, priv) for auth in AUTH_TYPES for priv in PRIV_TYPES if priv in ("DES", "AES")]


def user_lines() -> List[str]:
    """Return lines for a user with each pair of algorithms, and for one whose view is empty."""
    lines = ["rocommunity blind 127.0.0.1 .1.3.6.1.2.1.1"]
    lines.append(f'rocommunity "{os.fsdecode(LATIN.community)}" 127.0.0.1')
    user, auth, priv = map(
        os.fsdecode, (LATIN_USER.user, LATIN_USER.auth_passphrase, LATIN_USER.priv_passphrase)
    )
    lines += [f'createUser {user} SHA "{auth}" AES "{priv}"', f"rouser {user} priv"]
    auth_passphrase, priv_passphrase = USER.auth_passphrase.decode(), USER.priv_passphrase.decode()
    users = [(USER.user.decode(), USER.auth_type, USER.priv_type), ("blind", "SHA", "AES")]
    users += [(f"{auth}-{priv}".lower(), auth, priv) for auth, priv in ALGORITHMS]
    for name, auth, priv in users:
        kind = auth if len(auth) < 4 else f"SHA-{auth[3:]}"
        keys = f'{kind} "{auth_passphrase}" {priv} "{priv_passphrase}"'
        lines.append(f"createUser {name} {keys}")
        lines.append(f"rouser {name} priv" + (" .1.3.6.1.2.1.1" if name == "blind" else ""))
    return lines


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path_factory.mktemp("director"), *user_lines()) as running:
        running.serve(*directors.farm())
        yield running


def client(director: SimulatedDirector, credentials: Credentials = QUICK) -> Client:
    return Client(parse_director(director.address), credentials)


def refused(director: SimulatedDirector, credentials: Credentials) -> str:
    with client(director, credentials) as asking, pytest.raises(DirectorError) as caught:
        asking.scalars("lvsAgentStatus")
    text = str(caught.value)
    assert text.startswith(f"{director.address}: ")
    assert "\n" not in text
    return text


def walked(director: SimulatedDirector, column: str) -> Dict[str, str]:
    """Return instances and values of a column, from snmpbulkwalk."""
    oid = "." + ".".join(map(str, objects.named(column).oid))
    return director.snmpd.column(oid)


def test_scalars_and_instances_have_their_types(director: SimulatedDirector) -> None:
    https = parsing.parse_service("TCP 192.0.2.10:443").instance
    with client(director) as asking:
        assert asking.scalars("lvsAgentStatus", "lvsVersion") == [1, "1.2.1"]
        wanted = [(name, https) for name in ("lvsVsName", "lvsVsInBytes", "lvsVsFlags")]
        assert asking.get(wanted) == ["TCP 192.0.2.10:443", 2 * 2**40, b"\x00"]
        (up,) = asking.scalars("sysUpTime")
        assert isinstance(up, int)


def test_what_is_not_there_is_none(director: SimulatedDirector) -> None:
    with client(director) as asking:
        gone = parsing.parse_service("TCP 192.0.2.10:1").instance
        assert asking.get([("lvsVsName", gone), ("lvsVsInBytes", gone)]) == [None, None]
        assert list(asking.walk(["lvsVsName"], gone)) == []


def test_more_than_one_answer_holds_is_asked_for_in_several(director: SimulatedDirector) -> None:
    https = parsing.parse_service("TCP 192.0.2.10:443").instance
    with client(director) as asking:
        wanted = [("lvsVsName", https)] * (VARBINDS + 1)
        assert asking.get(wanted) == ["TCP 192.0.2.10:443"] * (VARBINDS + 1)


@pytest.mark.parametrize("columns", [1, 2, 7, VARBINDS + 1])
def test_rows_are_those_of_a_walk_by_net_snmp(director: SimulatedDirector, columns: int) -> None:
    names = ["lvsRsName", "lvsRsInBytes"] * VARBINDS
    with client(director) as asking:
        rows = list(asking.walk(names[:columns]))
    assert len(rows) == 10
    for place, name in enumerate(names[:columns][:2]):
        found = {".".join(map(str, at)): str(values[place]) for at, values in rows}
        assert found == walked(director, name)


def test_only_rows_within_are_walked(director: SimulatedDirector) -> None:
    vip = parsing.parse_service("TCP 192.0.2.10").instance
    with client(director) as asking:
        rows = list(asking.walk(["lvsVsName", "lvsVsConns"], vip))
    assert [values[0] for _, values in rows] == ["TCP 192.0.2.10:80", "TCP 192.0.2.10:443"]


def test_rows_without_a_column_come_all_the_same(tmp_path: Path) -> None:
    with directors.running(tmp_path / "director") as director:
        director.serve(*gaps(), *many())
        with client(director) as asking:
            rows = {
                str(naming.service_of(at)): values
                for at, values in asking.walk(["lvsVsInBytes", "lvsVsName", "lvsVsPersistTimeout"])
            }
        assert rows["TCP 192.0.2.1:1"] == [None, "TCP 192.0.2.1:1", 60]
        assert rows["TCP 192.0.2.1:2"] == [5, "TCP 192.0.2.1:2", None]
        assert rows["TCP 192.0.2.3:3"] == [None, "TCP 192.0.2.3:3", None]
        assert len(rows) == 503
        assert [values[0] for name, values in rows.items() if "192.0.2.2" in name] == list(
            range(500)
        )


def gaps() -> List[VirtualService]:
    """Return services that each lack another value."""
    return [
        builders.service("192.0.2.1", 1, persist_timeout=60),
        builders.service("192.0.2.1", 2, counters=counted(5)),
        builders.service("192.0.2.3", 3),
    ]


def many() -> List[VirtualService]:
    return [
        builders.service("192.0.2.2", port, counters=counted(port - 1)) for port in range(1, 501)
    ]


@pytest.mark.parametrize(("auth", "priv"), ALGORITHMS)
def test_every_algorithm_of_net_snmp_is_spoken(
    director: SimulatedDirector, auth: str, priv: str
) -> None:
    user = replace(USER, user=f"{auth}-{priv}".lower().encode(), auth_type=auth, priv_type=priv)
    with client(director, user) as asking:
        assert asking.scalars("lvsAgentStatus") == [1]


@pytest.mark.parametrize("credentials", [LATIN, LATIN_USER], ids=["community", "user"])
def test_secrets_are_bytes_in_no_encoding(
    director: SimulatedDirector, credentials: Credentials
) -> None:
    with client(director, credentials) as asking:
        assert asking.scalars("lvsAgentStatus") == [1]


def test_a_walk_by_snmpv3_is_the_same(director: SimulatedDirector) -> None:
    with client(director) as plain, client(director, USER) as encrypted:
        assert list(encrypted.walk(["lvsRsName"])) == list(plain.walk(["lvsRsName"]))


ENGINE = "oldEngineID 0x80001f8880{:08x}"


@pytest.mark.parametrize(
    ("engine", "boots"), [(1, 9), (1, 1), (2, 1)], ids=["restarted", "boots lost", "engine lost"]
)
def test_a_director_that_restarts_is_met_again(tmp_path: Path, engine: int, boots: int) -> None:
    user = replace(USER, timeout=1, retries=0)
    lines = [*user_lines(), "rocommunity public 127.0.0.1"]
    before = [*lines, ENGINE.format(1), "engineBoots 4"]
    after = [*lines, ENGINE.format(engine), f"engineBoots {boots}"]
    with snmpd.configured(tmp_path / "before", *before) as first:
        asking = Client(parse_director(first.address), user)
        assert asking.scalars("sysName") == [socket.gethostname()]
    port = int(first.address.rpartition(":")[2])
    with asking, snmpd.configured(tmp_path / "after", *after, port=port) as second:
        assert second.value(".1.3.6.1.6.3.10.2.1.2.0") == f"INTEGER: {boots + 1}"
        for _ in range(2):
            assert asking.scalars("sysName") == [socket.gethostname()]


def test_a_director_that_stops_is_told_with_what_it_answered(tmp_path: Path) -> None:
    lines = [*user_lines(), "rocommunity public 127.0.0.1"]
    with snmpd.configured(tmp_path / "director", *lines) as running:
        asking = Client(parse_director(running.address), replace(USER, timeout=1, retries=0))
        asking.scalars("sysName")
    said = r"no answer from UDP port \d+ within 1 s, after 1 answers"
    with asking, pytest.raises(DirectorError, match=said):
        asking.scalars("sysName")


REFUSALS: List[Tuple[Credentials, str]] = [
    (replace(QUICK, community=b"wrong"), "1 s: the host is down, or snmpd is not running"),
    (replace(QUICK, community=b"wrong"), "or the community is wrong"),
    (replace(USER, user=b"nobody"), "unknown user nobody"),
    (replace(USER, auth_passphrase=b"says who"), "defAuthPassphrase or defAuthType is wrong"),
    (replace(USER, auth_type="MD5"), "defAuthPassphrase or defAuthType is wrong"),
    (replace(USER, priv_passphrase=b"lets nobody know"), "reached, or defPrivPassphrase or"),
    (replace(USER, level="authNoPriv"), "snmpd answers, but shows no LVS-MIB"),
    (replace(USER, user=b"blind"), "the view of this user excludes it"),
    (replace(QUICK, community=b"blind"), "the view of this community excludes it"),
]


@pytest.mark.parametrize(("credentials", "said"), REFUSALS)
def test_each_way_to_be_refused_is_told(
    director: SimulatedDirector, credentials: Credentials, said: str
) -> None:
    if "LVS-MIB" in said or "view" in said:
        with client(director, credentials) as asking:
            try:
                assert asking.scalars("lvsAgentStatus") == [None]
                text = str(asking.unserved())
            except DirectorError as error:
                text = str(error)
    else:
        text = refused(director, credentials)
    assert said in text


REPORTS = {
    UNKNOWN_ENGINE: "Unknown SNMP engine ID encountered",
    (1, 3, 6, 1, 6, 3, 15, 1, 1, 7, 0): "snmpd reports 1.3.6.1.6.3.15.1.1.7.0",
    (1, 3, 6, 1, *range(100, 5000)): "snmpd reports 1.3.6.1.100.101.102",
}


@pytest.mark.parametrize("oid", REPORTS, ids=("engine", "other", "long"))
def test_a_director_that_only_reports_is_given_up(oid: Tuple[int, ...]) -> None:
    fake = Reporting(oid)
    asked = Credentials(version="3", user=b"somebody", timeout=0.05, retries=0)
    asking = Client(Director("127.0.0.1"), asked)
    fake.expect(asking._session, Choices(b""))

    def error() -> str:
        with asking, pytest.raises(DirectorError) as raised:
            asking.scalars("sysName")
        return str(raised.value)

    said = reached(fake)(error)
    assert REPORTS[oid] in said
    assert len(said) < 400
    assert fake.count < 10


def test_a_port_where_nobody_answers_is_given_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        asking = Client(Director("127.0.0.1", port), QUICK)
        said = f"no answer from UDP port {port} within 1 s"
        with asking, pytest.raises(DirectorError, match=said):
            list(asking.walk(["lvsVsName"]))


def test_a_host_that_is_not_known_is_named() -> None:
    asking = Client(Director("nosuch.invalid"), QUICK)
    with asking, pytest.raises(DirectorError, match=r"^nosuch.invalid: cannot resolve this name"):
        asking.scalars("lvsAgentStatus")


def test_several_directors_are_asked_at_once(director: SimulatedDirector) -> None:
    alive, dead = client(director), Client(Director("127.0.0.1", 9), QUICK)
    with alive, dead:
        found = gather([alive, dead, alive][:2], lambda each: each.scalars("lvsAgentStatus"))
    assert found[0] == [1]
    assert isinstance(found[1], DirectorError)


@pytest.mark.parametrize("most", [1, 3, 20])
def test_what_is_too_big_is_asked_for_in_parts(
    director: SimulatedDirector, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """The session limits the size itself, since Debian's snmpd answers all of these at once."""
    get, bulk = Session.get, Session.bulk

    def small_get(self: Session, oids: Sequence[Oid]) -> List[Raw]:
        if len(oids) > most:
            raise TooBig
        return get(self, oids)

    def small_bulk(self: Session, oids: Sequence[Oid], repetitions: int) -> List[Tuple[Oid, Raw]]:
        if len(oids) * repetitions > most:
            raise TooBig
        return bulk(self, oids, repetitions)

    names = ["lvsRsName", "lvsRsInBytes", "lvsRsConns"][:most]
    with client(director) as asking:
        rows = list(asking.walk(names))
        wanted = [(name, instance) for instance, _ in rows for name in names]
        monkeypatch.setattr(Session, "get", small_get)
        monkeypatch.setattr(Session, "bulk", small_bulk)
        assert list(asking.walk(names)) == rows
        assert asking.get(wanted) == [value for _, values in rows for value in values]
        with pytest.raises(DirectorError, match="a row is too big for one answer of snmpd"):
            list(asking.walk(names * 21))


def test_an_answer_that_goes_backwards_ends_a_walk(
    director: SimulatedDirector, monkeypatch: pytest.MonkeyPatch
) -> None:
    bulk = Session.bulk

    def turning(self: Session, oids: Sequence[Oid], repetitions: int) -> List[Tuple[Oid, Raw]]:
        return bulk(self, oids, repetitions)[:3][::-1]

    monkeypatch.setattr(Session, "bulk", turning)
    with (
        client(director) as asking,
        pytest.raises(DirectorError, match="answer is out of order at"),
    ):
        list(asking.walk(["lvsVsName"]))


def test_a_name_that_lvs_mib_lacks_is_refused(director: SimulatedDirector) -> None:
    with client(director) as asking, pytest.raises(ObjectError, match="similar: lvsVsInBytes"):
        asking.get([("lvsVsInByte", (0,))])


DIRECTORS = {
    "director1": Director("director1"),
    "director1:1161": Director("director1", 1161),
    "192.0.2.1:161": Director("192.0.2.1", 161),
    "[2001:db8::1]:161": Director("2001:db8::1", 161),
    "[2001:db8::1]": Director("2001:db8::1"),
    "2001:db8::1": Director("2001:db8::1"),
    "fe80::1%eth0": Director("fe80::1%eth0"),
}


@pytest.mark.parametrize("text", DIRECTORS)
def test_directors_are_named_with_and_without_a_port(text: str) -> None:
    assert parse_director(text) == DIRECTORS[text]
    assert parse_director(str(DIRECTORS[text])) == DIRECTORS[text]


@pytest.mark.parametrize(
    "text", ["", ":161", "a:", "a:0", "a:65536", "a:x", "[::1", "[]:161", "[::1]x", "a,b", "a b"]
)
def test_what_names_no_director_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"not a director: .* HOST, HOST:PORT or \[ADDRESS\]:PORT"):
        parse_director(text)


def test_an_ipv6_director_is_asked() -> None:
    """The request is SNMPv2c over IPv6 loopback."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as listening:
        listening.bind(("::1", 0))
        listening.settimeout(10)
        asking = Client(Director("::1", listening.getsockname()[1]), QUICK)
        with asking, pytest.raises(DirectorError):
            asking.scalars("lvsAgentStatus")
        request = listening.recv(1500)
    assert b"public" in request


def test_no_parser_of_mib_files_is_made() -> None:
    """pysmi would make each start 0.2 s longer."""
    code = "import sys, lvs_agent.pollers.client; print('pysmi' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_the_subtree_is_the_tests(director: SimulatedDirector) -> None:
    assert "." + ".".join(map(str, objects.named("lvs").oid)) == BASE
