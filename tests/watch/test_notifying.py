# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of notifications, which are those of the tables."""

from __future__ import annotations

from typing import Dict, List, Tuple

import pytest

from lvs_agent.codes import Status
from lvs_agent.mib import smi
from lvs_agent.mib.notifications import NOTIFICATIONS
from lvs_agent.watch import notifying
from lvs_agent.watch.events import Change, Event, Kind
from tests.support import builders
from tests.support.looked import lost, service, snapshot
from tests.support.lvsmib import BASE, oid

VS, RS = "TCP 192.0.2.1:80", "10.0.0.2:80"
VS_AT, RS_AT = (1, 4, 192, 0, 2, 1, 6, 80), (1, 4, 10, 0, 0, 2, 80)
DIRECTOR = snapshot(
    service(1, 1, 0, 1, alias="shop"), lost=[lost(2), lost(1, 9)], status=Status.DEGRADED, text="é"
)
# 2026-11-29 00:01:00.0 +0:0 of lost() as the octets of DateAndTime
SINCE = "07ea0b1d000100002b0000"


def sent(kind: Kind, service: str = "", server: str = "", text: str = "") -> List[str]:
    (words,) = notifying.notifications([Event(Change(kind, service, server), text, 3)], DIRECTOR)
    return words


def objects(words: List[str]) -> Dict[str, Tuple[str, str]]:
    return {words[at]: (words[at + 1], words[at + 2]) for at in range(1, len(words), 3)}


VS_VALUES = {
    oid("lvsVsName", *VS_AT): ("s", VS),
    oid("lvsVsAlias", *VS_AT): ("s", "shop"),
    oid("lvsVsRealServers", *VS_AT): ("u", "3"),
    oid("lvsVsRealServersUp", *VS_AT): ("u", "2"),
}
RS_VALUES = {
    oid("lvsRsFullName", *VS_AT, *RS_AT): ("s", f"{VS} -> {RS}"),
    oid("lvsRsAlias", *VS_AT, *RS_AT): ("s", ""),
    oid("lvsVsRealServersUp", *VS_AT): ("u", "2"),
    oid("lvsVsRealServers", *VS_AT): ("u", "3"),
}


@pytest.mark.parametrize(
    ("kind", "number"),
    [(Kind.SERVICE_DOWN, 1), (Kind.SERVICE_UP, 2), (Kind.SERVICE_FOUND, 4)],
)
def test_of_a_service(kind: Kind, number: int) -> None:
    words = sent(kind, VS)
    assert (words[0], objects(words)) == (f"{BASE}.0.{number}", VS_VALUES)


@pytest.mark.parametrize(
    ("kind", "number"), [(Kind.SERVER_DOWN, 5), (Kind.SERVER_UP, 6), (Kind.SERVER_FOUND, 8)]
)
def test_of_a_server(kind: Kind, number: int) -> None:
    words = sent(kind, VS, RS)
    assert (words[0], objects(words)) == (f"{BASE}.0.{number}", RS_VALUES)


def test_of_a_lost_service() -> None:
    at = (1, 4, 192, 0, 2, 2, 6, 80)
    words = sent(Kind.SERVICE_LOST, "TCP 192.0.2.2:80")
    assert words[0] == f"{BASE}.0.3"
    assert objects(words) == {
        oid("lvsLostVsName", *at): ("s", "TCP 192.0.2.2:80"),
        oid("lvsLostVsAlias", *at): ("s", ""),
        oid("lvsLostVsSince", *at): ("x", SINCE),
    }


def test_of_a_lost_server() -> None:
    at = (*VS_AT, 1, 4, 10, 0, 0, 9, 80)
    words = sent(Kind.SERVER_LOST, VS, "10.0.0.9:80")
    assert words[0] == f"{BASE}.0.7"
    assert objects(words) == {
        oid("lvsLostRsName", *at): ("s", f"{VS} -> 10.0.0.9:80"),
        oid("lvsLostRsAlias", *at): ("s", ""),
        oid("lvsLostRsSince", *at): ("x", SINCE),
        oid("lvsVsRealServersUp", *VS_AT): ("u", "2"),
    }


def test_of_the_status() -> None:
    words = sent(Kind.AGENT_STATUS)
    assert words[0] == f"{BASE}.0.9"
    assert objects(words) == {
        oid("lvsAgentStatus", 0): ("i", "7"),
        oid("lvsAgentStatusText", 0): ("s", "é"),
    }


def test_of_a_summary() -> None:
    words = sent(Kind.SUMMARY, text="2 services\nlost" + "é" * 200)
    assert words[0] == f"{BASE}.0.10"
    text = objects(words)[f"{BASE}.32.0"][1]
    assert text.startswith("2 services?lost")
    assert len(text.encode()) <= smi.MAX_TEXT_BYTES
    assert objects(words)[oid("lvsAgentStatus", 0)] == ("i", "7")


def test_every_notification_is_of_one_kind() -> None:
    numbers = {words[0] for words in (sent(kind, VS, RS) for kind in Kind)}
    assert numbers == {f"{BASE}.0.{each.number}" for each in NOTIFICATIONS}


def test_of_firewall_marks_and_ipv6() -> None:
    server = builders.server("2001:db8::1", 0, weight=0)
    director = snapshot(builders.fwmark(5, server, family=6))
    change = Change(Kind.SERVER_DOWN, "FWM 5 IPv6", "[2001:db8::1]:0")
    (words,) = notifying.notifications([Event(change, "", 4)], director)
    address = (0x20, 1, 0x0D, 0xB8, *([0] * 11), 1)
    at = (2, 16, *([0] * 16), 0, 5)
    name = objects(words)[oid("lvsRsFullName", *at, 2, 16, *address, 0)]
    assert name == ("s", "FWM 5 IPv6 -> [2001:db8::1]:0")
    assert objects(words)[oid("lvsVsRealServersUp", *at)] == ("u", "0")
