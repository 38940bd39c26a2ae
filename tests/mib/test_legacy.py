# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of the LVS-MIB of 2001: what was published then, and the values served there now."""

from __future__ import annotations

import csv
import re
from typing import Any, Dict, Optional

import pytest

from lvs_agent.codes import Family, IpProtocol, Source, Status, SyncState
from lvs_agent.mib import lvs
from lvs_agent.snapshot import Snapshot, SyncDaemon, Traffic
from tests.support.builders import director, fwmark, server, service, snapshot, traffic
from tests.support.mibs import INDEX_NAMES, MIB, Object, compiled, of_code, of_file
from tests.support.paths import DATA
from tests.support.snmpd import numbers
from tests.support.words import said

with (DATA / "original-mib.tsv").open(encoding="utf-8") as table:
    ORIGINAL = {line["name"]: line for line in csv.DictReader(table, delimiter="\t")}

OBJECTS = of_code(*lvs.objects())

# What a value is on the wire, RFC 2578 and RFC 2579: a poller sees no other difference
WIRE = {
    "INTEGER": "INTEGER",
    "Integer32": "INTEGER",
    "TimeInterval": "INTEGER",
    "OCTET STRING": "OCTET STRING",
    "SnmpAdminString": "OCTET STRING",
    "IpAddress": "IpAddress",
    "Counter32": "Counter32",
    "Counter64": "Counter64",
    "Gauge32": "Gauge32",
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Any]:
    return compiled(MIB, tmp_path_factory.mktemp("mib"))


def below(objects: Dict[str, Object]) -> Dict[str, Object]:
    """Those up to .18, where the objects of 2001 were."""
    place = len(lvs.LVS)
    return {name: part for name, part in objects.items() if int(part.oid.split(".")[place]) <= 18}


def cell(look: Snapshot, *oid: int) -> Optional[str]:
    """An instance as its type and value; None if it is not there."""
    found = lvs.tree(look, 0.0).get(oid)
    return None if found is None else said(found)


def test_names_are_those_of_2001_none_more_and_none_less(loaded: Dict[str, Any]) -> None:
    assert set(below(OBJECTS)) == set(ORIGINAL)
    assert set(below(of_file(loaded))) == set(ORIGINAL)


@pytest.mark.parametrize("name", ORIGINAL)
def test_an_object_of_2001_is_where_it_was_and_as_readable(name: str) -> None:
    assert OBJECTS[name].oid == ORIGINAL[name]["OID"]
    assert OBJECTS[name].access == ORIGINAL[name]["ACCESS"]
    index = re.findall(r"lvs\w+", ORIGINAL[name]["INDEX"])
    assert OBJECTS[name].index == tuple(INDEX_NAMES[part] for part in index)


@pytest.mark.parametrize(
    "name", [name for name in ORIGINAL if not name.endswith(("Table", "Entry"))]
)
def test_a_value_of_2001_has_the_type_it_had_on_the_wire(name: str) -> None:
    (then,) = (syntax for syntax in WIRE if ORIGINAL[name]["SYNTAX"].startswith(syntax))
    assert WIRE[OBJECTS[name].syntax] == WIRE[then]


@pytest.mark.parametrize("name", ["lvsDaemonState", "lvsServiceProto", "lvsRealServerFlags"])
def test_the_numbers_that_had_names_have_the_same(name: str, loaded: Dict[str, Any]) -> None:
    then = {
        label: int(number)
        for label, number in re.findall(r"(\w+)\((-?\d+)\)", ORIGINAL[name]["SYNTAX"])
    }
    now = loaded[name]["syntax"]["constraints"]["enumeration"]
    assert len(then) >= 3
    assert {label: now[label] for label in then} == then


@pytest.mark.parametrize("name", [name for name in ORIGINAL if "TimeOut" in name])
def test_timeouts_say_that_they_are_in_seconds(name: str, loaded: Dict[str, Any]) -> None:
    assert loaded[name]["units"] == "seconds"


def test_the_index_is_the_number_that_the_tables_by_address_show() -> None:
    look = director()
    tree = lvs.tree(look, 0.0)
    number = tree.get((21, 1, 27, 1, 4, 192, 0, 2, 10, 6, 443))
    assert number is not None
    assert cell(look, 17, 1, 1, int(number.value)) == f"integer {number.value!s}"
    server_number = tree.get((22, 1, 25, 1, 4, 192, 0, 2, 10, 6, 443, 1, 4, 192, 168, 0, 2, 8080))
    assert server_number is not None
    instance = (int(number.value), int(server_number.value))
    assert cell(look, 18, 1, 1, *instance) == f"integer {number.value!s}"
    assert cell(look, 18, 1, 2, *instance) == f"integer {server_number.value!s}"
    assert cell(look, 18, 1, 3, *instance) == "ipaddress 192.168.0.2"


def test_a_row_of_each_table_and_the_scalars() -> None:
    shown = {numbers(v.oid): said(v) for v in lvs.tree(director(), 0.0).walk()}
    assert {oid: value for oid, value in shown.items() if oid[0] < 17} == {
        (1, 0): "string 1.2.1",
        (2, 0): "integer 5",
        (3, 0): "integer 4096",
        (4, 0): "integer 900",
        (5, 0): "integer 120",
        (6, 0): "integer 300",
        (7, 0): "integer 1",
        (8, 0): "string eth1",
    }
    assert {oid[2]: value for oid, value in shown.items() if oid[0] == 17 and oid[3] == 1} == {
        1: "integer 1",
        2: "string wlc",
        3: "integer 6",
        4: "ipaddress 192.0.2.10",
        5: "integer 443",
        6: "integer 0",
        7: "integer 360",
        8: "ipaddress 255.255.255.0",
        9: "integer 3",
        **{10 + place: f"counter {1000 + place}" for place in range(3)},
        **{13 + place: f"counter64 {1003 + place}" for place in range(2)},
        **{15 + place: f"gauge {1010 + place}" for place in range(5)},
    }
    assert {oid[2]: v for oid, v in shown.items() if oid[0] == 18 and oid[3:] == (1, 2)} == {
        1: "integer 1",
        2: "integer 2",
        3: "ipaddress 192.168.0.2",
        4: "integer 8080",
        5: "integer 2",
        6: "integer 200",
        **{7 + place: f"counter {210 + place}" for place in range(3)},
        **{10 + place: f"counter64 {213 + place}" for place in range(2)},
        **{12 + place: f"gauge {220 + place}" for place in range(5)},
    }


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, 0), (2**32 - 1, 2**32 - 1), (2**32, 0), (2**32 + 5, 5), (2**64 - 1, 2**32 - 1)],
)
def test_a_counter32_is_the_kernels_value_modulo_2_32(count: int, shown: int) -> None:
    five = Traffic(*[count] * 5)
    rs = server(counters=five, number=1)
    look = snapshot(
        service("192.0.2.10", 443, rs, counters=five, number=1, counter_offset=traffic(9))
    )
    for column in (10, 11, 12):
        assert cell(look, 17, 1, column, 1) == f"counter {shown}"
        assert cell(look, 18, 1, column - 3, 1, 1) == f"counter {shown}"
    for column in (13, 14):
        assert cell(look, 17, 1, column, 1) == f"counter64 {count}"
        assert cell(look, 18, 1, column - 3, 1, 1) == f"counter64 {count}"


@pytest.mark.parametrize(
    ("protocol", "shown"), [(6, 6), (IpProtocol.UDP, 17), (IpProtocol.SCTP, 132)]
)
def test_protocols_are_numbered_by_the_iana(protocol: int, shown: int) -> None:
    look = snapshot(service(protocol=protocol, number=1))
    assert cell(look, 17, 1, 3, 1) == f"integer {shown}"


def test_a_firewall_mark_has_protocol_and_port_minus_1_and_no_address() -> None:
    look = snapshot(fwmark(5, number=1, netmask="255.255.255.255"))
    assert [cell(look, 17, 1, column, 1) for column in range(3, 9)] == [
        "integer -1",
        None,
        "integer -1",
        "integer 5",
        None,
        "ipaddress 255.255.255.255",
    ]


@pytest.mark.parametrize(("mark", "shown"), [(2**31 - 1, 2**31 - 1), (2**32 - 1, 2**31 - 1)])
def test_a_mark_too_large_for_the_column_is_its_largest_value(mark: int, shown: int) -> None:
    assert cell(snapshot(fwmark(mark, number=1)), 17, 1, 6, 1) == f"integer {shown}"


@pytest.mark.parametrize(("weight", "shown"), [(0, 0), (65535, 65535), (65536, 65535)])
def test_a_weight_too_large_for_the_column_is_its_largest_value(weight: int, shown: int) -> None:
    look = snapshot(service("192.0.2.10", 443, server(weight=weight, number=1), number=1))
    assert cell(look, 18, 1, 6, 1, 1) == f"integer {shown}"


@pytest.mark.parametrize(
    "vs",
    [service("2001:db8::1", 80, netmask="64", number=1), fwmark(5, family=Family.INET6, number=1)],
)
def test_ipv6_services_have_a_row_without_the_ipv4_columns(vs: Any) -> None:
    look = snapshot(vs)
    assert (cell(look, 17, 1, 4, 1), cell(look, 17, 1, 8, 1)) == (None, None)
    assert cell(look, 17, 1, 1, 1) == "integer 1"


def test_an_ipv6_server_has_a_row_without_its_address() -> None:
    rs = server("2001:db8:1::1", 80, number=4)
    look = snapshot(service("192.0.2.10", 80, rs, number=1))
    assert [cell(look, 18, 1, column, 1, 4) for column in (2, 3, 4)] == [
        "integer 4",
        None,
        "integer 80",
    ]


def test_rows_without_a_number_are_left_out_with_their_servers() -> None:
    numbered = service("192.0.2.2", 80, server(), server("192.168.0.2", number=7), number=3)
    look = snapshot(service("192.0.2.1", 80, server(number=1)), numbered)
    walked = [numbers(v.oid) for v in lvs.tree(look, 0.0).walk()]
    assert {oid[3:] for oid in walked if oid[0] == 17} == {(3,)}
    assert {oid[3:] for oid in walked if oid[0] == 18} == {(3, 7)}


@pytest.mark.parametrize(
    ("daemons", "state", "interface"),
    [
        ([], "integer 0", "octet "),
        ([(SyncState.MASTER, "eth1")], "integer 1", "string eth1"),
        ([(SyncState.BACKUP, "eth2")], "integer 2", "string eth2"),
        ([(SyncState.BACKUP, "eth2"), (SyncState.MASTER, "eth1")], "integer 1", "string eth1"),
        ([(SyncState.MASTER, "eth1"), (SyncState.BACKUP, "eth2")], "integer 1", "string eth1"),
    ],
)
def test_of_two_sync_daemons_the_master_is_shown(daemons: Any, state: str, interface: str) -> None:
    look = snapshot(
        daemons=[SyncDaemon(which, name, 1) for which, name in daemons], source=Source.NETLINK
    )
    assert (cell(look, 7, 0), cell(look, 8, 0)) == (state, interface)


def test_what_the_agent_may_not_ask_the_kernel_has_no_instance() -> None:
    look = snapshot(service(number=1), source=Source.PROCFS, status=Status.NO_STATISTICS)
    assert [cell(look, number, 0) for number in (4, 5, 6, 7, 8)] == [None] * 5
    assert cell(look, 2, 0) == "integer 1"


def test_without_any_snapshot_nothing_is_said_of_the_director() -> None:
    look = snapshot(source=Source.NONE, status=Status.NO_COLLECTOR)
    assert [cell(look, number, 0) for number in range(1, 9)] == [None] * 8
