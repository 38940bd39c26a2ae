# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of services and servers, and the instances of their rows."""

from __future__ import annotations

from typing import List, Tuple

import pytest

from lvs_agent.codes import Family, IpProtocol
from lvs_agent.mib.smi import Oid
from lvs_agent.pollers import naming
from lvs_agent.pollers.naming import RIP, VIP, AddressRow, NamingError, Service

HTTPS = Service(Family.INET, "192.0.2.10", IpProtocol.TCP, 443)


def test_a_service_without_a_port_is_what_all_of_them_begin_with() -> None:
    every = Service(Family.INET, "192.0.2.10", IpProtocol.TCP, None)
    assert str(every) == "TCP 192.0.2.10"
    assert naming.service_of(every.instance) == every
    assert HTTPS.instance[: len(every.instance)] == every.instance
    assert str(Service(Family.INET6, "2001:db8::1", IpProtocol.UDP, None)) == "UDP [2001:db8::1]"


BROKEN: List[Tuple[int, ...]] = [
    (),
    (1,),
    (3, 4, 192, 0, 2, 10, 6, 443),
    (1, 16, 192, 0, 2, 10, 6, 443),
    (1, 4, 192, 0, 2),
    (1, 4, 192, 0, 2, 256, 6, 443),
    (1, 4, 192, 0, 2, 10),
    (1, 4, 192, 0, 2, 10, 65536, 443),
    (1, 4, 192, 0, 2, 10, 6, 65536),
    (1, 4, 192, 0, 2, 10, 6, 443, 1, 4, 192, 168, 0, 1),
    (1, 4, 192, 0, 2, 10, 6, 443, 1, 4, 192, 168, 0, 1, 8080, 1),
]


@pytest.mark.parametrize("instance", BROKEN)
def test_what_is_no_instance_is_said_to_be_none(instance: Oid) -> None:
    with pytest.raises(NamingError, match="not an instance of lvsVsTable or lvsRsTable"):
        naming.row_of(instance)


ADDRESSES = {
    "VIP 192.0.2.10": (VIP, "lvsVip", (1, 4, 192, 0, 2, 10)),
    "RIP [2001:db8:1::1]": (
        *(RIP, "lvsRip"),
        (2, 16, 0x20, 1, 0x0D, 0xB8, 0, 1, *[0] * 9, 1),
    ),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_and_its_instance_are_the_same(name: str) -> None:
    kind, table, instance = ADDRESSES[name]
    row = naming.address_row_of(kind, instance)
    assert (str(row), row.table, row.instance) == (name, table, instance)


VIP_ROW = AddressRow(VIP, Family.INET, "192.0.2.10").instance


@pytest.mark.parametrize("instance", [each for each in BROKEN if each != VIP_ROW])
def test_what_is_no_address_is_said_to_be_none(instance: Oid) -> None:
    with pytest.raises(NamingError, match="not an instance of lvsVipTable"):
        naming.address_row_of(VIP, instance)
