# SPDX-License-Identifier: GPL-3.0-or-later
"""Object identifiers in configurations, as net-snmp's own snmptranslate reads them."""

from __future__ import annotations

import subprocess
from typing import Optional

import pytest

from lvs_agent.mib.lvs import LVS
from lvs_agent.mib.smi import Oid
from lvs_agent.netsnmp import oids
from tests.support import mibs

WRITTEN = [
    ".1.3.6.1.4.1.8225",
    "1.3.6.1.4.1.8225.4711",
    "iso.3.6.1",
    ".iso.org.dod.internet.private.enterprises.8225.4711",
    "enterprises.8225",
    "SNMPv2-SMI::enterprises.8225.4711",
    "system",
    "mib-2",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_an_oid_is_what_net_snmp_takes_it_for(text: str) -> None:
    found = [] if text.strip(".")[0].isdigit() else ["-IR"]
    command = ["snmptranslate", "-On", *found, "-M", str(mibs.IETF), "-m", "SNMPv2-MIB", text]
    done = subprocess.run(command, text=True, capture_output=True, check=True)
    assert oids.parse(text) == tuple(map(int, done.stdout.strip().strip(".").split(".")))


@pytest.mark.parametrize("text", ["", ".", "other", "1.3.other", "1..3", "enterprises.x", "1.-3"])
def test_what_is_none(text: str) -> None:
    assert oids.parse(text) is None


@pytest.mark.parametrize(
    ("oid", "related"),
    [
        ((1, 3), True),
        (LVS, True),
        ((*LVS, 26), True),
        ((*LVS[:-1], 4712), False),
        ((1, 3, 6, 1, 2), False),
    ],
)
def test_above_and_below_are_related(oid: Oid, related: bool) -> None:
    assert oids.related(oid, LVS) is related
    assert oids.related(LVS, oid) is related


def test_the_subtree_is_the_mibs() -> None:
    parsed: Optional[Oid] = oids.parse(oids.SUBTREE)
    assert parsed == LVS
