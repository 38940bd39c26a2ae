# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of lost rows, and ages; the expected values follow RFC 2579 and RFC 4001."""

from __future__ import annotations

import time
from typing import Dict, Tuple

import pytest

from lvs_agent.mib.lookup import MibTree
from lvs_agent.mib.lvs import tree
from lvs_agent.mib.smi import Oid
from lvs_agent.snapshot import LostRow, Snapshot
from tests.support.builders import director, server, service, snapshot
from tests.support.lvsmib import TABLE_OF, place, split
from tests.support.snmpd import numbers
from tests.support.words import said

WEB = (1, 4, 192, 0, 2, 10, 6, 443)
GONE_RS = (*WEB, 1, 4, 192, 168, 0, 7, 8080)
GONE_VS = (1, 4, 192, 0, 2, 99, 6, 80)
GONE_MARK = (2, 16, *(0,) * 16, 0, 7)
NOW = 1795914600.0  # 2026-11-29 01:10:00 UTC


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


def walked(look: Snapshot, table: str) -> Dict[Tuple[str, Oid], str]:
    found = {split(numbers(each.oid)): said(each) for each in tree(look, 0.0).walk()}
    return {key: value for key, value in found.items() if TABLE_OF.get(key[0]) == table}


def test_a_lost_service_has_a_row() -> None:
    assert walked(director(), "lvsLostVsTable") == {
        ("lvsLostVsName", GONE_VS): "string TCP 192.0.2.99:80",
        ("lvsLostVsName", GONE_MARK): "string FWM 7 IPv6",
        ("lvsLostVsAlias", GONE_VS): "string shop",
        ("lvsLostVsAlias", GONE_MARK): "octet ",
        ("lvsLostVsLastSeen", GONE_VS): "octet 07 ea 0b 1d 00 00 00 00 2b 00 00",
        ("lvsLostVsSince", GONE_VS): "octet 07 ea 0b 1d 00 01 00 00 2b 00 00",
        ("lvsLostVsSince", GONE_MARK): "octet 07 ea 0b 1d 00 01 00 00 2b 00 00",
        ("lvsLostVsAge", GONE_VS): "gauge 4140",
        ("lvsLostVsAge", GONE_MARK): "gauge 4140",
    }


def test_a_lost_server_has_a_row() -> None:
    assert walked(director(), "lvsLostRsTable") == {
        ("lvsLostRsName", GONE_RS): "string TCP 192.0.2.10:443 -> 192.168.0.7:8080",
        ("lvsLostRsAlias", GONE_RS): "string web",
        ("lvsLostRsLastSeen", GONE_RS): "octet 07 ea 0b 1d 01 00 00 00 2b 00 00",
        ("lvsLostRsSince", GONE_RS): "octet 07 ea 0b 1d 01 05 00 05 2b 00 00",
        ("lvsLostRsAge", GONE_RS): "gauge 299",
    }


def value(objects: MibTree, name: str, *instance: int) -> str:
    found = objects.get(place(name, *instance))
    assert found is not None
    return said(found)


def test_an_age_is_that_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = tree(director(), 0.0)
    assert value(objects, "lvsLostRsAge", *GONE_RS) == "gauge 299"
    monkeypatch.setattr(time, "time", lambda: NOW + 60)
    assert value(objects, "lvsLostRsAge", *GONE_RS) == "gauge 359"


@pytest.mark.parametrize("back", [1.0, 1e9])
def test_an_age_is_0_when_the_clock_was_set_back(
    monkeypatch: pytest.MonkeyPatch, back: float
) -> None:
    look = snapshot(
        service("192.0.2.10", 443, server("192.168.0.1", 80, changed=NOW), changed=NOW),
        lost=[LostRow("TCP 192.0.2.10:443", "192.168.0.7:8080", NOW, NOW)],
    )
    monkeypatch.setattr(time, "time", lambda: NOW - back)
    objects = tree(look, 0.0)
    assert value(objects, "lvsVsStateAge", *WEB) == "gauge 0"
    assert value(objects, "lvsRsStateAge", *WEB, 1, 4, 192, 168, 0, 1, 80) == "gauge 0"
    assert value(objects, "lvsLostRsAge", *GONE_RS) == "gauge 0"


def test_an_age_that_does_not_fit_saturates() -> None:
    look = snapshot(lost=[LostRow("TCP 192.0.2.99:80", "", None, NOW - 2.0**33)])
    assert value(tree(look, 0.0), "lvsLostVsAge", *GONE_VS) == "gauge 4294967295"


def test_what_never_changed_has_neither_a_time_nor_an_age() -> None:
    objects = tree(snapshot(service("192.0.2.10", 443)), 0.0)
    for name in ("lvsVsLastChange", "lvsVsStateAge", "lvsVsRealServersLost"):
        assert objects.get(place(name, *WEB)) is None
