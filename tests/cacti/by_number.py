# SPDX-License-Identifier: GPL-3.0-or-later
"""The negative control: the same data query and template over the table of 2001, whose rows are
numbers, as templates for the module of 2001 had it.
"""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.support.lvsmib import oid

# the fields that table has; ports tell services apart here, as names do in lvsVsTable
COLUMNS = {
    "lvsVsName": "lvsServicePort",
    "lvsVsInBytes": "lvsServiceStatsInBytes",
    "lvsVsOutBytes": "lvsServiceStatsOutBytes",
}

# hashes of what Cacti brings itself: data inputs, their fields, CDEFs and number formats
BUILT_IN = re.compile("03|05|06|07")


def data_query(source: Path, identified_by: str) -> str:
    """The data query for services by their number; identified_by is the field that Cacti finds a
    row again with, the number (lvsVsIndex) or the port (lvsVsName).
    """
    root = ET.fromstring(source.read_text())
    _at(root, "oid_index").text = oid("lvsServiceNumber")
    _at(root, "index_order").text = identified_by
    for tag in ("oid_index_parse", "index_transient"):
        root.remove(_at(root, tag))
    fields = _at(root, "fields")
    for field in list(fields):
        if field.tag in COLUMNS:
            _at(field, "oid").text = oid(COLUMNS[field.tag])
        elif field.tag != "lvsVsIndex":
            fields.remove(field)
    return ET.tostring(root, encoding="unicode")


def template(source: Path, mark: str, file: str) -> str:
    """The template under other names and hashes, for that data query."""

    def other(found: re.Match[str]) -> str:
        kind, version, own = found.groups()
        if not BUILT_IN.match(kind):
            own = hashlib.md5(f"{mark}{own}".encode(), usedforsecurity=False).hexdigest()
        return f"hash_{kind}{version}{own}"

    text = re.sub(r"hash_(\d\d)(\d{4})([0-9a-f]{32})", other, source.read_text())
    text = text.replace("lvs_services.xml", file)
    text = re.sub(r"<name>LVS ", f"<name>{mark} ", text)
    return re.sub(r"(\|host_description\| - )", rf"\1{mark} ", text)


def _at(element: ET.Element, path: str) -> ET.Element:
    found = element.find(path)
    assert found is not None, path
    return found
