# SPDX-License-Identifier: GPL-3.0-or-later
"""The counters that the lab's traffic must have caused, as tests/lab/traffic.py wrote them."""

import json
from pathlib import Path
from typing import NamedTuple

from tests.support.ipvsadm import Counters, ServerKey, ServiceKey, endpoint, service_key


class Expected(NamedTuple):
    """Traffic sent through one service."""

    stats: Counters
    servers: dict[ServerKey, Counters]


def read_expected(path: Path) -> dict[ServiceKey, Expected]:
    """Read $RESULT/expected.json of a scenario with traffic."""
    expected = {}
    for name, seen in json.loads(path.read_text(encoding="utf-8"))["services"].items():
        rows = seen.pop("servers").items()
        servers = {endpoint(server): Counters(**row) for server, row in rows}
        expected[service_key(name)] = Expected(Counters(**seen), servers)
    return expected
