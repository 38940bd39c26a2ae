# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as text; expected is the output of snmpget -On -m '' of net-snmp 5.9.3."""

from __future__ import annotations

from typing import Union

import pytest

from lvs_agent.mib import smi
from lvs_agent.mib.smi import Type, Varbind
from lvs_agent.mib.text import line

SIXTEEN = "00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F"
SIXTEEN_MORE = "10 11 12 13 14 15 16 17 18 19 1A 1B 1C 1D 1E 1F"


def printed(type_: Type, value: Union[int, bytes, str]) -> str:
    return line((1, 3, 6, 1), Varbind("4.1.0", type_, value))


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"", '""'),
        (b"\0", "Hex-STRING: 00 "),
        (b"abc", 'STRING: "abc"'),
        (b'a"b\\c', 'STRING: "a\\"b\\\\c"'),
        (b"\t\n\v\f\r ", 'STRING: "\t\n\v\f\r "'),
        (b"\x08a", "Hex-STRING: 08 61 "),
        (b"\x1f", "Hex-STRING: 1F "),
        (b"~ ", 'STRING: "~ "'),
        (b"\x7f", "Hex-STRING: 7F "),
        (b"\x80", "Hex-STRING: 80 "),
        (b"\xff", "Hex-STRING: FF "),
        (bytes(range(16)), f"Hex-STRING: {SIXTEEN} "),
        (bytes(range(17)), f"Hex-STRING: {SIXTEEN} \n10 "),
        (bytes(range(32)), f"Hex-STRING: {SIXTEEN} \n{SIXTEEN_MORE} "),
        (bytes(range(33)), f"Hex-STRING: {SIXTEEN} \n{SIXTEEN_MORE} \n20 "),
        (b"A" * 300, f'STRING: "{"A" * 300}"'),
    ],
)
def test_octets_are_text_if_all_of_them_print(octets: bytes, expected: str) -> None:
    assert printed(smi.Octets, octets) == f".1.3.6.1.4.1.0 = {expected}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", 'STRING: "plain"'),
        ('quo"te \\ ', 'STRING: "quo\\"te \\\\ "'),
        ("réglage", "Hex-STRING: 72 C3 A9 67 6C 61 67 65 "),
    ],
)
def test_text_is_printed_as_its_octets_are(text: str, expected: str) -> None:
    assert printed(smi.Text, text) == f".1.3.6.1.4.1.0 = {expected}"


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        (0, "(0) 0:00:00.00"),
        (1, "(1) 0:00:00.01"),
        (99, "(99) 0:00:00.99"),
        (100, "(100) 0:00:01.00"),
        (5999, "(5999) 0:00:59.99"),
        (6000, "(6000) 0:01:00.00"),
        (359999, "(359999) 0:59:59.99"),
        (360000, "(360000) 1:00:00.00"),
        (8639999, "(8639999) 23:59:59.99"),
        (8640000, "(8640000) 1 day, 0:00:00.00"),
        (17280000, "(17280000) 2 days, 0:00:00.00"),
        (4294967295, "(4294967295) 497 days, 2:27:52.95"),
    ],
)
def test_ticks_are_printed_as_time_too(ticks: int, expected: str) -> None:
    assert printed(smi.Ticks, ticks) == f".1.3.6.1.4.1.0 = Timeticks: {expected}"


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        (smi.Integer, -2147483648, "INTEGER: -2147483648"),
        (smi.Gauge, 4294967295, "Gauge32: 4294967295"),
        (smi.Count32, 4294967295, "Counter32: 4294967295"),
        (smi.Count64, 18446744073709551615, "Counter64: 18446744073709551615"),
        (smi.Address, "255.255.255.255", "IpAddress: 255.255.255.255"),
    ],
)
def test_other_values_are_printed_with_their_type(
    type_: Type, value: Union[int, str], expected: str
) -> None:
    assert printed(type_, value) == f".1.3.6.1.4.1.0 = {expected}"
