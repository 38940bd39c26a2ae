# SPDX-License-Identifier: GPL-3.0-or-later
"""SNMP's types at their limits, by RFC 2578, RFC 2579, RFC 3411 and RFC 4001."""

from __future__ import annotations

from typing import Iterator

import pytest

from lvs_agent.mib.smi import (
    Alias,
    Bits,
    Counter32,
    Counter64,
    DateAndTime,
    Enumeration,
    Gauge32,
    InetAddress,
    InetAddressPrefixLength,
    InetAddressType,
    InetPortNumber,
    Integer32,
    IpAddress,
    SnmpAdminString,
    Syntax,
    TimeStamp,
    TruthValue,
    Unsigned32,
    at,
)
from tests.support.builders import server, service, traffic
from tests.support.words import fitted

LIMITS = [
    (Integer32, "integer", -(2**31), 2**31 - 1),
    (Enumeration, "integer", -(2**31), 2**31 - 1),
    (Unsigned32, "gauge", 0, 2**32 - 1),
    (Gauge32, "gauge", 0, 2**32 - 1),
    (InetAddressType, "integer", 0, 16),
    (InetPortNumber, "gauge", 0, 65535),
    (InetAddressPrefixLength, "gauge", 0, 2040),
]


@pytest.mark.parametrize(("syntax", "keyword", "lowest", "highest"), LIMITS)
def test_what_is_no_counter_stops_at_its_limits(
    syntax: Syntax, keyword: str, lowest: int, highest: int
) -> None:
    for value in (lowest, lowest + 1, (lowest + highest) // 2, highest - 1, highest):
        assert fitted(syntax, value) == (keyword, str(value))
    for below in (lowest - 1, lowest - 2**32, -(2**70)):
        assert fitted(syntax, below) == (keyword, str(lowest))
    for beyond in (highest + 1, highest + 2**32, 2**70):
        assert fitted(syntax, beyond) == (keyword, str(highest))


@pytest.mark.parametrize(
    ("syntax", "keyword", "bits"),
    [
        (Counter32, "counter", 32),
        (Counter64, "counter64", 64),
        pytest.param(TimeStamp, "timeticks", 32, id="TimeStamp, as sysUpTime"),
    ],
)
def test_a_counter_begins_again_at_0_after_its_highest_value(
    syntax: Syntax, keyword: str, bits: int
) -> None:
    for value in (0, 1, 2**31 - 1, 2**31, 2**bits - 2, 2**bits - 1):
        assert fitted(syntax, value) == (keyword, str(value))
    assert fitted(syntax, 2**bits) == (keyword, "0")
    assert fitted(syntax, 2**bits + 7) == (keyword, "7")


@pytest.mark.parametrize(
    ("seconds", "octets"),
    [
        (0.0, "07 b2 01 01 00 00 00 00 2b 00 00"),
        (1795914599.94, "07 ea 0b 1d 01 09 3b 09 2b 00 00"),
        (1709251199.0, "07 e8 02 1d 17 3b 3b 00 2b 00 00"),  # 29 February 2024
        (-1.0, "07 b2 01 01 00 00 00 00 2b 00 00"),
        (1e12, "27 0f 0c 1f 17 3b 3b 09 2b 00 00"),  # after 9999
    ],
)
def test_a_date_is_11_octets_in_utc(seconds: float, octets: str) -> None:
    assert fitted(DateAndTime, seconds) == ("octet", octets)


def test_truth_is_1_and_falsehood_2() -> None:
    assert fitted(TruthValue, True) == ("integer", "1")
    assert fitted(TruthValue, False) == ("integer", "2")


@pytest.mark.parametrize("syntax", [Bits, InetAddress])
def test_octets_go_out_as_hex(syntax: Syntax) -> None:
    assert fitted(syntax, b"\x00\n\xff") == ("octet", "00 0a ff")
    assert fitted(syntax, b"\xc0\x00\x02\x0a") == ("octet", "c0 00 02 0a")


def test_an_ip_address_goes_out_dotted() -> None:
    assert fitted(IpAddress, "192.0.2.10") == ("ipaddress", "192.0.2.10")


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("wlc", "wlc"),
        ('quotes " and \\', 'quotes " and \\'),
        ("réglage 日本", "réglage 日本"),
        ("two\nlines\r\n", "two?lines??"),
        ("a\0b\tc\x7f", "a?b?c?"),
        ("\x85\u2028\u2029", "???"),
        ("eth\udcff", "eth?"),
        ("x" * 255, "x" * 255),
        ("x" * 256, "x" * 255),
        ("é" * 200, "é" * 127),
        ("x" + "日" * 200, "x" + "日" * 84),
    ],
)
def test_text_is_one_line_of_at_most_255_octets_of_whole_characters(text: str, sent: str) -> None:
    assert fitted(SnmpAdminString, text) == ("string", sent)


def test_the_rest_of_a_long_text_is_not_read() -> None:
    class Long(str):
        def __iter__(self) -> Iterator[str]:
            raise AssertionError("an alias of 1 MiB takes a sixth of a second")

    assert fitted(Alias, Long("é" * 1000)) == ("string", "é" * 32)


def test_empty_text_goes_out_as_no_octets() -> None:
    assert fitted(SnmpAdminString, "") == ("octet", "")


def test_a_value_is_found_by_name_also_within_a_record_that_may_be_absent() -> None:
    vs = service("192.0.2.10", 443, server(), counters=traffic(10))
    assert at("port")(vs) == 443
    assert at("counters.out_bytes")(vs) == 14
    assert at("rates.out_bytes")(vs) is None
    assert at("persist_timeout")(vs) is None


class Named(int):
    """An integer whose text is a name, as for members of an IntEnum before Python 3.11."""

    def __str__(self) -> str:
        return "Named"


def test_a_member_of_an_enumeration_is_its_number() -> None:
    assert fitted(Enumeration, Named(4)) == ("integer", "4")
