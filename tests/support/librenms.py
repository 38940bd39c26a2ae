# SPDX-License-Identifier: GPL-3.0-or-later
"""LibreNMS' discovery and polling of sensors, with net-snmp's tools and the options it gives them.

In LibreNMS these are YamlDiscovery, discovery_process() and poll_sensor(), as of September 2025 and
February 2026.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from math import inf
from typing import Any, Dict, Iterator, List, Tuple

from tests.support import mibs
from tests.support.snmpd import Snmpd

# if a definition has no snmp_flags
FLAGS = "-OteQUSa"
MIB_FOLDERS = f"{mibs.IETF}:{mibs.MIB.parent}"
OIDS_PER_GET = 10
TOKEN = re.compile(r"\{\{ \$?([\w.:-]+) \}\}")

Row = Dict[str, str]


@dataclass(frozen=True)
class Sensor:
    """A sensor in the database, with the value that the discovery saw.

    limits is by the names in the definition, and severities by the values of a state.
    """

    kind: str
    index: str
    oid: str
    descr: str
    group: str
    value: float
    multiplier: int
    limits: Dict[str, float]
    severities: Dict[float, int]


def discovered(definition: Dict[str, Any], director: Snmpd) -> List[Sensor]:
    """Return the sensors that a definition in os_discovery finds."""
    tables: Dict[str, Dict[str, Row]] = {}
    found = []
    for kind, entries in definition["modules"]["sensors"].items():
        for entry in entries["data"]:
            table = entry["oid"]
            if table not in tables:
                tables[table] = walked(director, table, entry.get("snmp_flags", FLAGS))
            for index, row in tables[table].items():
                value = row.get(entry.get("value", table), "")
                if re.fullmatch(r"-?[\d.]+", value):
                    found.append(_sensor(kind, entry, index, row, float(value)))
    return found


def _sensor(kind: str, entry: Dict[str, Any], index: str, row: Row, value: float) -> Sensor:
    texts = {
        key: TOKEN.sub(lambda m: index if m[1] == "index" else row.get(m[1], ""), entry[key])
        for key in ("index", "num_oid", "descr", "group")
    }
    multiplier = entry.get("multiplier", 1)
    return Sensor(
        kind,
        texts["index"].strip(),
        texts["num_oid"].strip(),
        texts["descr"].strip(),
        texts["group"].strip(),
        value * multiplier,
        multiplier,
        {key: limit for key, limit in entry.items() if key.endswith("_limit")},
        {state["value"]: state["generic"] for state in entry.get("states", [])},
    )


def walked(director: Snmpd, oid: str, flags: str) -> Dict[str, Row]:
    """Return the values below an object by instance and name."""
    output = _run(director, "snmpbulkwalk", flags, "-Ih", oid).replace('"', "")
    rows: Dict[str, Row] = {}
    for name, value in _lines(output):
        column, _, index = name.partition(".")
        rows.setdefault(index, {})[column] = value
    return rows


def polled(director: Snmpd, sensors: List[Sensor]) -> List[Tuple[Sensor, float]]:
    """Return the sensors with their values; a missing instance is 0."""
    values: Dict[str, str] = {}
    for start in range(0, len(sensors), OIDS_PER_GET):
        oids = [sensor.oid for sensor in sensors[start : start + OIDS_PER_GET]]
        values.update(_lines(_run(director, "snmpget", "-OUQntea", *oids)))
    return [(each, float(values.get(each.oid, "0")) * each.multiplier) for each in sensors]


def got(director: Snmpd, oid: str) -> str:
    """Return the value that the detection of an OS gets, an empty string if there is none."""
    return dict(_lines(_run(director, "snmpget", "-OQXUte", "-On", oid))).get(oid, "")


def alarms(values: List[Tuple[Sensor, float]]) -> List[str]:
    """Return the sensors for which the default rules send alerts, and those shown as warnings."""
    found = []
    for sensor, value in values:
        severity = sensor.severities.get(value, 3) if sensor.kind == "state" else 0
        low, high = sensor.limits.get("low_limit", -inf), sensor.limits.get("high_limit", inf)
        if severity == 2 or not low <= value <= high:
            found.append(f"alert: {sensor.descr}")
        elif severity == 1 or value >= sensor.limits.get("warn_limit", inf):
            found.append(f"warning: {sensor.descr}")
    return found


def _run(director: Snmpd, tool: str, *words: str) -> str:
    """Return the output of one of net-snmp's tools; words are options and then OIDs."""
    options = [word for word in words if word.startswith("-")]
    options += ["-m", "LVS-MIB", "-M", MIB_FOLDERS]
    oids = [word for word in words if not word.startswith("-")]
    command = [tool, "-v2c", "-c", "public", *options, director.address, *oids]
    done = subprocess.run(
        command, env=director.environment, capture_output=True, text=True, check=False
    )
    return done.stdout


def _lines(output: str) -> Iterator[Tuple[str, str]]:
    for line in output.splitlines():
        name, equals, value = line.partition("=")
        if equals and "at this OID" not in value:
            yield name.strip(), value.strip(' "\\')
