# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of services and servers, compared with ipvsadm's output and recorded walks."""

from __future__ import annotations

import re
import socket
from typing import Dict, List, Tuple

import pytest

from lvs_agent.codes import Family, IpProtocol
from lvs_agent.mib import lvs
from lvs_agent.mib.smi import Oid
from lvs_agent.pollers import naming, parsing
from lvs_agent.pollers.naming import RIP, VIP, AddressRow, NamingError, Row, Server, Service
from tests.support import builders, lvsmib
from tests.support.paths import DATA

VS_NAME, RS_NAME = (re.escape(lvsmib.oid(name)) for name in ("lvsVsName", "lvsRsName"))

HTTPS = Service(Family.INET, "192.0.2.10", IpProtocol.TCP, 443)
WORDS = {
    "TCP 192.0.2.10:443": Row(HTTPS),
    "  TCP  192.0.2.10:443  ": Row(HTTPS),
    "tcp 192.0.2.10:https": Row(HTTPS),
    "-t 192.0.2.10:443": Row(HTTPS),
    "--tcp-service=192.0.2.10:443": Row(HTTPS),
    "--tcp-service 192.0.2.10:443": Row(HTTPS),
    "TCP 127.0.0.1:www": Row(Service(Family.INET, "127.0.0.1", IpProtocol.TCP, 80)),
    "TCP localhost:www": Row(Service(Family.INET, "127.0.0.1", IpProtocol.TCP, 80)),
    "UDP 192.0.2.53:domain": Row(Service(Family.INET, "192.0.2.53", IpProtocol.UDP, 53)),
    "-u [2001:DB8:0::53]:53": Row(Service(Family.INET6, "2001:db8::53", IpProtocol.UDP, 53)),
    "--sctp-service 192.0.2.1:5060": Row(Service(Family.INET, "192.0.2.1", IpProtocol.SCTP, 5060)),
    "SCTP 192.0.2.1:https": Row(Service(Family.INET, "192.0.2.1", IpProtocol.SCTP, 443)),
    "TCP 192.0.2.10:0": Row(Service(Family.INET, "192.0.2.10", IpProtocol.TCP, 0)),
    "TCP 192.0.2.10": Row(Service(Family.INET, "192.0.2.10", IpProtocol.TCP, None)),
    "TCP [2001:db8::1]": Row(Service(Family.INET6, "2001:db8::1", IpProtocol.TCP, None)),
    "TCP 2001:db8::1": Row(Service(Family.INET6, "2001:db8::1", IpProtocol.TCP, None)),
    "IP33 192.0.2.10:80": Row(Service(Family.INET, "192.0.2.10", 33, 80)),
    "ip65535 [2001:db8::1]:0": Row(Service(Family.INET6, "2001:db8::1", 65535, 0)),
    "IP99 192.0.2.10": Row(Service(Family.INET, "192.0.2.10", 99, None)),
    "IP33 192.0.2.10:80 -> 192.168.0.1": Row(
        Service(Family.INET, "192.0.2.10", 33, 80), Server(Family.INET, "192.168.0.1", 80)
    ),
    "FWM 5": Row(Service(Family.INET, "0.0.0.0", IpProtocol.FWMARK, 5)),
    "fwm 5 ipv6": Row(Service(Family.INET6, "::", IpProtocol.FWMARK, 5)),
    "-f 5 -6": Row(Service(Family.INET6, "::", IpProtocol.FWMARK, 5)),
    "-f 5 --ipv6": Row(Service(Family.INET6, "::", IpProtocol.FWMARK, 5)),
    "-6 --fwmark-service 0x5": Row(Service(Family.INET6, "::", IpProtocol.FWMARK, 5)),
    "FWM -1": Row(Service(Family.INET, "0.0.0.0", IpProtocol.FWMARK, 2**32 - 1)),
    "TCP 192.0.2.10:443 -> 192.168.0.1:8080": Row(HTTPS, Server(Family.INET, "192.168.0.1", 8080)),
    "-t 192.0.2.10:443 -r 192.168.0.1": Row(HTTPS, Server(Family.INET, "192.168.0.1", 443)),
    "--real-server=[fd00::1]:https -t 192.0.2.10:443": Row(
        HTTPS, Server(Family.INET6, "fd00::1", 443)
    ),
    "FWM 5 -> 192.168.0.1": Row(
        Service(Family.INET, "0.0.0.0", IpProtocol.FWMARK, 5), Server(Family.INET, "192.168.0.1", 0)
    ),
}

WRONG = {
    "": "not a service: ''; write TCP 192.0.2.10:443",
    "TCP": "address or mark missing after TCP",
    "lvs 192.0.2.10:443": "unexpected 'lvs'",
    "TCP 192.0.2.10:443 wlc": "unexpected 'wlc'",
    "TCP 192.0.2.10:443 UDP 192.0.2.10:443": "unexpected 'UDP'",
    "TCP 192.0.2.10:65536": "not a port from 0 to 65535: 65536",
    "TCP 192.0.2.10:nosuch": "not a port from 0 to 65535, or a name in /etc/services: 'nosuch'",
    "TCP 192.0.2.10:": "a name in /etc/services: ''",
    "TCP nosuch.invalid:80": "nosuch.invalid: neither an address nor a known host",
    "TCP ..:80": "..: neither an address nor a known host",
    "TCP [2001:db8::1": "not [ADDRESS] or [ADDRESS]:PORT",
    "TCP [2001:db8::1]80": "not [ADDRESS] or [ADDRESS]:PORT",
    "TCP 192.0.2.10:443 IPv6": "IPv6 requires a mark or an IPv6 address",
    "IP0 192.0.2.10:80": "unexpected 'IP0'",
    "IP65536 192.0.2.10:80": "unexpected 'IP65536'",
    "IP 192.0.2.10:80": "unexpected 'IP'",
    "FWM 0": "not a mark from 1 to 4294967295: 0",
    "FWM 4294967296": "not a mark from 1 to 4294967295: 4294967296",
    "FWM five": "4294967295: five",
    "TCP 192.0.2.10:443 -": 'the shell took the > of -> as a redirection; write "->" or -r',
    "TCP 192.0.2.10:443 ->": "real server missing after ->",
    "TCP 192.0.2.10 -r 192.168.0.1": "a real server needs the port of its service",
    "-r 192.168.0.1:80": "write TCP",
}

# an address without a word is a VIP
NAMED = {
    "VIP 192.0.2.10": AddressRow(VIP, Family.INET, "192.0.2.10"),
    " vip  192.0.2.10 ": AddressRow(VIP, Family.INET, "192.0.2.10"),
    "Rip 192.168.0.1": AddressRow(RIP, Family.INET, "192.168.0.1"),
    "192.0.2.10": AddressRow(VIP, Family.INET, "192.0.2.10"),
    "2001:DB8:0::10": AddressRow(VIP, Family.INET6, "2001:db8::10"),
    "[2001:db8::10]": AddressRow(VIP, Family.INET6, "2001:db8::10"),
    "RIP [2001:db8::10]": AddressRow(RIP, Family.INET6, "2001:db8::10"),
    "RIP 2001:db8::10": AddressRow(RIP, Family.INET6, "2001:db8::10"),
    "VIP localhost": AddressRow(VIP, Family.INET, "127.0.0.1"),
    "TCP 192.0.2.10:443": Row(HTTPS),
    "TCP 192.0.2.10": Row(Service(Family.INET, "192.0.2.10", IpProtocol.TCP, None)),
}

NAMED_WRONG = {
    "": "not a service: ''",
    "VIP": "VIP: write VIP and an address",
    "RIP 192.168.0.1 192.168.0.2": "write RIP and an address",
    "VIP 192.0.2.10 -> 192.168.0.1": "write VIP and an address",
    "VIP 192.0.2.10:80": "VIP 192.0.2.10:80: a VIP has no port",
    "VIP nosuch.invalid": "nosuch.invalid: neither an address nor a known host",
    "VIP [2001:db8::1": "not [ADDRESS] or [ADDRESS]:PORT",
    "localhost": "unexpected 'localhost'",
    "192.0.2.10:80": "unexpected '192.0.2.10:80'",
    "192.0.2.10 192.0.2.11": "unexpected '192.0.2.10'",
    "TCP 192.0.2.10:443 RIP 192.168.0.1": "unexpected 'RIP'",
}


def served(director: str) -> Dict[str, Oid]:
    """Return the instances of a recorded walk's rows by name; a server's name has its service."""
    walk = (DATA / "walks" / director).read_text()
    names = {}
    for column in (VS_NAME, RS_NAME):
        for instance, name in re.findall(rf'^{column}\.([\d.]+) = STRING: "(.*)"$', walk, re.M):
            oid = tuple(int(part) for part in instance.split("."))
            service = str(naming.row_of(oid).service)
            names[f"{service} -> {name}" if column == RS_NAME else name] = oid
    return names


def saved(director: str) -> List[List[str]]:
    """Return the arguments in the output of ipvsadm -Sn that name rows."""
    lines = (DATA / "ipvsadm" / director / "ipvsadm" / "save").read_text()
    options = r"(?:-[tufr]|--sctp-service) \S+|-6"
    return [re.findall(options, line) for line in lines.splitlines()]


def listed(director: str) -> List[str]:
    """Return the rows of ipvsadm -Ln; a server's follows the name of its service."""
    rows, service = [], ""
    for line in (DATA / "ipvsadm" / director / "ipvsadm" / "list").read_text().splitlines()[3:]:
        words = line.split()
        if words[0] == "->":
            rows.append(f"{service} -> {words[1]}")
        else:
            service = " ".join(words[:3] if words[2:3] == ["IPv6"] else words[:2])
            rows.append(service)
    return rows


@pytest.mark.parametrize("words", WORDS)
def test_words_name_a_row(words: str) -> None:
    assert parsing.parse([words]) == WORDS[words]
    assert parsing.parse(words.split()) == WORDS[words]


@pytest.mark.parametrize("words", WRONG)
def test_wrong_words_are_named(words: str) -> None:
    with pytest.raises(NamingError) as caught:
        parsing.parse([words])
    assert WRONG[words] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("words", NAMED)
def test_words_name_a_vip_or_a_rip(words: str) -> None:
    row = NAMED[words]
    assert parsing.parse_named([words]) == row
    assert parsing.parse_named(words.split()) == row
    assert parsing.parse_named([str(row)]) == row


@pytest.mark.parametrize("words", NAMED_WRONG)
def test_wrong_words_for_a_vip_or_a_rip_are_named(words: str) -> None:
    with pytest.raises(NamingError) as caught:
        parsing.parse_named([words])
    assert NAMED_WRONG[words] in str(caught.value)


def test_an_address_alone_is_of_the_kind_that_is_meant() -> None:
    rip = AddressRow(RIP, Family.INET, "192.168.0.1")
    assert parsing.parse_named(["192.168.0.1"], RIP) == rip
    with pytest.raises(NamingError, match="unexpected 'VIP'"):
        parsing.parse(["VIP 192.0.2.10"])


@pytest.mark.parametrize("director", ["options", "direct", "small", "nat"])
def test_names_that_are_served_give_their_instances_and_back(director: str) -> None:
    names = served(director)
    assert names
    for name, instance in names.items():
        assert parsing.parse([name]).instance == instance
        assert str(naming.row_of(instance)) == name


def test_what_ipvsadm_saves_names_what_is_served() -> None:
    rows = {parsing.parse(words).instance for words in saved("options")}
    assert rows == set(served("options").values())


def test_what_ipvsadm_lists_names_what_is_served() -> None:
    rows = {parsing.parse([words]).instance for words in listed("options")}
    # ipvsadm -Ln shows fewer rows than ipvsadm -Sn
    assert len(rows) > 30
    assert rows <= set(served("options").values())


@pytest.mark.parametrize("row", [row for row in WORDS.values() if row.service.port is not None])
def test_a_row_and_its_instance_are_the_same(row: Row) -> None:
    assert naming.row_of(row.instance) == row
    assert parsing.parse([str(row)]) == row


@pytest.mark.parametrize("protocol", [1, 33, 99, 132, 255, 65535])
def test_a_protocol_of_any_number_is_named_as_the_agent_names_it(protocol: int) -> None:
    service = builders.service("192.0.2.10", 80, protocol=protocol)
    tree = lvs.tree(builders.snapshot(service), 0)
    ((oid, name),) = [
        (varbind.oid, varbind.value) for varbind in tree.walk() if varbind.oid.startswith("21.1.5.")
    ]
    row = naming.row_of(tuple(int(part) for part in oid.split(".")[3:]))
    assert str(row) == name
    assert parsing.parse([name]) == row


def test_a_host_with_several_addresses_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*_: object) -> List[Tuple[object, ...]]:
        return [(0, 0, 0, "", (address, 0)) for address in ("192.0.2.2", "192.0.2.1", "192.0.2.2")]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    with pytest.raises(NamingError, match=r"www: has several.*: 192\.0\.2\.1, 192\.0\.2\.2$"):
        parsing.parse(["TCP", "www:80"])


def test_numbers_are_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "getservbyname", refuse)
    assert parsing.parse(["TCP 192.0.2.10:443 -> [fd00::1]:443"]).server


def test_a_service_alone_and_a_server_alone() -> None:
    assert parsing.parse_service("TCP 192.0.2.10:443") == HTTPS
    with pytest.raises(NamingError, match="name a service only"):
        parsing.parse_service("TCP 192.0.2.10:443 -> 192.168.0.1:80")
    assert parsing.parse_server("192.168.0.1:80") == Server(Family.INET, "192.168.0.1", 80)
    assert parsing.parse_server("192.168.0.1", HTTPS) == Server(Family.INET, "192.168.0.1", 443)
