# SPDX-License-Identifier: GPL-3.0-or-later
"""The oracle itself, on ipvsadm's output saved in the lab (tests/lab/show frozen, options)."""

import pytest

from tests.support.expected import read_expected
from tests.support.ipvsadm import (
    Counters,
    Daemon,
    Director,
    ServerKey,
    Service,
    ServiceKey,
    Tunnel,
    parse_counters,
    parse_daemons,
    parse_list,
    read,
    service_key,
)
from tests.support.paths import DATA

SAVED = DATA / "ipvsadm"


@pytest.fixture(scope="module")
def options() -> Director:
    return read(SAVED / "options" / "ipvsadm")


@pytest.fixture(scope="module")
def frozen() -> Director:
    return read(SAVED / "frozen" / "ipvsadm")


@pytest.mark.parametrize("scenario", ["frozen", "direct"])
def test_counters_are_what_was_sent(scenario: str) -> None:
    director = read(SAVED / scenario / "ipvsadm")
    expected = read_expected(SAVED / scenario / "expected.json")
    assert {key: service.stats for key, service in director.services.items()} == {
        key: sent.stats for key, sent in expected.items()
    }
    for key, sent in expected.items():
        servers = director.services[key].servers
        assert {name: server.stats for name, server in servers.items()} == sent.servers
    sums = (sum(column) for column in zip(*(sent.stats for sent in expected.values())))
    assert director.totals == Counters(*sums)
    assert director.cpus == {0: director.totals}


def test_frozen_rates_are_not_zero(frozen: Director) -> None:
    assert all(rate > 0 for rate in frozen.rates)
    for service in frozen.services.values():
        assert service.rates is not None
        assert service.rates.inbytes > 0


def test_connections(frozen: Director) -> None:
    held = frozen.services[service_key("TCP 10.2.0.1:80")].servers
    assert [(s.active, s.inactive, s.weight) for _, s in sorted(held.items())] == [
        (2, 10, 3),
        (0, 4, 1),
        (0, 0, 0),
    ]
    sticky = frozen.services[service_key("TCP 10.2.0.3:443")].servers
    assert sorted(server.persistent for server in sticky.values()) == [0, 1]
    full = frozen.services[service_key("TCP 10.2.0.5:25")].servers[ServerKey("10.1.1.21", 25)]
    assert (full.upper, full.lower, full.active) == (2, 1, 2)


def test_daemons(frozen: Director, options: Director) -> None:
    assert frozen.daemons == [
        Daemon("master", "vrs1", 7, 1400, "224.0.0.90", 9000, 3),
        Daemon("backup", "vrs2", 255, 1300, "ff02::90", 65535, 255),
    ]
    assert options.daemons == parse_daemons("") == []


def test_settings(options: Director) -> None:
    assert options.timeouts == (901, 121, 301)
    assert options.table_size == 4096


def test_marks_of_both_families(options: Director) -> None:
    four = options.services[service_key("FWM 5")]
    six = options.services[service_key("FWM 5 IPv6")]
    assert (four.scheduler, four.persistence, four.prefix) == ("rr", 30, 16)
    assert (six.scheduler, six.persistence, six.prefix) == ("wrr", 30, 48)
    assert set(four.servers) == {ServerKey("fd00:1:1::21", 0), ServerKey("10.1.1.21", 0)}


def test_mark_beyond_a_signed_number(options: Director) -> None:
    assert service_key("FWM -1") == service_key("FWM 4294967295")
    assert ServerKey("10.1.1.21", 8080) in options.services[service_key("FWM 4294967295")].servers


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("TCP 10.2.0.1:80", ()),
        ("TCP 10.2.0.1:443", (1, 2)),
        ("TCP 10.2.0.3:1", (2,)),
        ("TCP 10.2.0.3:2", (1,)),
        ("TCP 10.2.0.3:3", (1, 2)),
        ("TCP 10.2.0.3:4", (1, 2, 3)),
    ],
)
def test_scheduler_flags(options: Director, name: str, flags: tuple[int, ...]) -> None:
    assert options.services[service_key(name)].scheduler_flags == flags


def test_persistence(options: Director) -> None:
    def persistence(name: str) -> tuple[int, int, str, bool]:
        service = options.services[service_key(name)]
        return service.persistence, service.prefix, service.engine, service.one_packet

    assert persistence("TCP 10.2.0.1:80") == (360, 24, "", False)
    assert persistence("TCP 10.2.0.2:0") == (60, 32, "", False)
    assert persistence("TCP 10.2.0.3:1") == (0, 0, "", False)
    assert persistence("UDP 10.2.0.3:4") == (0, 0, "", True)
    assert persistence("UDP 10.2.0.3:5060") == (60, 32, "sip", True)
    assert persistence("TCP [fd00:2::1]:0") == (120, 128, "", False)
    assert persistence("TCP [fd00:2::1]:443") == (120, 64, "", False)


def test_forwarding_and_tunnels(options: Director) -> None:
    servers = options.services[service_key("TCP 10.2.0.5:1")].servers
    assert {server.forwarding for server in servers.values()} == {"Tunnel"}
    assert {name.address: server.tunnel for name, server in servers.items()} == {
        "10.1.1.21": Tunnel("ipip", 0, ()),
        "10.1.1.22": Tunnel("gue", 6080, ()),
        "10.1.1.23": Tunnel("gue", 6081, ("csum",)),
        "10.1.1.24": Tunnel("gue", 65535, ("remcsum",)),
        "10.1.1.25": Tunnel("gre", 0, ("csum",)),
        "10.1.1.26": Tunnel("gre", 0, ()),
        "fd00:1:1::21": Tunnel("ipip", 0, ()),
        "fd00:1:1::22": Tunnel("gue", 6080, ()),
    }
    others = options.services[service_key("TCP 10.2.0.3:65535")].servers
    assert [server.forwarding for _, server in sorted(others.items())] == ["Local", "Bypass"]
    assert all(server.tunnel is None for server in others.values())


def test_largest_settings(options: Director) -> None:
    servers = options.services[service_key("TCP 10.2.0.1:80")].servers
    server = servers[ServerKey("10.1.2.23", 80)]
    assert (server.weight, server.upper, server.lower) == (65535, 2**31 - 1, 2**31 - 2)
    (routed,) = options.services[service_key("TCP 10.2.0.1:443")].servers.values()
    assert (routed.forwarding, routed.weight) == ("Route", 2**31 - 1)


def test_wide_columns() -> None:
    services: dict[ServiceKey, Service] = {}
    parse_counters((SAVED / "wide" / "stats").read_text(encoding="utf-8"), services, "stats")
    assert services[service_key("TCP [fd00:2::1]:80")].stats == Counters(
        1, 26687, 34744, 1101921492, 1102502836
    )


def test_unknown_words_are_refused() -> None:
    heading = "IP Virtual Server version 1.2.1 (size=4096)\nProt ...\n  -> ...\n"
    with pytest.raises(ValueError, match="unknown word surprise"):
        parse_list(heading + "TCP  10.2.0.1:80 rr surprise\n", {})
