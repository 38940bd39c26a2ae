# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of an administrator in Cacti, as contrib/README.md describes them."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cacti import by_number
from tests.cacti.installation import Cacti, CactiError
from tests.support.paths import CONTRIB

TEMPLATES = CONTRIB / "cacti"
TEMPLATE = TEMPLATES / "cacti_host_template_lvs_director.xml"
# of a template without lvsVsRealServersLost, the parts for the graph Real Servers
FORMER = Path(__file__).with_name("former.xml")
QUERIES = ["lvs_services.xml", "lvs_real_servers.xml", "lvs_vips.xml", "lvs_rips.xml"]
# the field that each row has; for the others it is the service's name
FIELDS = {"LVS - VIPs": "lvsVipAddr", "LVS - RIPs": "lvsRipAddr"}

REINDEX_WHEN_COUNT_CHANGES = 2


def install_queries(cacti: Cacti) -> None:
    """Install the data queries."""
    for name in QUERIES:
        shutil.copy(TEMPLATES / name, _queries(cacti) / name)


def imports_former(cacti: Cacti) -> None:
    """Install the data queries and import the former template."""
    install_queries(cacti)
    cacti.import_template(FORMER)


def imports(cacti: Cacti) -> None:
    """Import the template, which updates the former one, and import it again."""
    cacti.import_template(TEMPLATE)
    took = cacti.import_template(TEMPLATE)
    if took != {"unchanged"}:
        raise CactiError(f"Cacti {cacti.version} imported the template as {took}, not unchanged")
    if cacti.errors():
        raise CactiError("\n  ".join([f"log of Cacti {cacti.version}:", *cacti.errors()]))


def add_former(cacti: Cacti, port: int) -> None:
    """Add a director as "former", with the former template's graphs.

    Cacti refuses a second device with the same address, but not with a name of it.
    """
    device = _add_device(cacti, "former", "localhost", port, template="0")
    _add_query(cacti, device, "LVS - Virtual Services")


def add(cacti: Cacti, port: int, host: str = "127.0.0.1") -> str:
    """Add a director at a port of a host, with a graph of each kind for each row; return its id.

    Cacti adds the graphs of the whole director itself.
    """
    template = cacti.one("SELECT id FROM host_template WHERE name = 'LVS Director'")
    device = _add_device(cacti, "director", host, port, template)
    for (name,) in cacti.sql("SELECT name FROM snmp_query WHERE name LIKE 'LVS - %'"):
        _add_query(cacti, device, name)
    return device


def add_control(cacti: Cacti, device: str, mark: str, identified_by: str) -> None:
    """Add a data query by row number, with its traffic graphs."""
    file = f"lvs_services_by_{mark.lower()}.xml"
    query = by_number.data_query(TEMPLATES / QUERIES[0], identified_by)
    (_queries(cacti) / file).write_text(query)
    template = cacti.folder / file
    template.write_text(by_number.template(TEMPLATE, mark, file))
    cacti.import_template(template)
    _add_query(cacti, device, f"{mark} - Virtual Services", graphs="Traffic")


def _add_device(cacti: Cacti, description: str, host: str, port: int, template: str) -> str:
    cacti.cli(
        "add_device.php",
        f"--description={description}",
        f"--ip={host}",
        f"--port={port}",
        f"--template={template}",
        "--version=2",
        "--community=public",
        "--avail=snmp",
        "--timeout=2000",
    )
    return cacti.one(f"SELECT id FROM host WHERE description = '{description}'")


def _add_query(cacti: Cacti, device: str, name: str, graphs: str = "%") -> None:
    """Add a data query, with each of its graphs for each of its rows."""
    query = cacti.one(f"SELECT id FROM snmp_query WHERE name = '{name}'")
    cacti.cli(
        "add_data_query.php",
        f"--host-id={device}",
        f"--data-query-id={query}",
        f"--reindex-method={REINDEX_WHEN_COUNT_CHANGES}",
    )
    for kind, template in cacti.sql(
        "SELECT id, graph_template_id FROM snmp_query_graph"
        f" WHERE snmp_query_id = {query} AND name LIKE '{graphs}'"
    ):
        cacti.cli(
            "add_graphs.php",
            "--graph-type=ds",
            f"--host-id={device}",
            f"--graph-template-id={template}",
            f"--snmp-query-id={query}",
            f"--snmp-query-type-id={kind}",
            f"--snmp-field={FIELDS.get(name, 'lvsVsName')}",
            "--snmp-value-regex=.*",
        )


def _queries(cacti: Cacti) -> Path:
    return cacti.root / "resource" / "snmp_queries"
