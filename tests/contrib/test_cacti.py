# SPDX-License-Identifier: GPL-3.0-or-later
"""The committed files of contrib/cacti. tests/cacti/run tests them in a real Cacti."""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Dict, Iterator, List

import pytest

from lvs_agent.mib import lvs
from lvs_agent.mib.lookup import MibTree
from lvs_agent.mib.smi import dotted
from tests.support import builders
from tests.support.paths import CONTRIB

CACTI = CONTRIB / "cacti"
TEMPLATE = "cacti_host_template_lvs_director.xml"
# with the numbers of rows of builders.director
QUERIES = {"lvs_services.xml": 5, "lvs_real_servers.xml": 5, "lvs_vips.xml": 2, "lvs_rips.xml": 5}
FILES = [*QUERIES, TEMPLATE]

# Hashes by which Cacti finds the graphs that users have: a changed one would lose their history.
FOR_GOOD = {
    "LVS Director": "b3a22440b41241283643219ca9b71464",
    "LVS - Virtual Services": "61cf5909842aacbab309e044e9dac47c",
    "LVS - Real Servers": "db191520ae645636bf75b057f6dd6d47",
    "LVS - VIPs": "e9b8cc23307881685dfb65b7e6468f63",
    "LVS - RIPs": "44b6180d78cc0c1ab1ca1a39b71083d9",
    "LVS Service - Traffic": "253df27e49e0a87caa0efaf4a28e93ba",
    "LVS Service - Real Server States": "2044feef8602c7cf3bb6750ec70a4876",
}


@pytest.fixture(scope="module")
def tree() -> MibTree:
    return lvs.tree(builders.director(), 0.0)


@pytest.fixture(scope="module")
def template() -> ET.Element:
    return ET.parse(CACTI / TEMPLATE).getroot()


def text(element: ET.Element, path: str) -> str:
    found = element.findtext(path)
    assert found is not None, path
    return found


def column(tree: MibTree, oid: str) -> List[str]:
    """Return the OIDs of all instances of a column."""
    every = (f".{dotted(lvs.LVS)}.{varbind.oid}" for varbind in tree.walk())
    return [each for each in every if each.startswith(f"{oid}.")]


def fields(file: str) -> Dict[str, ET.Element]:
    root = ET.parse(CACTI / file).getroot()
    return {field.tag: field for field in root.iterfind("fields/*")}


def hashes(element: ET.Element) -> Iterator[str]:
    return (each.tag for each in element.iter() if each.tag.startswith("hash_"))


def test_what_is_committed_is_what_is_generated(tmp_path: Path) -> None:
    subprocess.run([CACTI / "generate", tmp_path], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    for name in FILES:
        assert (CACTI / name).read_bytes() == (tmp_path / name).read_bytes(), name


@pytest.mark.parametrize("file", QUERIES)
def test_an_index_is_the_instance_in_every_column(tree: MibTree, file: str) -> None:
    query = ET.parse(CACTI / file).getroot()
    pattern = text(query, "oid_index_parse").partition("REGEXP:")[2]
    indexes = [re.sub(pattern, r"\1", oid) for oid in column(tree, text(query, "oid_index"))]
    assert len(set(indexes)) == QUERIES[file]
    assert max(map(len, indexes)) <= 255  # host_snmp_cache.snmp_index
    walked = [field.findtext("oid") for field in query.iterfind("fields/*[method='walk']")]
    for oid in (oid for oid in walked if oid is not None):
        instances = column(tree, oid)
        assert instances
        parsed = [re.sub(pattern, r"\1", instance) for instance in instances]
        assert set(parsed) <= set(indexes)
        assert [f"{oid}.{index}" for index in parsed] == instances


def test_a_real_server_finds_the_name_of_its_service(tree: MibTree) -> None:
    its = fields("lvs_real_servers.xml")
    servers, service = text(its["lvsRsName"], "oid"), text(its["lvsVsName"], "oid")
    pattern = text(its["lvsVsName"], "oid_rewrite_pattern").partition("REGEXP:")[2]
    replacement = text(its["lvsVsName"], "oid_rewrite_replacement")
    found = [
        re.sub(pattern, replacement, service + instance[len(servers) :])
        for instance in column(tree, servers)
    ]
    mark, tcp, _without_servers, sctp = (column(tree, service)[place] for place in (0, 1, 2, 4))
    assert found == [mark, tcp, tcp, tcp, sctp]


@pytest.mark.parametrize(
    ("file", "field", "last"),
    [("lvs_vips.xml", "lvsVipAddr", 16), ("lvs_rips.xml", "lvsRipAddr", 2)],
)
def test_the_address_of_a_row_is_in_its_index(
    tree: MibTree, file: str, field: str, last: int
) -> None:
    address = fields(file)[field]
    pattern = text(address, "source").partition("REGEXP:")[2]
    match = text(address, "rewrite_value/address/match").partition("REGEXPNC:")[2]
    assert text(address, "rewrite_value/address/replace") == "$1"
    parsed = [re.sub(pattern, r"\1", oid) for oid in column(tree, text(address, "oid"))]
    found = [re.sub(match, r"\1", each) for each in parsed]
    assert found[0] == ("192.0.2.10" if field == "lvsVipAddr" else "192.168.0.1")
    assert found[-1].startswith("32.1.13.184.0.")
    assert found[-1].endswith(f".0.{last}")


def test_the_count_of_indexes_is_there(tree: MibTree) -> None:
    for file in ("lvs_services.xml", "lvs_real_servers.xml"):
        oid = text(ET.parse(CACTI / file).getroot(), "oid_num_indexes")
        varbind = tree.get(tuple(int(part) for part in oid.split(".")[1:])[len(lvs.LVS) :])
        assert varbind is not None
        assert varbind.value == 5


def test_words_stand_for_the_values_of_the_mib() -> None:
    forwarding = fields("lvs_real_servers.xml")["lvsRsForwarding"]
    words = {text(item, "replace"): text(item, "match") for item in forwarding.iterfind("*/*")}
    clause = (
        (CONTRIB.parent / "mibs" / "LVS-MIB.txt").read_text().partition("\nlvsRsForwarding ")[2]
    )
    assert words == dict(re.findall(r"(\w+)\((\d+)\)", clause.partition("}")[0]))


def test_what_names_graphs_never_changes(template: ET.Element) -> None:
    named: Dict[str, str] = {}
    for element in template:
        named.setdefault(text(element, "name"), element.tag[-32:])
    assert {name: named[name] for name in FOR_GOOD} == FOR_GOOD


def test_each_object_has_a_name_of_its_own(template: ET.Element) -> None:
    every = list(hashes(template))
    assert len(every) > 100
    assert len(set(every)) == len(every)
    assert {each[len("hash_00") : -32] for each in every} == {"0102"}


def test_what_is_referred_to_is_there(template: ET.Element) -> None:
    """Except Cacti's built-in objects: data inputs, their fields, CDEFs and number formats."""
    mine = set(hashes(template))
    words = (word for element in template.iter() for word in (element.text or "").split("|"))
    referred = {word for word in words if word.startswith("hash_")}
    assert {word[5:7] for word in referred - mine} == {"03", "05", "06", "07"}


def test_servers_at_weight_0_are_those_that_are_present_and_not_up(template: ET.Element) -> None:
    names = {each.tag: each.findtext("data_source_name") for each in template.iter()}
    (cdef,) = (each for each in template if each.tag.startswith("hash_05"))
    assert [item.findtext("value") for item in cdef.iterfind("items/*")] == [
        "a",
        "CURRENT_DATA_SOURCE",
        "2",  # Cacti's number of the operator -
    ]
    (graph,) = (each for each in template if each.findtext("graph/title", "").endswith(" States"))
    items = [
        (item.findtext("text_format"), names[text(item, "task_item_id")], item.findtext("cdef_id"))
        for item in graph.iterfind("items/*")
        if item.findtext("graph_type_id") != "9"  # the numbers of the legend
    ]
    assert items == [
        ("Present", "real_servers", "0"),  # Cacti calls it a
        ("Up (weight above 0)", "real_servers_up", "0"),
        ("At weight 0", "real_servers_up", cdef.tag),
        ("Lost", "real_servers_lost", "0"),
    ]


def test_counters_are_drawn_so_that_a_reset_is_a_gap(template: ET.Element) -> None:
    kinds = {}
    for element in template.iter():
        if element.findtext("data_source_type_id"):
            name = text(element, "data_source_name")
            assert len(name) <= 19  # the limit of a name in a round-robin file
            assert text(element, "rrd_minimum") == "0"
            kinds[name] = text(element, "data_source_type_id")
    derive = {name for name, kind in kinds.items() if kind == "3"}
    assert derive == {"in_bytes", "out_bytes", "in_pkts", "out_pkts", "conns"}
    assert {kinds[name] for name in kinds if name not in derive} == {"1"}
