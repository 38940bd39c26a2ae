# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages packed by hand after linux/ip_vs.h, in both byte orders, and damaged ones."""

from __future__ import annotations

import struct
import sys
from socket import AF_INET, AF_INET6, inet_pton
from typing import Callable, Dict, List

import pytest

from lvs_agent.kernel import byteorder

NATIVE, OTHER = "<>" if sys.byteorder == "little" else "><"
IPVS, CONTROLLER, ERROR, DONE = 28, 16, 2, 3  # types of messages

V4, V6 = inet_pton(AF_INET, "10.2.0.1"), inet_pton(AF_INET6, "fd00:2::1")


def attribute(order: str, kind: int, layout: str, *values: object) -> bytes:
    body = struct.pack(order + layout, *values)
    return struct.pack(order + "HH", 4 + len(body), kind) + body + bytes(-len(body) % 4)


def nest(order: str, kind: int, *attributes: bytes) -> bytes:
    body = b"".join(attributes)
    return struct.pack(order + "HH", 4 + len(body), kind) + body


def message(order: str, kind: int, body: bytes) -> bytes:
    return struct.pack(order + "IHHII", 16 + len(body), kind, 2, 0x01020304, 0x05060708) + body


def reply(order: str, command: int, *attributes: bytes, kind: int = IPVS) -> bytes:
    return message(order, kind, struct.pack("=BBH", command, 1, 0) + b"".join(attributes))


def statistics(order: str) -> List[bytes]:
    """Pack STATS, with counters of 32 bits but for the bytes, and STATS64."""
    layouts = "IIIQQIIIII"
    old = [attribute(order, n, layout, n * 1000) for n, layout in enumerate(layouts, 1)]
    new = [attribute(order, n, "Q", n << 40) for n in range(1, 11)]
    return [nest(order, 10, *old), nest(order, 12, *new)]


def service(order: str, family: int, address: bytes, netmask: str, mask: object) -> bytes:
    return nest(
        order,
        1,
        attribute(order, 1, "H", family),
        attribute(order, 2, "H", 132),
        attribute(order, 3, "16s", address),
        attribute(order, 4, "2s", b"\x8e\x3c"),
        attribute(order, 5, "I", 0x01020304),
        attribute(order, 6, "4s", b"wlc\0"),
        attribute(order, 7, "II", 3, 0xFFFFFFFE),
        attribute(order, 8, "I", 360),
        attribute(order, 9, netmask, mask),
        attribute(order, 11, "4s", b"sip\0"),
        *statistics(order),
    )


def server(order: str) -> bytes:
    return nest(
        order,
        2,
        attribute(order, 1, "16s", V6),
        attribute(order, 2, "2s", b"\x1f\x90"),
        attribute(order, 3, "I", 2),
        attribute(order, 4, "i", -2),
        *(attribute(order, kind, "I", kind * 1000) for kind in range(5, 10)),
        attribute(order, 11, "H", AF_INET6),
        attribute(order, 13, "B", 1),
        attribute(order, 14, "2s", b"\x17\xc0"),
        attribute(order, 15, "H", 0x0102),
        *statistics(order),
    )


def daemon(order: str) -> bytes:
    return nest(
        order,
        3,
        attribute(order, 1, "I", 1),
        attribute(order, 2, "5s", b"vrs1\0"),
        attribute(order, 3, "I", 255),
        attribute(order, 4, "H", 1400),
        attribute(order, 5, "4s", b"\xe0\0\0\x5a"),
        attribute(order, 6, "16s", V6),
        attribute(order, 7, "H", 9000),
        attribute(order, 8, "B", 3),
    )


# unlike the tables, these are a message's own attributes
def info(order: str) -> bytes:
    return attribute(order, 1, "I", 0x010201) + attribute(order, 2, "I", 4096)


def timeouts(order: str) -> bytes:
    return b"".join(attribute(order, kind, "I", kind * 900) for kind in (4, 5, 6))


MESSAGES: Dict[str, Callable[[str], bytes]] = {
    "IPv4 service": lambda order: reply(order, 1, service(order, AF_INET, V4, "4s", b"\xff\0\0\1")),
    "IPv6 service": lambda order: reply(order, 1, service(order, AF_INET6, V6, "I", 64)),
    "request for a service": lambda o: reply(o, 4, service(o, AF_INET, V4, "4s", b"\xff\0\0\1")),
    "request for servers": lambda order: reply(order, 8, service(order, AF_INET6, V6, "I", 64)),
    "request for all": lambda order: reply(order, 4),
    "server": lambda order: reply(order, 5, server(order)),
    "daemon": lambda order: reply(order, 9, daemon(order)),
    "time-outs": lambda order: reply(order, 12, timeouts(order)),
    "info": lambda order: reply(order, 14, info(order)),
    "family": lambda order: reply(order, 1, attribute(order, 1, "H", 28), kind=CONTROLLER),
    "request for the family": lambda order: reply(
        order, 3, attribute(order, 2, "5s", b"IPVS\0"), kind=CONTROLLER
    ),
    "error": lambda order: message(order, ERROR, struct.pack(order + "i", -3)),
    "end": lambda order: message(order, DONE, struct.pack(order + "i", 0)),
    "end without a code": lambda order: message(order, DONE, b""),
    "end with an error": lambda order: message(order, DONE, struct.pack(order + "i", -4)),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_gets_this_machines_byte_order(name: str) -> None:
    of = MESSAGES[name]
    assert byteorder.native(of(OTHER)) == of(NATIVE)
    assert of(OTHER) != of(NATIVE)


def test_every_message_of_a_datagram_gets_this_machines_byte_order() -> None:
    other, native = (b"".join(of(order) for of in MESSAGES.values()) for order in (OTHER, NATIVE))
    assert byteorder.native(other) == native


@pytest.mark.parametrize("name", MESSAGES)
def test_what_is_cut_keeps_its_length_and_what_is_before_it(name: str) -> None:
    before, native = MESSAGES["error"](OTHER), MESSAGES["error"](NATIVE)
    cut = MESSAGES[name](OTHER)
    for length in range(len(cut)):
        converted = byteorder.native(before + cut[:length])
        assert len(converted) == len(native) + length
        assert converted.startswith(native)
