# SPDX-License-Identifier: GPL-3.0-or-later
"""The committed files of contrib/zabbix. tests/zabbix/run tests them in a real Zabbix."""

from __future__ import annotations

import ipaddress
import json
import os
import random
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Set

import pytest
import yaml

from lvs_agent.mib import lvs
from lvs_agent.mib.lookup import MibTree
from lvs_agent.mib.smi import dotted
from tests.support import builders, mibs
from tests.support.paths import CONTRIB

ZABBIX = CONTRIB / "zabbix"
FILE = "template_net_lvs_director_snmp.yaml"
VERSIONS = ["6.0", "7.0"]
FILES = ["README.md", *(f"{version}/{FILE}" for version in VERSIONS)]
LVS = dotted(lvs.LVS)
# a user macro, with or without a context, which may have a macro of discovery
MACRO = re.compile(r'\{(\$[A-Z0-9_.]+)(?::"[^"]*")?\}')

# UUIDs by which Zabbix finds the items that users have: a changed one would lose their history.
FOR_GOOD = {
    "lvs.agent.status": "8f9a4846768e4c8ea77de7138b591854",
    "lvs.services.lost": "07f0259905e04a0c9cec9a02ddcb2e29",
    "lvs.service.discovery": "f1809c8acd5c4cf3bcaf7a30b8a53dda",
    "lvs.service.servers.up[{#VIP},{#PROTO},{#PORT}]": "618dbae94f204904b1c91e82c97ab818",
    "lvs.vip.conns.rate[{#VIP}]": "ecd242f8601c4db38563598ca2baa656",
}

Node = Dict[str, Any]


@pytest.fixture(scope="module", params=VERSIONS)
def export(request: pytest.FixtureRequest) -> Node:
    return load(request.param)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return mibs.compiled(mibs.MIB, tmp_path_factory.mktemp("mib"))


@pytest.fixture(scope="module")
def objects(compiled: Node) -> Dict[str, mibs.Object]:
    return mibs.of_file(compiled)


def load(version: str) -> Node:
    loaded: Node = yaml.safe_load((ZABBIX / version / FILE).read_text("utf-8"))["zabbix_export"]
    return loaded


def nodes(node: object) -> Iterator[Node]:
    """Return all parts that have fields."""
    if isinstance(node, dict):
        yield node
    for inner in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from nodes(inner)


def template(export: Node) -> Node:
    (only,) = export["templates"]
    assert isinstance(only, dict)
    return only


def rules(export: Node) -> List[Node]:
    found: List[Node] = template(export)["discovery_rules"]
    return found


def items(export: Node) -> List[Node]:
    """Return all items and item prototypes."""
    every = [template(export), *rules(export)]
    return [
        item for each in every for key in ("items", "item_prototypes") for item in each.get(key, [])
    ]


def triggers(export: Node) -> List[Node]:
    return [node for node in nodes(export) if "priority" in node]


def numbers(expression: str) -> Set[str]:
    """Return the numbers that could be thresholds: not values of enumerations, nor 0 of a count."""
    found = re.findall(r"(?<![\w.])#?\d+\w?(?![\w.])", MACRO.sub("", expression))
    return set(found) - {"0", "1", "2", "3"}


def test_what_is_committed_is_what_is_generated(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run([ZABBIX / "generate", tmp_path], env={**os.environ, "PATH": path}, check=True)
    made = (path for path in tmp_path.rglob("*") if path.is_file())
    assert sorted(str(path.relative_to(tmp_path)) for path in made) == sorted(FILES)
    for name in FILES:
        assert (ZABBIX / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_uuids_are_unique_and_of_version_4(export: Node) -> None:
    found = [node["uuid"] for node in nodes(export) if "uuid" in node]
    assert len(found) == len(set(found))
    assert {(uuid.UUID(each).version, uuid.UUID(each).variant) for each in found} == {
        (4, uuid.RFC_4122)
    }


def test_uuids_never_change(export: Node) -> None:
    found = {node["key"]: node["uuid"] for node in [*items(export), *rules(export)]}
    assert {key: found[key] for key in FOR_GOOD} == FOR_GOOD


def test_a_later_version_updates_what_an_earlier_one_imported() -> None:
    earlier, later = (
        {
            node["uuid"]: (node["name"], node.get("key"))
            for node in nodes(load(version))
            if "uuid" in node
        }
        for version in VERSIONS
    )
    assert earlier.items() <= later.items()
    assert {key for _, key in (later[each] for each in later.keys() - earlier.keys())} == {
        f"lvs.{walked}.walk" for walked in ("director", "service", "server", "vip", "rip")
    }


def test_keys_and_names_are_unique(export: Node) -> None:
    keys = [each["key"] for each in [*items(export), *rules(export)]]
    assert len(keys) == len(set(keys))
    names = [each["name"] for each in triggers(export)]
    assert len(names) == len(set(names))
    # so that a host can also have another template, such as Linux by SNMP
    assert {each.partition(".")[0] for each in keys} == {"lvs", 'zabbix[host,"snmp",available]'}


def test_macros_that_are_used_are_documented(export: Node) -> None:
    macros = template(export)["macros"]
    rest = {**export, "templates": [{**template(export), "macros": []}]}
    assert set(MACRO.findall(repr(rest))) == {each["macro"][1:-1] for each in macros}
    assert all(each["description"] and each["value"] for each in macros)
    text = (ZABBIX / "README.md").read_text("utf-8")
    assert all(f"|`{each['macro']}`|" in text for each in macros)


def test_intervals_filters_and_thresholds_are_macros(export: Node) -> None:
    delays = {each["delay"] for each in [*items(export), *rules(export)] if "delay" in each}
    assert {each for each in delays if not MACRO.fullmatch(each)} <= {"0"}  # a dependent item's
    assert all(
        MACRO.fullmatch(condition["value"])
        for rule in rules(export)
        for condition in rule["filter"]["conditions"]
    )
    assert not [each["name"] for each in triggers(export) if numbers(each["expression"])]


def test_a_number_in_an_expression_is_found() -> None:
    assert numbers('max(/T/x,{$A:"1.2.3.4:80"})<{$B} and min(/T/y,#3)>30') == {"#3", "30"}


def test_expressions_and_graphs_refer_to_items_of_their_own_part(export: Node) -> None:
    name = template(export)["template"]
    top = {each["key"] for each in template(export)["items"]}
    prototypes = [trigger for rule in rules(export) for trigger in triggers(rule)]
    director = [trigger for trigger in triggers(export) if trigger not in prototypes]
    parts = [(director, export["graphs"], top)]
    for rule in rules(export):
        own = {each["key"] for each in rule["item_prototypes"]}
        parts.append((triggers(rule), rule["graph_prototypes"], own))
    for triggers_, graphs, keys in parts:
        for each in triggers_:
            found = re.findall(rf"/{re.escape(name)}/([\w.]+(?:\[[^]]*\])?)", each["expression"])
            assert found, each["name"]
            assert set(found) <= keys, each["name"]
            others = [(other["name"], other["expression"]) for other in triggers_]
            for needed in each.get("dependencies", []):
                assert (needed["name"], needed["expression"]) in others
        for each in graphs:
            assert {series["item"]["key"] for series in each["graph_items"]} <= keys


def test_dashboards_show_what_there_is_and_do_not_overlap(export: Node) -> None:
    columns = 24 if export["version"] == "6.0" else 72
    graphs = {each["name"] for each in nodes(export) if "graph_items" in each}
    keys = {each["key"] for each in items(export)}
    (dashboard,) = template(export)["dashboards"]
    for page in dashboard["pages"]:
        taken: set[tuple[int, int]] = set()
        for widget in page["widgets"]:
            x, y, width, height = (
                int(widget.get(each, 0)) for each in ("x", "y", "width", "height")
            )
            cells = {(x + dx, y + dy) for dx in range(width) for dy in range(height)}
            assert not cells & taken
            assert x + width <= columns
            assert y + height <= 64
            taken |= cells
            for field in widget["fields"]:
                if isinstance(field["value"], dict):
                    assert field["value"].get("key", field["value"].get("name")) in graphs | keys


def test_each_item_queries_the_object_that_its_description_names(
    export: Node, objects: Dict[str, mibs.Object]
) -> None:
    queried = 0
    for each in items(export):
        named = re.match(r"MIB: LVS-MIB, (\w+)\n", each["description"])
        if named:
            found = objects[named[1]]
            texts = [
                each.get("snmp_oid", ""),
                *(part for step in each["preprocessing"] for part in step["parameters"]),
            ]
            oids = set(re.findall(rf"{re.escape(LVS)}[\d.]*\d", " ".join(texts)))
            expected = f"{found.oid}.0" if found.kind == "scalar" else found.oid
            assert expected in oids, each["key"]
            queried += 1
    assert queried > 60


def test_no_bits_are_queried(export: Node, objects: Dict[str, mibs.Object]) -> None:
    """Without the MIB, Zabbix stores BITS as unprintable octets."""
    bits = [each.oid for each in objects.values() if each.syntax == "BITS"]
    assert bits
    text = json.dumps(export)
    assert not [oid for oid in bits if re.search(rf"{re.escape(oid)}(?!\d)", text)]


def test_value_maps_are_the_mibs(export: Node, compiled: Node) -> None:
    maps = {
        each["name"]: {int(m["value"]): m["newvalue"] for m in each["mappings"]}
        for each in template(export)["valuemaps"]
    }
    assert {each["valuemap"]["name"] for each in items(export) if "valuemap" in each} == set(maps)
    for name, words in maps.items():
        if name in compiled:
            syntax = compiled[name]["syntax"]
            if syntax["type"] == "TruthValue":
                assert words == {1: "true", 2: "false"}
            else:
                numbers = syntax["constraints"]["enumeration"]
                assert words == {number: word for word, number in numbers.items()}
    assert set(maps) - set(compiled) == {"zabbix.host.available", "lvs.state"}


# the scripts


def script(steps: Sequence[Node]) -> str:
    (found,) = (step["parameters"][0] for step in steps if step["type"] == "JAVASCRIPT")
    assert isinstance(found, str)
    return found


def run(text: str, value: object) -> Any:
    """Return the result of a script, as Zabbix runs it, but by Node.js."""
    program = "const {text, value} = JSON.parse(require('fs').readFileSync(0));"
    program += "process.stdout.write(new Function('value', text)(value));"
    given = json.dumps({"text": text, "value": json.dumps(value)})
    done = subprocess.run(
        ["node", "-e", program], input=given, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def discovered(export: Node, key: str, *rows: Node) -> List[Node]:
    (rule,) = (each for each in rules(export) if each["key"] == f"lvs.{key}.discovery")
    found: List[Node] = json.loads(run(script(rule["preprocessing"]), rows))
    return found


def test_rows_of_a_director_get_the_macros_of_their_addresses(export: Node) -> None:
    tree = MibTree(*lvs.objects(), builders.director(), 0.0)
    rows: Dict[str, List[Node]] = {}
    for key, column in (("service", (21, 1, 5)), ("server", (22, 1, 27)), ("vip", (29, 1, 3))):
        prefix = f"{dotted(column)}."
        rows[key] = discovered(
            export,
            key,
            *(
                {
                    "{#SNMPINDEX}": varbind.oid[len(prefix) :],
                    **({"{#NAME}": varbind.value} if key != "vip" else {}),
                    "{#ALIAS}": "",
                }
                for varbind in tree.walk()
                if varbind.oid.startswith(prefix)
            ),
        )
    assert len(rows["service"]) == 5
    for row in rows["service"]:
        address = f"[{row['{#VIP}']}]" if ":" in row["{#VIP}"] else row["{#VIP}"]
        name = f"{row['{#PROTO}'].upper()} {address}:{row['{#PORT}']}"
        if row["{#PROTO}"] == "fwmark":
            name = f"FWM {row['{#PORT}']}" + (" IPv6" if ":" in address else "")
        assert row["{#NAME}"] == row["{#SERVICE}"] == row["{#LABEL}"] == name
    for row in rows["server"]:
        address = f"[{row['{#RIP}']}]" if ":" in row["{#RIP}"] else row["{#RIP}"]
        assert row["{#NAME}"] == f"{row['{#SERVICE}']} -> {address}:{row['{#RPORT}']}"
    assert {row["{#LABEL}"] for row in rows["vip"]} == {
        row["{#VIP}"] for row in rows["service"] if row["{#PROTO}"] != "fwmark"
    }


def test_ipv6_addresses_are_written_as_rfc_5952_wants(export: Node) -> None:
    choose = random.Random(5952)
    addresses = [
        ipaddress.IPv6Address(bytes(choose.choice((0, 0, 0, 1, 16, 255)) for _ in range(16)))
        for _ in range(300)
    ]
    addresses += map(ipaddress.IPv6Address, ("::", "::1", "1::", "1:0:0:2::", "10:0:0:1:0:0:0:2"))
    rows = [
        {"{#SNMPINDEX}": f"2.16.{'.'.join(map(str, each.packed))}", "{#ALIAS}": ""}
        for each in addresses
    ]
    found = [row["{#VIP}"] for row in discovered(export, "vip", *rows)]
    assert found == [str(each) for each in addresses]


def test_an_alias_changes_names_only(export: Node) -> None:
    row = {"{#SNMPINDEX}": "1.4.192.0.2.10.6.443", "{#NAME}": "TCP 192.0.2.10:443", "{#ALIAS}": ""}
    ((before,), (after,)) = (
        discovered(export, "service", {**row, "{#ALIAS}": alias}) for alias in ("", "shop")
    )
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"{#ALIAS}", "{#LABEL}"}
    assert after["{#LABEL}"] == "TCP 192.0.2.10:443 (shop)"
    used = repr([each["key"] for rule in rules(export) for each in rule["item_prototypes"]])
    assert not [macro for macro in changed if macro in used]


def test_a_row_that_lacks_a_column_is_left_out(export: Node) -> None:
    """Of a row that is deleted during a walk, some columns are read."""
    whole = {
        "{#SNMPINDEX}": "1.4.192.0.2.10.6.443",
        "{#NAME}": "TCP 192.0.2.10:443",
        "{#ALIAS}": "",
    }
    torn = [{key: value for key, value in whole.items() if key != left} for left in whole]
    (_, without_name, without_alias) = torn
    found = discovered(export, "service", without_name, whole, without_alias)
    assert [row["{#NAME}"] for row in found] == ["TCP 192.0.2.10:443"]
    assert discovered(export, "vip", {"{#SNMPINDEX}": "1.4.192.0.2.10"}) == []


def test_lost_services_are_named(export: Node) -> None:
    (item,) = (each for each in items(export) if each["key"] == "lvs.services.lost.names")
    rows = [
        {"{#NAME}": "TCP 192.0.2.10:80", "{#ALIAS}": "shop"},
        {"{#NAME}": "FWM 5", "{#ALIAS}": ""},
        {"{#ALIAS}": "not there any more"},
    ]
    assert run(script(item["preprocessing"]), rows) == "TCP 192.0.2.10:80 (shop), FWM 5"
    assert run(script(item["preprocessing"]), []) == ""
