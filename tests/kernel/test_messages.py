# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages packed by hand after linux/ip_vs.h, and those of a 6.1 kernel."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from socket import AF_INET, AF_INET6, AF_UNIX, inet_pton
from typing import Callable, Dict, List, Union

import pytest

from lvs_agent.codes import Family, SyncState
from lvs_agent.kernel.messages import Decoder, service_identity
from lvs_agent.kernel.netlink import NetlinkError
from lvs_agent.services import RealServer, Traffic, VirtualService
from lvs_agent.snapshot import Director, SyncDaemon
from tests.support import recorded
from tests.support.builders import fwmark, service
from tests.support.recorded import DAEMON, DEST, SERVICE, Attribute, join

(INFO,) = recorded.replies(recorded.SMALL, recorded.GET_INFO)
(CONFIG,) = recorded.replies(recorded.SMALL, recorded.GET_CONFIG)

COUNTED = (2**64 - 1, 2**63, 3, 2**40, 5, 6, 7, 8, 2**33, 10)
UNKNOWN: List[Attribute] = [(0, b""), (99, b"new"), (0x3FFF, bytes(40))]


def u16(value: int) -> bytes:
    return struct.pack("=H", value)


def u32(value: int) -> bytes:
    return struct.pack("=I", value)


def be16(value: int) -> bytes:
    return struct.pack("!H", value)


def stats64(*values: int) -> bytes:
    return join([(number, struct.pack("=Q", value)) for number, value in enumerate(values, 1)])


def stats(*values: int) -> bytes:
    """Pack the byte counters in 64 bits, everything else in 32."""
    layout = {4: "=Q", 5: "=Q"}
    return join([(n, struct.pack(layout.get(n, "=I"), value)) for n, value in enumerate(values, 1)])


SIX: Dict[int, bytes] = {
    1: u16(AF_INET6),
    2: u16(132),
    3: inet_pton(AF_INET6, "2001:db8::10"),
    4: be16(36412),
    6: b"wlc\0",
    7: u32(0x03) + u32(0xFFFFFFFF),
    8: u32(360),
    9: u32(64),
    10: stats(*range(1, 11)),
    11: b"sip\0",
    12: stats64(*COUNTED),
}
BACKEND: Dict[int, bytes] = {
    1: inet_pton(AF_INET, "192.168.0.1") + bytes(12),
    2: be16(8080),
    3: u32(2),
    4: u32(2**31 - 1),
    13: b"\1",
    14: be16(6080),
    15: u16(0x0102),
    5: u32(100),
    6: u32(75),
    7: u32(2**32 - 1),
    8: u32(8),
    9: u32(9),
    11: u16(AF_INET),
    10: stats(*range(1, 11)),
    12: stats64(*COUNTED),
}


def _server(body: bytes) -> RealServer:
    return Decoder().real_server(body, Family.INET)


def reply(kind: int, attributes: Dict[int, bytes]) -> bytes:
    return join([(kind, join(list(attributes.items())))])


def without(attributes: Dict[int, bytes], *kinds: int) -> Dict[int, bytes]:
    return {kind: payload for kind, payload in attributes.items() if kind not in kinds}


def test_every_attribute_of_a_service_gets_to_its_place() -> None:
    assert Decoder().service(reply(SERVICE, SIX)) == service(
        "2001:db8::10",
        36412,
        protocol=132,
        scheduler="wlc",
        flags=3,
        persist_timeout=360,
        netmask="64",
        persistence_engine="sip",
        counters=Traffic(*COUNTED[:5]),
        rates=Traffic(*COUNTED[5:]),
    )


@pytest.mark.parametrize(
    ("family", "number", "netmask", "said"),
    [
        (Family.INET, AF_INET, b"\xff\xff\xfe\0", "255.255.254.0"),
        (Family.INET6, AF_INET6, u32(128), "128"),
    ],
)
def test_a_mark_is_a_service_of_either_family(
    family: int, number: int, netmask: bytes, said: str
) -> None:
    attributes = {1: u16(number), 5: u32(2**32 - 1), **without(SIX, 1, 2, 3, 4, 11), 9: netmask}
    assert Decoder().service(reply(SERVICE, attributes)) == fwmark(
        2**32 - 1,
        family=family,
        flags=3,
        persist_timeout=360,
        netmask=said,
        persistence_engine="",
        counters=Traffic(*COUNTED[:5]),
        rates=Traffic(*COUNTED[5:]),
    )


def test_every_attribute_of_a_real_server_gets_to_its_place() -> None:
    assert Decoder().real_server(reply(DEST, BACKEND), Family.INET6) == RealServer(
        "192.168.0.1",
        8080,
        forwarding=2,
        weight=2**31 - 1,
        upper_threshold=100,
        lower_threshold=75,
        active_conns=2**32 - 1,
        inact_conns=8,
        persist_conns=9,
        counters=Traffic(*COUNTED[:5]),
        rates=Traffic(*COUNTED[5:]),
        tunnel_type=1,
        tunnel_port=6080,
        tunnel_flags=0x0102,
    )


def test_forwarding_is_without_the_flags_beside_it() -> None:
    flagged = {**BACKEND, 3: u32(0x0103)}  # IP_VS_CONN_F_INACTIVE
    assert Decoder().real_server(reply(DEST, flagged), Family.INET).forwarding == 3


def test_a_kernel_before_4_1_has_only_the_small_counters() -> None:
    records: List[Union[VirtualService, RealServer]] = [
        Decoder().service(reply(SERVICE, without(SIX, 12))),
        Decoder().real_server(reply(DEST, without(BACKEND, 12)), Family.INET),
    ]
    for record in records:
        assert record.counters == Traffic(1, 2, 3, 4, 5)
        assert record.rates == Traffic(6, 7, 8, 9, 10)


@pytest.mark.parametrize(
    ("family", "address"),
    [(Family.INET, "192.168.0.1"), (Family.INET6, "c0a8:1::")],
    ids=["IPv4", "IPv6"],
)
def test_a_real_server_of_a_kernel_before_3_18_has_its_services_family(
    family: int, address: str
) -> None:
    attributes = without(BACKEND, 11, 13, 14, 15)
    server = Decoder().real_server(reply(DEST, attributes), family)
    assert server.address == address
    assert (server.tunnel_type, server.tunnel_port, server.tunnel_flags) == (None, None, None)


def test_the_recorded_daemons_are_as_they_were_started() -> None:
    assert Decoder().daemon(recorded.MASTER_DAEMON) == SyncDaemon(
        SyncState.MASTER, "vrs1", 7, "224.0.0.90", 9000, 3, 1400
    )
    assert Decoder().daemon(recorded.BACKUP_DAEMON) == SyncDaemon(
        SyncState.BACKUP, "vrs2", 255, "ff02::90", 65535, 255, 1300
    )


def test_a_daemon_of_a_kernel_before_4_3_says_less() -> None:
    old = reply(DAEMON, {1: u32(1), 2: b"eth0\0", 3: u32(7)})
    assert Decoder().daemon(old) == SyncDaemon(SyncState.MASTER, "eth0", 7, None, None, None, None)


def test_version_table_size_and_timeouts_are_the_recorded_ones() -> None:
    assert recorded.info(Decoder(), INFO) == Director("1.2.1", 4096)
    assert recorded.timeouts(Decoder(), CONFIG) == Director(
        tcp_timeout=900, tcp_fin_timeout=120, udp_timeout=300
    )


def test_attributes_of_a_newer_kernel_are_passed_over() -> None:
    for decode, kind, attributes in [(Decoder().service, SERVICE, SIX), (_server, DEST, BACKEND)]:
        known = decode(reply(kind, attributes))
        nested = {**attributes, 12: attributes[12] + join(UNKNOWN)}
        newer = join([*UNKNOWN, (kind, join([*UNKNOWN, *nested.items(), *UNKNOWN])), *UNKNOWN])
        assert decode(newer) == known
    assert recorded.info(Decoder(), INFO + join([(99, b"x")])) == recorded.info(Decoder(), INFO)
    assert recorded.timeouts(Decoder(), CONFIG + join([(99, b"x")])) == recorded.timeouts(
        Decoder(), CONFIG
    )


@pytest.mark.parametrize("name", [b"wlc", b"wlc\0", b"wlc\0\0", b"wlc\0rubbish"])
def test_a_text_ends_at_its_first_nul(name: bytes) -> None:
    assert Decoder().service(reply(SERVICE, {**SIX, 6: name})).scheduler == "wlc"


def test_a_text_that_is_no_utf_8_is_read_as_far_as_it_is() -> None:
    read = Decoder().service(reply(SERVICE, {**SIX, 11: b"s\xffp\0"})).persistence_engine
    assert read == "s\N{REPLACEMENT CHARACTER}p"


@pytest.mark.parametrize(
    ("decode", "name"),
    [
        (Decoder().service, "SERVICE|AF"),
        (_server, "DEST|ADDR"),
        (Decoder().daemon, "DAEMON|STATE"),
    ],
)
def test_a_reply_without_the_attribute_it_is_for_is_an_error(
    decode: Callable[[bytes], object], name: str
) -> None:
    with pytest.raises(NetlinkError, match=rf"\b({name})\b"):
        decode(join([(99, b"other")]))


def test_an_address_family_other_than_ip_is_an_error() -> None:
    with pytest.raises(NetlinkError, match="unknown address family: 1"):
        Decoder().service(reply(SERVICE, {**SIX, 1: u16(AF_UNIX)}))
    with pytest.raises(NetlinkError, match="unknown address family: 1"):
        Decoder().real_server(reply(DEST, {**BACKEND, 11: u16(AF_UNIX)}), Family.INET)


def test_a_services_identity_is_what_the_recorded_requests_for_its_servers_hold() -> None:
    asked = [
        each.asked()
        for each in recorded.exchanges(recorded.SMALL)
        if each.command == recorded.GET_DEST
    ]
    services = recorded.replies(recorded.SMALL, recorded.GET_SERVICE)
    for request, each in zip(asked, services):
        assert service_identity(Decoder().service(each)) == request.body
    assert len(asked) == len(services) == 4


@pytest.mark.parametrize("folder", recorded.DIRECTORS, ids=lambda folder: folder.name)
def test_what_a_decoder_has_read_before_makes_no_difference(folder: Path) -> None:
    experienced = Decoder()
    services = recorded.replies(folder, recorded.GET_SERVICE)
    for body in [*services, *reversed(services)]:
        assert experienced.service(body) == Decoder().service(body)
    servers = recorded.replies(folder, recorded.GET_DEST)
    for body in [*servers, *reversed(servers)]:
        assert experienced.real_server(body, Family.INET) == _server(body)


def test_the_order_of_attributes_makes_no_difference() -> None:
    experienced = Decoder()
    known = Decoder().service(reply(SERVICE, SIX))
    for first in SIX:
        reordered = {first: SIX[first], **without(SIX, first)}
        assert experienced.service(reply(SERVICE, reordered)) == known


def test_of_two_attributes_of_one_type_the_last_counts_with_what_is_in_it() -> None:
    (both,) = dict(recorded.split(reply(SERVICE, SIX))).values()
    again = join([(SERVICE, both), (SERVICE, join(list(without(SIX, 1).items())))])
    with pytest.raises(NetlinkError, match=r"\bAF\b"):
        Decoder().service(again)
    twice = join([(SERVICE, b""), (SERVICE, both)])
    assert Decoder().service(twice) == Decoder().service(reply(SERVICE, SIX))


def test_any_number_of_lengths_is_read() -> None:
    experienced = Decoder()
    for length in [*range(600), *range(600)]:
        name = "x" * length
        assert experienced.service(reply(SERVICE, {**SIX, 11: name.encode()})) == (
            replace(Decoder().service(reply(SERVICE, SIX)), persistence_engine=name)
        )
