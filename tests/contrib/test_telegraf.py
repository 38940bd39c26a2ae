# SPDX-License-Identifier: GPL-3.0-or-later
"""The file in contrib/telegraf: its options, its OIDs, and the series of a director.

Telegraf is not in Debian. By hand, its plugin inputs.snmp was run with this file: built from its
source, without the rest of Telegraf.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterator, List, Tuple

import pytest
import tomli

from tests.support import files, snmpd
from tests.support.lvsmib import oid
from tests.support.paths import CONTRIB, DATA
from tests.support.snmpd import AGENT, Snmpd

FOLDER = CONTRIB / "telegraf"
TEXT = (FOLDER / "lvs.conf").read_text()

# documented in plugins/inputs/snmp/README.md; name names the measurement of the fields
PLUGIN = {"agents", "agent_host_tag", "version", "community", "max_repetitions", "path", "name"}
V3 = {"sec_level", "sec_name", "auth_protocol", "auth_password", "priv_protocol", "priv_password"}

Series = Tuple[str, FrozenSet[Tuple[str, str]]]


def plugin(text: str) -> Dict[str, Any]:
    (found,) = tomli.loads(text)["inputs"]["snmp"]
    options: Dict[str, Any] = found
    return options


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    folder = tmp_path_factory.mktemp("director")
    (folder / "aliases").write_text("TCP 10.2.0.1:80 shop\n10.2.0.3 entrance\n")
    replay = f"--replay {DATA / 'directors' / 'options'} --aliases {folder / 'aliases'}"
    with snmpd.running(folder / "snmpd", f"{AGENT} pass-persist {replay}") as running:
        yield running


def gathered(director: Snmpd, options: Dict[str, Any]) -> Dict[Series, Dict[str, str]]:
    """Return the fields of each series, from a walk of each column; a later row replaces others."""
    found: Dict[Series, Dict[str, str]] = {}
    for table in options["table"]:
        rows: Dict[str, Tuple[Dict[str, str], Dict[str, str]]] = {}
        for field in table["field"]:
            for index, value in director.column(field["oid"]).items():
                tags, fields = rows.setdefault(index, ({}, {}))
                kept = tags if field.get("is_tag") else fields
                kept[field["name"]] = value
                if table.get("index_as_tag"):
                    tags["index"] = index
        for tags, fields in rows.values():
            found[table["name"], frozenset(tags.items())] = fields
    return found


def test_generate_writes_this_file(tmp_path: Path) -> None:
    done = files.run(str(FOLDER / "generate"), str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lvs.conf").read_text() == TEXT


def test_options_are_documented_and_names_need_no_mib() -> None:
    options = plugin(TEXT)
    assert options.keys() == PLUGIN | {"field", "table"}
    fields = list(options["field"])
    for table in options["table"]:
        assert table.keys() == {"name", "index_as_tag", "field"}
        fields += [field for field in table["field"] if not field.get("is_tag")]
        tags = [field for field in table["field"] if field.get("is_tag")]
        assert {field["name"] for field in tags} <= {"name"}
    for field in fields:
        assert field.keys() == {"name", "oid"}
        assert field["oid"].removesuffix(".0") == oid(field["name"])


def test_snmpv3_by_the_lines_of_the_comment() -> None:
    text = re.sub(r'^  (version = 2|community = "public")\n', "", TEXT, flags=re.MULTILINE)
    text = re.sub(r"^  # (?=\w+ = )", "  ", text, flags=re.MULTILINE)
    options = plugin(text)
    assert options["version"] == 3
    assert options.keys() == (PLUGIN | V3 | {"field", "table"}) - {"community"}


def test_each_row_is_a_series_of_its_own(director: Snmpd) -> None:
    found = gathered(director, plugin(TEXT))
    names = [name for name, _tags in found]
    counts = {name: names.count(name) for name in names}
    assert counts == {"lvs_service": 23, "lvs_server": 24, "lvs_vip": 7, "lvs_rip": 11}
    tags = {"index": "1.4.10.2.0.1.6.80", "name": "TCP 10.2.0.1:80"}
    assert found["lvs_service", frozenset(tags.items())]["lvsVsAlias"] == "shop"
    entrance = found["lvs_vip", frozenset({"index": "1.4.10.2.0.3"}.items())]
    assert entrance["lvsVipAlias"] == "entrance"


def test_each_row_has_all_fields_with_the_directors_values(director: Snmpd) -> None:
    walk = snmpd.values(director.walk())
    options = plugin(TEXT)
    for (name, tags), fields in gathered(director, options).items():
        (table,) = (each for each in options["table"] if each["name"] == name)
        assert fields.keys() == {f["name"] for f in table["field"] if not f.get("is_tag")}
        assert fields == {each: walk[f"{oid(each)}.{dict(tags)['index']}"] for each in fields}
    oids: List[str] = [field["oid"] for field in options["field"]]
    assert walk.keys() >= set(oids)


def test_without_the_index_rows_would_share_a_series(director: Snmpd) -> None:
    options = plugin(TEXT.replace("index_as_tag = true", "index_as_tag = false"))
    names = [name for name, _tags in gathered(director, options)]
    assert names.count("lvs_vip") == 1
