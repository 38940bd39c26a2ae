# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of orders to forget lost rows: a written one with values, lines or bytes altered."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Tuple

from lvs_agent.collector import lost
from lvs_agent.collector.forgetting import ForgetFile, Order, append
from lvs_agent.collector.statefile import StateFile
from tests.fuzz import statefile
from tests.fuzz.choices import Choices
from tests.fuzz.jsonlines import altered
from tests.fuzz.statefile import MEMORY, TEXTS
from tests.support import statefiles

NOW = statefiles.LOOKED + 60
ORDERS = [
    Order(statefiles.LOOKED, statefiles.NAMES[0], "192.168.0.9:80"),
    Order(statefiles.LOOKED + 30, statefiles.NAMES[1], ""),
    Order(statefiles.LOOKED + 40, "TCP 192.0.2.99:80", ""),
    Order(NOW, "", ""),
]
VALUES: List[Any] = [*statefile.VALUES, NOW, NOW + 1, *statefiles.NAMES, "192.168.0.9:80"]

logging.getLogger("lvs_agent").addHandler(logging.NullHandler())


def _written() -> List[bytes]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        path = Path(name) / "forget"
        append(path, ORDERS)
        return path.read_bytes().splitlines(keepends=True)


LINES = _written()


def check(data: bytes) -> None:
    """Check that orders are the same however the file grows, and that they can be followed."""
    choices = Choices(data)
    lines = list(LINES)
    for _ in range(choices.below(5)):
        lines = altered(choices, lines, VALUES, TEXTS)
    stream = b"".join(lines)
    whole = _taken([stream])
    assert _taken(choices.cut(stream)) == whole, "in portions, the same bytes are read differently"
    services = statefiles.changed()
    assert all(order.time <= NOW for order in whole.values())
    for name, servers in lost.forget(services, whole.values(), 0.0, NOW).items():
        assert servers <= services.rows[name].servers.rows.keys()
    statefile.in_range(services)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        StateFile(Path(folder)).replace(services)
        assert StateFile(Path(folder)).load() == services


def _taken(portions: List[bytes]) -> Dict[Tuple[str, str], Order]:
    taken: Dict[Tuple[str, str], Order] = {}
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        path = Path(folder) / "forget"
        file = ForgetFile(path)
        for portion in portions:
            with path.open("ab") as end:
                end.write(portion)
            for order in file.take(NOW):
                taken[order.service, order.server] = order
    return taken
