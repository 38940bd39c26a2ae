# SPDX-License-Identifier: GPL-3.0-or-later
"""The aliases of services and real servers in the output of lvs-agent check."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest

from lvs_agent.codes import Source
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import Director, LostRow, Snapshot
from tests.support import builders, fakes
from tests.support.fakes import Request
from tests.support.plugin import CRITICAL, OK, WARNING, Said, check

SHOP, MAIL = "TCP 192.0.2.10:443", "TCP 192.0.2.10:25"
EVER = ("--age", "999999")


def shop(*weights: int, **values: object) -> VirtualService:
    """Return a service named shop, with servers named web1, web2 and so on."""
    servers = [
        builders.server(f"192.168.0.{host}", weight=weight, alias=f"web{host}")
        for host, weight in enumerate(weights, 1)
    ]
    return builders.service("192.0.2.10", 443, *servers, **{"alias": "shop", **values})


def look(*services: VirtualService, lost: List[LostRow]) -> Snapshot:
    of_services = sum(not row.server for row in lost)
    return builders.snapshot(
        *services,
        source=Source.NETLINK,
        director=Director(estimation=True),
        lost=lost,
        lost_services=of_services,
        lost_servers=len(lost) - of_services,
    )


def checked(conf: Path, snapshot: Snapshot, *words: str) -> Said:
    with fakes.running(snapshot, fakes.honest) as fake:
        return check(fake.address, conf, *words, *EVER)


def test_an_alias_follows_the_name_and_labels_stay(conf: Path) -> None:
    lost = [LostRow(SHOP, "192.168.0.9:8080", None, 0.0, "web9")]
    said = checked(conf, look(shop(1, 0, lost=1), lost=lost), SHOP)
    assert said[:2] == (
        WARNING,
        f"LVS WARNING - {SHOP} (shop): 1 of 3 real servers up, 1 lost: 192.168.0.9:8080 (web9),"
        " weight 0: 192.168.0.2:8080 (web2)",
    )
    assert said.data[f"{SHOP} up"] == "1;3:;1:;0;3"
    assert not [label for label in said.data if "shop" in label]


def test_lists_of_services_have_aliases(conf: Path) -> None:
    lost = [LostRow(MAIL, "", None, 0.0, "mail"), LostRow("TCP 192.0.2.10:26", "", None, 0.0)]
    snapshot = look(shop(1), builders.service("192.0.2.11", 80, builders.server()), lost=lost)
    said = checked(conf, snapshot, "-v")
    assert said.line == (f"LVS CRITICAL - 2 of 4 services lost: {MAIL} (mail), TCP 192.0.2.10:26")
    assert said.more[1:] == [
        f"{SHOP} (shop): 1 of 1 real servers up",
        "TCP 192.0.2.11:80: 1 of 1 real servers up",
        f"{MAIL} (mail): lost",
        "TCP 192.0.2.10:26: lost",
    ]


def test_a_lost_service_has_its_alias(conf: Path) -> None:
    snapshot = look(shop(1), lost=[LostRow(MAIL, "", None, 0.0, "mail")])
    said = checked(conf, snapshot, MAIL)
    assert said[:2] == (CRITICAL, f"LVS CRITICAL - {MAIL} (mail): lost")


@pytest.mark.parametrize(
    ("alias", "shown"), [("a|b=1", "a/b=1"), ("it's 50%: ä", "it's 50%: ä"), ("a\nb", "a?b")]
)
def test_an_alias_stays_in_its_text(conf: Path, alias: str, shown: str) -> None:
    said = checked(conf, look(shop(1, alias=alias), lost=[]), SHOP)
    assert said[:2] == (OK, f"LVS OK - {SHOP} ({shown}): 1 of 1 real servers up")
    assert f"{SHOP} up" in said.data


def test_an_agent_without_aliases_is_checked_as_before(conf: Path) -> None:
    def older(request: Request) -> List[bytes]:
        aliases = {(21, 1, 29), (22, 1, 28), (28, 1, 2), (31, 1, 2)}
        for oid in [oid for oid in request.values if oid[8:11] in aliases]:
            del request.values[oid]
        return [*fakes.honest(request)]

    snapshot = look(shop(1, 0, lost=1), lost=[LostRow(SHOP, "192.168.0.9:80", None, 0.0, "web9")])
    with fakes.running(snapshot, older) as fake:
        said = check(fake.address, conf, SHOP, *EVER)
    assert said.line == (
        f"LVS WARNING - {SHOP}: 1 of 3 real servers up, 1 lost: 192.168.0.9:80,"
        " weight 0: 192.168.0.2:8080"
    )
