# SPDX-License-Identifier: GPL-3.0-or-later
"""Names as ipvsadm -n prints them, and the keys of the same rows."""

from __future__ import annotations

import pytest

from lvs_agent.names import ServerKey, ServiceKey, server_key, service_key
from tests.support.builders import director, farm

V4 = bytes([192, 0, 2, 10])
V6 = bytes.fromhex("20010db8000000000000000000000010")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("TCP 192.0.2.10:443", (4, V4, 6, 443)),
        ("UDP 192.0.2.10:0", (4, V4, 17, 0)),
        ("SCTP [2001:db8::10]:65535", (6, V6, 132, 65535)),
        ("IP33 192.0.2.10:80", (4, V4, 33, 80)),
        ("IP65535 192.0.2.10:80", (4, V4, 65535, 80)),
        ("FWM 5", (4, bytes(4), 0, 5)),
        ("FWM 4294967295 IPv6", (6, bytes(16), 0, 2**32 - 1)),
    ],
)
def test_the_name_of_a_service_stands_for_its_key(name: str, key: ServiceKey) -> None:
    assert service_key(name) == key


@pytest.mark.parametrize(
    ("name", "key"), [("192.0.2.10:80", (4, V4, 80)), ("[2001:db8::10]:0", (6, V6, 0))]
)
def test_the_name_of_a_server_stands_for_its_key(name: str, key: ServerKey) -> None:
    assert server_key(name) == key


def test_the_names_of_records_stand_for_their_keys() -> None:
    for service in [*director().services, *farm()]:
        assert service_key(service.name) == service.key
        for server in service.real_servers:
            assert server_key(server.name) == server.key


@pytest.mark.parametrize(
    "name",
    [
        "",
        "TCP",
        "TCP ",
        "TCP 192.0.2.10",
        "tcp 192.0.2.10:443",
        "HTTP 192.0.2.10:443",
        "TCP 192.0.2.10:65536",
        "TCP 192.0.2.10:-1",
        "TCP 192.0.2.10:٣",
        "TCP 192.0.2.10:443\n",
        "TCP 192.0.2.256:443",
        "TCP [192.0.2.10]:443",
        "TCP 2001:db8::10:443",
        "TCP [2001:db8::10%eth0]:443",
        "TCP 192.0.2.10:443 -> 192.168.0.1:80",
        "IP65536 192.0.2.10:80",
        "IP 192.0.2.10:80",
        "FWM",
        "FWM -1",
        "FWM 4294967296",
        "FWM 5 ipv6",
        "FWM 192.0.2.10:80",
        "TCP \0:1",
        "TCP \ud800:1",
        "9" * 5000,
    ],
)
def test_another_text_is_no_name_of_a_service(name: str) -> None:
    with pytest.raises(ValueError, match=r"^(not|above|embedded|'utf-8') "):
        service_key(name)
