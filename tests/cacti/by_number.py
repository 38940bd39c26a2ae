# SPDX-License-Identifier: GPL-3.0-or-later
"""The negative control: a data query and a template that identify rows by their numbers.

They are those of contrib/cacti, changed to read the legacy table as templates for
net-snmp-lvs-module did.
"""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.support.lvsmib import oid

# the fields of the legacy table: here the port identifies a service, as its name does elsewhere
COLUMNS = {
    "lvsVsName": "lvsServicePort",
    "lvsVsInBytes": "lvsServiceStatsInBytes",
    "lvsVsOutBytes": "lvsServiceStatsOutBytes",
}


def data_query(source: Path, identified_by: str) -> str:
    """Return the data query for services by their numbers.

    identified_by is the field by which Cacti finds a row again: the number (lvsVsIndex) or the
    port (lvsVsName).
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
    """Return the template for that data query, with its own names and hashes."""
    text = source.read_text()
    # not those of Cacti's built-in objects, which it refers to
    own = set(re.findall(r"<hash_\d{6}([0-9a-f]{32})>", text))

    def other(found: re.Match[str]) -> str:
        kind, name = found.groups()
        if name in own:
            name = hashlib.md5(f"{mark}{name}".encode(), usedforsecurity=False).hexdigest()
        return f"hash_{kind}{name}"

    text = re.sub(r"hash_(\d{6})([0-9a-f]{32})", other, text)
    text = text.replace("lvs_services.xml", file)
    text = re.sub(r"<name>LVS ", f"<name>{mark} ", text)
    return re.sub(r"(\|host_description\| - )", rf"\1{mark} ", text)


def _at(element: ET.Element, path: str) -> ET.Element:
    found = element.find(path)
    assert found is not None, path
    return found
