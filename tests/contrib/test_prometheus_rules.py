# SPDX-License-Identifier: GPL-3.0-or-later
"""contrib/prometheus/lvs-rules.yml in the real Prometheus, with the metrics of a director."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Set, Tuple

import pytest

from lvs_agent.codes import Status
from lvs_agent.snapshot import Snapshot
from tests.support import directors, exporters, files
from tests.support.directors import SimulatedDirector
from tests.support.paths import CONTRIB

FOLDER = CONTRIB / "prometheus"
RULES = FOLDER / "lvs-rules.yml"
PROGRAMS = files.BOOKWORM / "usr" / "bin"
HTTP, HTTPS = "TCP 192.0.2.10:80", "TCP 192.0.2.10:443"

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: lvs
    metrics_path: /snmp
    params: {{module: [lvs], auth: [lvs]}}
    static_configs: [{{targets: ["{director}", "{dead}"]}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__address__], target_label: instance}}
      - {{target_label: __address__, replacement: "{exporter}"}}
"""

# name, instance, summary without the instance
Alert = Tuple[str, str, str]


def annotate(snapshot: Snapshot) -> None:
    """Count what the director has lost: all but the present ones of five services."""
    for service in snapshot.services:
        service.lost = service.lost or 0
    snapshot.lost_services = 5 - len(snapshot.services)


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    folder = tmp_path_factory.mktemp("director")
    with directors.running(folder, annotate=annotate) as running:
        yield running


@contextmanager
def prometheus(folder: Path, **values: object) -> Iterator[str]:
    """Run Prometheus; yield the URL of its API."""
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(rules=RULES, **values))
    address = exporters.free_address()
    command = [
        str(PROGRAMS / "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        f"--web.console.templates={folder}",
        f"--web.console.libraries={folder}",
    ]
    log = folder / "prometheus.log"
    with log.open("w") as output, subprocess.Popen(command, stderr=output) as running:
        try:
            while "Server is ready" not in log.read_text():
                assert running.poll() is None, log.read_text()
            yield f"http://{address}/api/v1"
        finally:
            running.terminate()


def fetched(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)["data"]


def alerts(api: str) -> Set[Alert]:
    """Return the alerts of an evaluation that has begun after this call."""
    before = evaluated(api)
    while evaluated(api) <= before:
        pass
    found = set()
    for alert in fetched(f"{api}/alerts")["alerts"]:
        name, instance = alert["labels"]["alertname"], alert["labels"]["instance"]
        summary = alert["annotations"]["summary"]
        assert summary.startswith(instance)
        found.add((name, instance, summary[len(instance) :].lstrip(": ")))
    return found


def evaluated(api: str) -> str:
    """Return the time of the rules' last evaluation."""
    (group,) = fetched(f"{api}/rules")["groups"]
    assert {rule.get("lastError", "") for rule in group["rules"]} == {""}
    last: str = group["lastEvaluation"]
    return last


def scraped(api: str, instance: str) -> bool:
    query = f"lvsAgentStatus%7Binstance%3D%22{instance}%22%7D"
    return bool(fetched(f"{api}/query?query={query}")["result"])


def test_alerts_are_what_is_wrong_with_the_director(
    director: SimulatedDirector, tmp_path: Path
) -> None:
    dead = exporters.free_address()
    absent = ("LvsAgentAbsent", dead, "does not answer, or does not serve LVS-MIB")
    director.serve(*directors.farm())
    program, _ = exporters.EXPORTERS["lvs.yml"]
    with (
        exporters.running(program, FOLDER / "lvs.yml", tmp_path) as exporter,
        prometheus(tmp_path, director=director.address, dead=dead, exporter=exporter) as api,
    ):
        while not scraped(api, director.address):
            pass
        while alerts(api) != {absent}:
            pass
        # neither of the services is up or has lost servers, and one is lost
        http, https, *rest = directors.farm()[:-1]
        http.lost = 2
        for server in https.real_servers:
            server.weight = 0
        director.status = Status.DEGRADED
        director.serve(http, https, *rest)
        expected = {
            absent,
            ("LvsServiceDown", director.address, f"no real server of {HTTPS} is up"),
            ("LvsRealServersLost", director.address, f"{HTTP} has lost 2 real servers"),
            ("LvsServicesLost", director.address, "1 services are lost"),
            ("LvsAgentNotOk", director.address, "the status of the agent is degraded"),
        }
        while (found := alerts(api)) != expected:
            assert found <= {*expected, absent}


def test_promtool_has_nothing_to_say() -> None:
    done = files.run(str(PROGRAMS / "promtool"), "check", "rules", "--lint-fatal", str(RULES))
    assert (done.returncode, done.stderr) == (0, "")
    assert "SUCCESS: 5 rules found" in done.stdout
