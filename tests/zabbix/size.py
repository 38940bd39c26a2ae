# SPDX-License-Identifier: GPL-3.0-or-later
"""A director with a hundred services: the time until it is polled whole, and the server's work."""

from __future__ import annotations

import time
from pathlib import Path

from tests.zabbix import director, host, values
from tests.zabbix.api import ZabbixError
from tests.zabbix.director import Farm
from tests.zabbix.installation import Zabbix
from tests.zabbix.trial import say

INTERVAL = 10  # seconds
SECONDS = 30  # of the measurement


def measure(zabbix: Zabbix, folder: Path, template: str) -> None:
    """Add 100 services with 10 servers each; raise ZabbixError if an item has no value."""
    farm = Farm(director.many)
    names = farm.names()
    with director.running(folder, farm) as simulated:
        given = host.short_intervals(zabbix, template, INTERVAL)
        began = time.monotonic()
        big = host.add(zabbix, "many services", template, simulated.port, host.V2C, given)
        big.wait_for_items(names, values.walk(simulated.snmpd), 300)
        took = time.monotonic() - began
        items = big.items()
        say(f"{len(names)} rows, {len(items)} items: all have values after {took:.0f} s")
        unsupported = [f"{each['name']}: {each['error']}" for each in items if each["error"]]
        if unsupported:
            raise ZabbixError("\n  ".join(["unsupported items", *unsupported[:20]]))
        before, began = zabbix.processor_seconds(), time.monotonic()
        big.wait_for_values(SECONDS)
        share = (zabbix.processor_seconds() - before) / (time.monotonic() - began)
        say(f"polled every {INTERVAL} s, they take {share:.0%} of a processor in the server")
