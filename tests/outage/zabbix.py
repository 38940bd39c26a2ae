# SPDX-License-Identifier: GPL-3.0-or-later
"""Zabbix with the template in contrib/zabbix."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence

from tests.outage.plan import DIRECTOR, Outage
from tests.outage.system import INTERVAL, Numbers, System, alerts, numbers
from tests.zabbix import host, installation

# problems begin with the second or third value
VALUES = 3


@contextmanager
def running(folder: Path) -> Iterator[Sequence[System]]:
    """Run the server, its database and its frontend."""
    with installation.running(folder / "zabbix") as zabbix:
        template = host.import_template(zabbix, host.template(zabbix.api.release))
        macros = host.short_intervals(zabbix, template, INTERVAL)
        added = host.add(zabbix, "director1", template, 161, host.V2C, macros, DIRECTOR)

        def read(outage: Outage) -> Numbers:
            zabbix.reload()  # discovery adds items
            values = {item["name"]: item["lastvalue"] for item in added.items()}
            names = [f"Service [{outage.service}]: Real servers {kind}" for kind in ("up", "lost")]
            return tuple(float(values[name]) if values.get(name) else None for name in names)

        def problem(outage: Outage) -> bool:
            name = f"Service [{outage.service}]"
            return any(
                name in each["name"] and each["r_eventid"] == "0" for each in added.events("0")
            )

        yield [
            System("Zabbix", "values", numbers(read)),
            System("Zabbix", "problem", alerts(problem), delay=(VALUES - 1) * INTERVAL),
        ]
