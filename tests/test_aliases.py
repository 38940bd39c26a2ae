# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of aliases: its lines, the records that it fills in, and its changes."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from lvs_agent.aliases import Aliases, AliasFile
from lvs_agent.snapshot import LostRow, Snapshot
from tests.support import builders, users
from tests.support.builders import fwmark, server, service

EXAMPLE = """\
# what                                      alias
TCP 192.0.2.10:443                          shop
-t 192.0.2.10:80                            shop, plain
TCP 192.0.2.10:443 -> 192.168.0.1:8080      shop on web1
-t 192.0.2.10:443 -r 192.168.0.2:8080       shop on web2
192.168.0.1                                 web1
2001:db8::10                                entrance
FWM 5                                       dns
-f 6 -6                                     dns over IPv6
"""


def director() -> Snapshot:
    return builders.snapshot(
        service("192.0.2.10", 443, *(server(f"192.168.0.{host}") for host in (1, 2, 3))),
        service("192.0.2.10", 80, server("192.168.0.1", 80), server("2001:db8::10", 80)),
        service("2001:db8::10", 443),
        fwmark(5, server("192.168.0.1", 0)),
        fwmark(6),
        fwmark(6, family=6),
        lost=[
            LostRow("TCP 192.0.2.10:443", "192.168.0.2:8080", None, 0.0),
            LostRow("TCP 192.0.2.10:443", "192.168.0.1:80", None, 0.0),
            LostRow("TCP 192.0.2.10:443", "192.168.0.9:80", None, 0.0),
            LostRow("FWM 6 IPv6", "", None, 0.0),
            LostRow("FWM 7", "", None, 0.0),
        ],
    )


def filled_in(text: str) -> Dict[str, str]:
    """Return the aliases of a director by the names of its rows, without empty ones."""
    aliases, snapshot = Aliases(text.encode()), director()
    assert aliases.bad == []
    aliases.fill_in(snapshot)
    found = {vs.name: vs.alias for vs in snapshot.services}
    found.update({rs.full_name: rs.alias for vs in snapshot.services for rs in vs.real_servers})
    found.update({f"lost {row.name}": row.alias for row in snapshot.lost})
    return {name: alias for name, alias in found.items() if alias}


def reasons(text: str) -> List[Tuple[int, str]]:
    """Return the invalid lines of a file, and assert that it has no others."""
    aliases = Aliases(text.encode("utf-8", "surrogateescape"))
    assert not aliases.lines
    return [(line.number, line.reason) for line in aliases.bad]


def test_an_alias_is_that_of_one_row_and_a_server_falls_back_to_its_address() -> None:
    assert filled_in(EXAMPLE) == {
        "TCP 192.0.2.10:443": "shop",
        "TCP 192.0.2.10:80": "shop, plain",
        "FWM 5": "dns",
        "FWM 6 IPv6": "dns over IPv6",
        "TCP 192.0.2.10:443 -> 192.168.0.1:8080": "shop on web1",
        "TCP 192.0.2.10:443 -> 192.168.0.2:8080": "shop on web2",
        "TCP 192.0.2.10:80 -> 192.168.0.1:80": "web1",
        "TCP 192.0.2.10:80 -> [2001:db8::10]:80": "entrance",
        "FWM 5 -> 192.168.0.1:0": "web1",
        "lost TCP 192.0.2.10:443 -> 192.168.0.2:8080": "shop on web2",
        "lost TCP 192.0.2.10:443 -> 192.168.0.1:80": "web1",
        "lost FWM 6 IPv6": "dns over IPv6",
    }


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("tcp 192.0.2.10:443", "TCP 192.0.2.10:443"),
        ("--tcp-service\t192.0.2.10:443", "TCP 192.0.2.10:443"),
        ("FWM 0x5", "FWM 5"),
        ("--fwmark-service 6 --ipv6", "FWM 6 IPv6"),
        ("fwm 6 ipv6", "FWM 6 IPv6"),
        ("-t 192.0.2.10:80 -r 192.168.0.1", "TCP 192.0.2.10:80 -> 192.168.0.1:80"),
        ("TCP 192.0.2.10:80 -> [2001:DB8:0::10]", "TCP 192.0.2.10:80 -> [2001:db8::10]:80"),
        ("FWM 5 --real-server 192.168.0.1", "FWM 5 -> 192.168.0.1:0"),
    ],
)
def test_a_line_names_a_row_in_ipvsadms_words(words: str, name: str) -> None:
    found = filled_in(f"{words}  an alias # of -> 5 words\t\r\n")
    # a lost row of the same name has the alias too
    assert {key.replace("lost ", "") for key in found} == {name}
    assert found[name] == "an alias # of -> 5 words"


def test_addresses_have_aliases_by_their_bytes() -> None:
    snapshot = director()
    Aliases(b"192.0.2.10 front\n[2001:db8::10] entrance").fill_in(snapshot)
    assert snapshot.address_aliases == {
        bytes([192, 0, 2, 10]): "front",
        bytes.fromhex("20010db8000000000000000000000010"): "entrance",
    }
    assert {vs.alias for vs in snapshot.services} == {""}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("shop 192.0.2.10:443", "neither an address nor TCP, UDP, SCTP or FWM: 'shop'"),
        ("192.168.0.1:8080 web1", "neither an address nor TCP, UDP, SCTP or FWM: '192.168.0.1:80"),
        ("192.168.0.256 web1", "neither an address nor TCP, UDP, SCTP or FWM: '192.168.0.256'"),
        ("IP65536 192.0.2.10:443 shop", "neither an address nor TCP"),
        (
            "TCP www.example.org:443 shop",
            "not an address: 'www.example.org:443'; write numbers, since names are not looked up",
        ),
        ("TCP 192.0.2.10:https shop", "not an address and port: '192.0.2.10:https'; write numb"),
        ("TCP 192.0.2.10 shop", "not an address and port: '192.0.2.10'; write numbers"),
        ("TCP", "not an address and port: ''"),
        ("TCP 192.0.2.10:65536 shop", "above 65535: 65536"),
        ("TCP 192.0.2.10:443 -> web1:80 shop", "not an address: 'web1:80'; write numbers"),
        ("TCP 192.0.2.10:443 ->", "not an address and port: ''"),
        ("FWM dns dns", "not a mark from 1 to 4294967295: dns"),
        ("FWM 0 dns", "not a mark from 1 to 4294967295: 0"),
        ("TCP 192.0.2.10:443", "alias missing"),
        ("FWM 6 IPv6", "alias missing"),
        ("192.168.0.1 \t", "alias missing"),
        ("TCP 192.0.2.10:443 -6 shop", "unexpected '-6'"),
        ("192.168.0.1 -> web1", "unexpected '->'"),
        ("192.168.0.1 web\0", "contains a control character"),
        ("192.168.0.1 web\rTCP", "contains a control character"),
        ("192.168.0.1 web\x9b1m", "contains a control character"),
        ("192.168.0.1 caf\udce9", "not UTF-8"),
    ],
)
def test_a_line_that_is_not_used_has_a_reason(line: str, reason: str) -> None:
    ((number, said),) = reasons(f"# comment\n\n{line}")
    assert number == 3
    assert said.startswith(reason)


def test_other_lines_count_and_of_two_for_the_same_row_the_first_does() -> None:
    aliases, snapshot = Aliases(b"FWM 5 one\nnonsense\nFWM 6 two\n-f 5 three"), director()
    aliases.fill_in(snapshot)
    assert [vs.alias for vs in snapshot.services if vs.fwmark] == ["one", "two", ""]
    assert [tuple(line) for line in aliases.bad] == [
        (2, "neither an address nor TCP, UDP, SCTP or FWM: 'nonsense'"),
        (4, "names the same row as line 1, which is used"),
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aliases"


@pytest.fixture
def file(path: Path, caplog: pytest.LogCaptureFixture) -> AliasFile:
    caplog.set_level(logging.INFO)
    return AliasFile(path)


def alias(file: AliasFile) -> str:
    """Return the alias of FWM 5 in a new snapshot."""
    snapshot = builders.snapshot(fwmark(5))
    file.fill_in(snapshot)
    return snapshot.services[0].alias


def test_it_is_read_when_it_has_changed(
    path: Path, file: AliasFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert alias(file) == ""
    path.write_text("FWM 5 dns")
    assert alias(file) == "dns"
    with monkeypatch.context() as context:
        context.setattr("lvs_agent.regular.read", None)  # is not called
        assert alias(file) == "dns"
    path.write_text("FWM 5 DNS")  # of the same length, but not within a tick of the kernel's clock
    os.utime(path, (0, 0))
    assert alias(file) == "DNS"
    times = path.stat()
    (path.parent / "other").write_text("FWM 5 new")
    os.utime(path.parent / "other", ns=(times.st_atime_ns, times.st_mtime_ns))
    (path.parent / "other").replace(path)
    assert alias(file) == "new"
    path.unlink()
    assert alias(file) == ""


def test_bad_lines_are_named_once_a_change_and_ten_at_most(
    path: Path, file: AliasFile, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text("bad\n" * 12 + "FWM 5 dns\n")
    assert alias(file) == alias(file) == "dns"
    why = "neither an address nor TCP, UDP, SCTP or FWM: 'bad'"
    first = [f"{path}:{number}: {why}" for number in range(1, 11)]
    assert caplog.messages == [*first, f"{path}: 2 more invalid lines"]
    path.write_text("FWM 5 dns\n" + "bad\n" * 1000 + "FWM 6 late\n")
    alias(file)
    assert caplog.messages[-1] == f"{path}: 990 more invalid lines"
    assert [*Aliases(path.read_bytes()).lines.values()] == [1]
    caplog.clear()
    path.write_text("FWM 5 dns\nFWM 5\n")
    alias(file)
    assert caplog.messages == [f"{path}:2: alias missing"]


def test_one_that_cannot_be_read_is_named_once_and_the_last_aliases_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # another user cannot enter the folders above
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    path = Path("aliases")
    path.write_text("FWM 5 dns")
    os.chown(path, 12345, 12345)

    def act() -> str:
        file = AliasFile(path)
        found = [alias(file)]
        path.write_text("FWM 5 other")
        path.chmod(0)
        found += [alias(file), alias(file)]
        path.chmod(0o600)
        return "\n".join([*found, alias(file), *caplog.messages])

    said = "aliases: Permission denied; the last aliases stay in use"
    assert users.as_user(12345, act).splitlines() == ["dns", "dns", "dns", "other", said]


def test_a_fifo_and_a_file_that_is_too_long_are_not_read(
    path: Path, file: AliasFile, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text("FWM 5 dns")
    assert alias(file) == "dns"
    path.unlink()
    os.mkfifo(path)
    assert alias(file) == alias(file) == "dns"
    path.unlink()
    path.write_text("FWM 5 long\n" + "#" * (1 << 20))
    assert alias(file) == "dns"
    path.write_text("FWM 5 short")
    assert alias(file) == "short"
    assert caplog.messages == [
        f"{path}: not a regular file; the last aliases stay in use",
        f"{path}: longer than 1048576 bytes; the last aliases stay in use",
    ]
