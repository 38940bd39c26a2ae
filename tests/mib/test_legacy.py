# SPDX-License-Identifier: GPL-3.0-or-later
"""The legacy objects: as published in 2001, and the values served there now."""

from __future__ import annotations

import csv
import re
from typing import Any, Dict, Optional, Set, Tuple

import pytest

from lvs_agent.codes import Family, IpProtocol, Source, Status, SyncState
from lvs_agent.mib import lvs
from lvs_agent.services import Traffic
from lvs_agent.snapshot import Snapshot, SyncDaemon
from tests.support.builders import director, fwmark, server, service, snapshot, traffic
from tests.support.lvsmib import PLACES, RATES_2001, TABLE_OF, place, split
from tests.support.mibs import INDEX_NAMES, MIB, Object, compiled, of_code, of_file
from tests.support.paths import DATA
from tests.support.snmpd import numbers
from tests.support.words import said

with (DATA / "original-mib.tsv").open(encoding="utf-8") as table:
    ORIGINAL = {line["name"]: line for line in csv.DictReader(table, delimiter="\t")}

OBJECTS = of_code(*lvs.objects())

# Types on the wire, by RFC 2578 and RFC 2579: pollers see no other difference
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
    """Return the legacy objects, which are those up to .18."""
    place = len(lvs.LVS)
    return {name: part for name, part in objects.items() if int(part.oid.split(".")[place]) <= 18}


def cell(look: Snapshot, name: str, *instance: int) -> Optional[str]:
    """Return an instance as type and value, or None if there is none."""
    found = lvs.tree(look, 0.0).get(place(name, *instance))
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
    web = (1, 4, 192, 0, 2, 10, 6, 443)
    number = tree.get(place("lvsVsNumber", *web))
    assert number is not None
    assert cell(look, "lvsServiceNumber", int(number.value)) == f"integer {number.value!s}"
    server_number = tree.get(place("lvsRsNumber", *web, 1, 4, 192, 168, 0, 2, 8080))
    assert server_number is not None
    instance = (int(number.value), int(server_number.value))
    assert cell(look, "lvsRealServiceNumber", *instance) == f"integer {number.value!s}"
    assert cell(look, "lvsRealServerNumber", *instance) == f"integer {server_number.value!s}"
    assert cell(look, "lvsRealServerAddr", *instance) == "ipaddress 192.168.0.2"


def test_a_row_of_each_table_and_the_scalars() -> None:
    shown: Dict[Tuple[int, ...], Dict[str, str]] = {}
    for varbind in lvs.tree(director(), 0.0).walk():
        name, instance = split(numbers(varbind.oid))
        if name in ORIGINAL:
            shown.setdefault(instance, {})[name] = said(varbind)
    assert shown[0,] == {
        "lvsVersion": "string 1.2.1",
        "lvsNumServices": "integer 5",
        "lvsHashTableSize": "integer 4096",
        "lvsTcpTimeOut": "integer 900",
        "lvsTcpFinTimeOut": "integer 120",
        "lvsUdpTimeOut": "integer 300",
        "lvsDaemonState": "integer 1",
        "lvsMcastInt": "string eth1",
    }
    assert shown[1,] == {
        "lvsServiceNumber": "integer 1",
        "lvsServiceSchedType": "string wlc",
        "lvsServiceProto": "integer 6",
        "lvsServiceAddr": "ipaddress 192.0.2.10",
        "lvsServicePort": "integer 443",
        "lvsServiceFWMark": "integer 0",
        "lvsServicePersistTimeout": "integer 360",
        "lvsServicePersistNetmask": "ipaddress 255.255.255.0",
        "lvsServiceNumDests": "integer 3",
        "lvsServiceStatsConns": "counter 1000",
        "lvsServiceStatsInPkts": "counter 1001",
        "lvsServiceStatsOutPkts": "counter 1002",
        "lvsServiceStatsInBytes": "counter64 1003",
        "lvsServiceStatsOutBytes": "counter64 1004",
        **{f"lvsService{each}": f"gauge {1010 + at}" for at, each in enumerate(RATES_2001)},
    }
    assert shown[1, 2] == {
        "lvsRealServiceNumber": "integer 1",
        "lvsRealServerNumber": "integer 2",
        "lvsRealServerAddr": "ipaddress 192.168.0.2",
        "lvsRealServerPort": "integer 8080",
        "lvsRealServerFlags": "integer 2",
        "lvsRealServerWeight": "integer 200",
        "lvsRealStatsConns": "counter 210",
        "lvsRealStatsInPkts": "counter 211",
        "lvsRealStatsOutPkts": "counter 212",
        "lvsRealStatsInBytes": "counter64 213",
        "lvsRealStatsOutBytes": "counter64 214",
        **{f"lvsReal{each}": f"gauge {220 + at}" for at, each in enumerate(RATES_2001)},
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
    for each in ("StatsConns", "StatsInPkts", "StatsOutPkts"):
        assert cell(look, f"lvsService{each}", 1) == f"counter {shown}"
        assert cell(look, f"lvsReal{each}", 1, 1) == f"counter {shown}"
    for each in ("StatsInBytes", "StatsOutBytes"):
        assert cell(look, f"lvsService{each}", 1) == f"counter64 {count}"
        assert cell(look, f"lvsReal{each}", 1, 1) == f"counter64 {count}"


@pytest.mark.parametrize(
    ("protocol", "shown"), [(6, 6), (IpProtocol.UDP, 17), (IpProtocol.SCTP, 132)]
)
def test_protocols_are_numbered_by_the_iana(protocol: int, shown: int) -> None:
    look = snapshot(service(protocol=protocol, number=1))
    assert cell(look, "lvsServiceProto", 1) == f"integer {shown}"


def test_a_firewall_mark_has_protocol_and_port_minus_1_and_no_address() -> None:
    look = snapshot(fwmark(5, number=1, netmask="255.255.255.255"))
    columns = ("Proto", "Addr", "Port", "FWMark", "PersistTimeout", "PersistNetmask")
    assert {column: cell(look, f"lvsService{column}", 1) for column in columns} == {
        "Proto": "integer -1",
        "Addr": None,
        "Port": "integer -1",
        "FWMark": "integer 5",
        "PersistTimeout": None,
        "PersistNetmask": "ipaddress 255.255.255.255",
    }


@pytest.mark.parametrize(("mark", "shown"), [(2**31 - 1, 2**31 - 1), (2**32 - 1, 2**31 - 1)])
def test_a_mark_too_large_for_the_column_is_its_largest_value(mark: int, shown: int) -> None:
    assert cell(snapshot(fwmark(mark, number=1)), "lvsServiceFWMark", 1) == f"integer {shown}"


@pytest.mark.parametrize(("weight", "shown"), [(0, 0), (65535, 65535), (65536, 65535)])
def test_a_weight_too_large_for_the_column_is_its_largest_value(weight: int, shown: int) -> None:
    look = snapshot(service("192.0.2.10", 443, server(weight=weight, number=1), number=1))
    assert cell(look, "lvsRealServerWeight", 1, 1) == f"integer {shown}"


@pytest.mark.parametrize(
    "vs",
    [service("2001:db8::1", 80, netmask="64", number=1), fwmark(5, family=Family.INET6, number=1)],
)
def test_ipv6_services_have_a_row_without_the_ipv4_columns(vs: Any) -> None:
    look = snapshot(vs)
    assert cell(look, "lvsServiceAddr", 1) is None
    assert cell(look, "lvsServicePersistNetmask", 1) is None
    assert cell(look, "lvsServiceNumber", 1) == "integer 1"


def test_an_ipv6_server_has_a_row_without_its_address() -> None:
    rs = server("2001:db8:1::1", 80, number=4)
    look = snapshot(service("192.0.2.10", 80, rs, number=1))
    assert cell(look, "lvsRealServerNumber", 1, 4) == "integer 4"
    assert cell(look, "lvsRealServerAddr", 1, 4) is None
    assert cell(look, "lvsRealServerPort", 1, 4) == "integer 80"


def test_rows_without_a_number_are_left_out_with_their_servers() -> None:
    numbered = service("192.0.2.2", 80, server(), server("192.168.0.2", number=7), number=3)
    look = snapshot(service("192.0.2.1", 80, server(number=1)), numbered)
    walked = [split(numbers(varbind.oid)) for varbind in lvs.tree(look, 0.0).walk()]
    rows: Dict[Optional[str], Set[Tuple[int, ...]]] = {}
    for name, instance in walked:
        rows.setdefault(TABLE_OF.get(name), set()).add(instance)
    assert rows["lvsServiceTable"] == {(3,)}
    assert rows["lvsRealTable"] == {(3, 7)}


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
    assert (cell(look, "lvsDaemonState", 0), cell(look, "lvsMcastInt", 0)) == (state, interface)


def test_what_the_agent_may_not_ask_the_kernel_has_no_instance() -> None:
    look = snapshot(service(number=1), source=Source.PROCFS, status=Status.NO_STATISTICS)
    for name in (
        *("lvsTcpTimeOut", "lvsTcpFinTimeOut", "lvsUdpTimeOut"),
        *("lvsDaemonState", "lvsMcastInt"),
    ):
        assert cell(look, name, 0) is None
    assert cell(look, "lvsNumServices", 0) == "integer 1"


def test_without_any_snapshot_nothing_is_said_of_the_director() -> None:
    look = snapshot(source=Source.NONE, status=Status.NO_COLLECTOR)
    scalars = [name for name in ORIGINAL if name in PLACES and name not in TABLE_OF]
    assert len(scalars) == 8
    assert [name for name in scalars if cell(look, name, 0) is not None] == []
