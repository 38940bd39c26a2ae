# SPDX-License-Identifier: GPL-3.0-or-later
"""Every value served is one that the MIB file allows, even for the kernel's extreme values."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest

from lvs_agent.codes import Forwarding, Status, SyncState
from lvs_agent.collector.history import History
from lvs_agent.kernel.recording import ReplayedKernel
from lvs_agent.kernel.survey import Survey
from lvs_agent.mib import lvs
from lvs_agent.services import Traffic
from lvs_agent.snapshot import Cpu, Director, LostRow, Snapshot, SyncDaemon
from tests.support.builders import director, fwmark, server, service, snapshot
from tests.support.mibs import MIB, compiled
from tests.support.recorded import DIRECTORS
from tests.support.snmpd import numbers
from tests.support.words import words

pytestmark = pytest.mark.xdist_group("limits")

# RFC 2578, RFC 2579, RFC 3411 and RFC 4001
RANGES = {
    "Integer32": (-(2**31), 2**31 - 1),
    "INTEGER": (-(2**31), 2**31 - 1),
    "Unsigned32": (0, 2**32 - 1),
    "Gauge32": (0, 2**32 - 1),
    "Counter32": (0, 2**32 - 1),
    "Counter64": (0, 2**64 - 1),
    "TimeStamp": (0, 2**32 - 1),
    "TruthValue": (1, 2),
    "InetAddressType": (0, 16),
    "InetAddressPrefixLength": (0, 2040),
    "InetPortNumber": (0, 65535),
}
KEYWORDS = {
    **dict.fromkeys(["Integer32", "INTEGER", "TruthValue", "InetAddressType"], "integer"),
    **dict.fromkeys(["Unsigned32", "Gauge32", "InetPortNumber"], "gauge"),
    "InetAddressPrefixLength": "gauge",
    "Counter32": "counter",
    "Counter64": "counter64",
    "TimeStamp": "timeticks",
    "DateAndTime": "octet",
    "IpAddress": "ipaddress",
    "InetAddress": "octet",
    "Bits": "octet",
    "SnmpAdminString": "string",
}


MOST = 2**32 - 1


def extreme() -> Snapshot:
    """Return a snapshot with the largest and the smallest values that kernel messages can hold."""
    most, none = Traffic(*[2**64 - 1] * 5), Traffic(*[0] * 5)
    largest: Dict[str, Any] = {
        "counters": most,
        "rates": most,
        "counter_offset": most,
        "number": 65535,
        "continuous_since": 1e9,
        "changed": 1e12,
    }
    smallest: Dict[str, Any] = {
        "counters": none,
        "rates": none,
        "counter_offset": none,
        "number": 1,
        "continuous_since": 0.0,
        "changed": -1e12,
    }
    high = server(
        "255.255.255.255",
        65535,
        **largest,
        forwarding=Forwarding.TUNNEL,
        weight=2**31 - 1,
        **dict.fromkeys(["upper_threshold", "lower_threshold"], MOST),
        **dict.fromkeys(["active_conns", "inact_conns", "persist_conns"], MOST),
        tunnel_type=2,
        tunnel_port=65535,
        tunnel_flags=65535,
    )
    low = server("0.0.0.0", 0, **smallest, weight=0, active_conns=0)
    return snapshot(
        fwmark(
            2**32 - 1,
            high,
            low,
            **largest,
            scheduler="x" * 16,
            flags=2**32 - 1,
            persist_timeout=2**32 - 1,
            netmask="255.255.255.255",
            persistence_engine="x" * 16,
            lost=MOST,
        ),
        service("0.0.0.0", 0, **smallest, scheduler="", netmask="0.0.0.0"),
        service("2001:db8::1", 65535, protocol=132, netmask="128"),
        took=1e9,
        text="x" * 1000,
        errors=2**40,
        lost_services=2**40,
        lost_servers=2**40,
        totals=most,
        total_rates=most,
        director=Director("x" * 300, MOST, MOST, MOST, MOST, True, 3, 3, 3),
        cpus=[Cpu(2**32 - 1, most)],
        daemons=[SyncDaemon(SyncState.MASTER, "x" * 15, 255, "ff02::1", 65535, 255, 65535)],
        lost=[
            LostRow("IP65535 [2001:db8::1]:65535", "[2001:db8::2]:65535", 1e12, -1e12),
            LostRow("FWM 4294967295 IPv6", "", -1e12, 1e12),
        ],
    )


def expired() -> Snapshot:
    look = extreme()
    look.status = Status.EXPIRED
    look.forget_measurements()
    return look


def replayed(folder: Path) -> Callable[[], Snapshot]:
    def take() -> Snapshot:
        look = Survey(ReplayedKernel(folder)).take()
        History(None).annotate(look)
        return look

    return take


LOOKS = [director, extreme, expired, snapshot, *map(replayed, DIRECTORS)]
IDS = ["director", "extreme", "expired", "empty", *(folder.name for folder in DIRECTORS)]


@pytest.fixture(scope="module")
def syntaxes(tmp_path_factory: pytest.TempPathFactory) -> List[Tuple[Tuple[int, ...], Any]]:
    """Return the OID and the syntax of each readable object of the MIB file."""
    loaded = compiled(MIB, tmp_path_factory.mktemp("mib"))
    return [
        (tuple(map(int, node["oid"].split("."))), node["syntax"])
        for node in loaded.values()
        if node.get("maxaccess") == "read-only"
    ]


def allows(syntax: Dict[str, Any], keyword: str, value: str) -> bool:
    constraints = syntax.get("constraints", {})
    if keyword == "octet" and not value:
        keyword = KEYWORDS[syntax["type"]]
    if keyword != KEYWORDS[syntax["type"]]:
        return False
    if keyword == "ipaddress":
        return True
    if keyword in ("octet", "string"):
        octets = bytes.fromhex(value) if keyword == "octet" else value.encode()
        if syntax["type"] == "DateAndTime":
            return len(octets) == 11
        if "bits" in syntax:
            spare = 8 * len(octets) - len(syntax["bits"])
            return len(octets) == 1 and not octets[0] & ((1 << spare) - 1)
        sizes = constraints.get("size", [{"min": 0, "max": 255}])
        return any(size["min"] <= len(octets) <= size["max"] for size in sizes)
    number = int(value)
    if "enumeration" in constraints:
        return number in constraints["enumeration"].values()
    lowest, highest = RANGES[syntax["type"]]
    (limits,) = constraints.get("range", [{"min": lowest, "max": highest}])
    return number in range(max(lowest, limits["min"]), min(highest, limits["max"]) + 1)


@pytest.mark.parametrize("look", LOOKS, ids=IDS)
def test_every_value_is_of_its_objects_syntax(
    look: Callable[[], Snapshot], syntaxes: List[Tuple[Tuple[int, ...], Any]]
) -> None:
    by_oid = dict(syntaxes)
    wrong = []
    for varbind in lvs.tree(look(), 0.0).walk():
        oid = (*lvs.LVS, *numbers(varbind.oid))
        (syntax,) = (by_oid[oid[:end]] for end in range(8, len(oid)) if oid[:end] in by_oid)
        if not allows(syntax, *words(varbind)):
            wrong.append(varbind)
    assert wrong == []


@pytest.mark.parametrize("look", LOOKS, ids=IDS)
def test_no_value_and_no_oid_is_longer_than_snmp_allows(look: Callable[[], Snapshot]) -> None:
    for varbind in lvs.tree(look(), 0.0).walk():
        oid = numbers(varbind.oid)
        assert len(lvs.LVS) + len(oid) <= 128
        assert all(0 <= part < 2**32 for part in oid)
        assert "\n" not in words(varbind)[1]


def test_a_full_director_shows_every_object(
    syntaxes: List[Tuple[Tuple[int, ...], Any]],
) -> None:
    walked = {(*lvs.LVS, *numbers(varbind.oid)) for varbind in lvs.tree(director(), 0.0).walk()}
    missing = [oid for oid, _syntax in syntaxes if not any(w[: len(oid)] == oid for w in walked)]
    assert missing == []
