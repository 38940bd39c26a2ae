# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus with snmp_exporter and the files in contrib/prometheus."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence, Set

from tests.outage.plan import Outage
from tests.outage.system import INTERVAL, Numbers, System, alerts, missing, numbers
from tests.support import exporters, files, prometheus

# alerts about services wait for a minute, the default interval
FOR = INTERVAL


@contextmanager
def running(folder: Path) -> Iterator[Sequence[System]]:
    """Run both; rules are evaluated every second."""
    rules = folder / "lvs-rules.yml"
    rules.write_text(files.put(prometheus.RULES.read_text(), {"for: 1m": f"for: {FOR}s"}))
    program, _ = exporters.EXPORTERS["lvs.yml"]
    with (
        exporters.running(program, prometheus.FOLDER / "lvs.yml", folder) as exporter,
        prometheus.running(folder, exporter, ["director1"], rules, INTERVAL) as server,
    ):

        def read(outage: Outage) -> Numbers:
            columns = ("Up", "Lost")
            found = [
                server.rows(f'lvsVsRealServers{column}{{lvsVsName="{outage.service}"}}')
                for column in columns
            ]
            return tuple(float(row["value"]) for rows in found for row in rows)

        def states(outage: Outage) -> Set[str]:
            return {
                alert["state"]
                for alert in server.get("alerts")["alerts"]
                if alert["labels"].get("lvsVsName") == outage.service
            }

        yield [
            System("Prometheus", "metrics", numbers(read)),
            System("Prometheus", "alert, pending", alerts(lambda outage: bool(states(outage)))),
            System(
                "Prometheus",
                "alert, firing",
                alerts(lambda outage: "firing" in states(outage)),
                missing,  # that of a server at weight 0 waits for 10 minutes
                delay=FOR,
            ),
        ]
