# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus, as unpacked from Debian's package by make test-pollers, with the files in contrib."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence

from tests.support import exporters, files
from tests.support.paths import CONTRIB

FOLDER = CONTRIB / "prometheus"
RULES = FOLDER / "lvs-rules.yml"
PROGRAMS = files.BOOKWORM / "usr" / "bin"

Labels = Dict[str, str]


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus that scrapes directors as in contrib/prometheus, but more often."""

    api: str

    def get(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer of the API."""
        url = f"{self.api}/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]

    def rows(self, expr: str) -> List[Labels]:
        """Return the labels of an expression's values, which are in the label "value"."""
        found = self.get("query", query=expr)["result"]
        return [{**row["metric"], "value": row["value"][1]} for row in found]


@contextmanager
def running(
    folder: Path, exporter: str, directors: Sequence[str], rules: Path = RULES, interval: int = 3
) -> Iterator[Prometheus]:
    """Run Prometheus with the rules and both scrape configurations; the interval is in seconds."""
    short = f"{interval}s"
    scrapes = files.put(
        (FOLDER / "lvs-scrape.yml").read_text(),
        {
            "director1, director2": ", ".join(f"'{director}'" for director in directors),
            "localhost:9116": exporter,
            "interval: 30s": f"interval: {short}",
            "timeout: 20s": f"timeout: {short}",
            "interval: 2m": f"interval: {short}",
            "timeout: 1m": f"timeout: {short}",
        },
    )
    config = folder / "prometheus.yml"
    config.write_text(f"global: {{evaluation_interval: 1s}}\nrule_files: [{rules}]\n{scrapes}")
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
    with log.open("w") as output, subprocess.Popen(command, stderr=output) as process:
        try:
            while "Server is ready" not in log.read_text():
                assert process.poll() is None, log.read_text()
            yield Prometheus(f"http://{address}/api/v1")
        finally:
            process.terminate()
