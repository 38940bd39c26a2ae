# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot on its way to the responder, with values, lines or bytes altered."""

from __future__ import annotations

import json
import re
from typing import Any, List, Tuple, Union

from lvs_agent.boundary import wire
from lvs_agent.kernel.recording import ReplayedKernel
from lvs_agent.kernel.survey import Survey
from lvs_agent.mib import lvs
from lvs_agent.mib.addresses import AddressRow
from lvs_agent.services import RealServer, VirtualService
from lvs_agent.snapshot import Snapshot
from tests.fuzz import served
from tests.fuzz.choices import Choices
from tests.fuzz.jsonlines import altered
from tests.support import builders, recorded

VALUES: List[Any] = [None, True, False, 0, 1, -1, 1.5, -0.5, 1e308, "", "x", "\n", "\0", "é"]
VALUES += [[], {}, [1, 2, 3, 4, 5], [-1, 0, 0, 0, 0], [1 << 64] * 5, "::", "0.0.0.0", "999"]
VALUES += [1 << 16, 1 << 31, 1 << 32, 1 << 63, 1 << 64, 1 << 2000, "service", "server", "-1"]
VALUES += ["vip", "rip", "192.0.2.10", "192.168.0.1"]
VALUES += ["64", " 7", "256.0.0.0", "1.2.3.4 x"]
TEXTS = [b"NaN", b"Infinity", b"1e999", b'"\\ud800"', b"[" * 50, b"9" * 5000, b"9" * 9000]
TEXTS += [b"\xff", b"\xc3\xa9"]

TABLES = lvs.objects()[1]

# Limits low enough for inputs of this size to reach
MAX_LINE_BYTES, MAX_PROBLEMS = 8192, 3

Outcome = Union[str, Tuple[Snapshot, List[str]]]


def _snapshots() -> List[List[bytes]]:
    every = [builders.director(), builders.snapshot(), builders.snapshot(*builders.farm())]
    for folder in recorded.DIRECTORS:
        snapshot = Survey(ReplayedKernel(folder)).take()
        del snapshot.services[2:]  # more rows would not add other kinds of rows
        every.append(snapshot)
    return [list(wire.encode(snapshot)) for snapshot in every]


SNAPSHOTS = _snapshots()


def check(data: bytes) -> None:
    """Check a snapshot, altered and cut."""
    before = wire.MAX_LINE_BYTES, wire.MAX_PROBLEMS
    wire.MAX_LINE_BYTES, wire.MAX_PROBLEMS = MAX_LINE_BYTES, MAX_PROBLEMS
    try:
        _check(data)
    finally:
        wire.MAX_LINE_BYTES, wire.MAX_PROBLEMS = before


def _check(data: bytes) -> None:
    choices = Choices(data)
    share = served.is_due(choices)
    lines = list(choices.pick(SNAPSHOTS))
    for _ in range(choices.below(5)):
        lines = altered(choices, lines, VALUES, TEXTS)
    stream = b"".join(lines)
    whole = _outcome([stream])
    cut = _outcome(choices.cut(stream))
    assert cut == whole, "cut into portions, the same bytes are read differently"
    if isinstance(whole, str):
        return
    snapshot, problems = whole
    _in_range(snapshot)
    _costs_itself(stream, snapshot, problems)
    if share:
        served.check(snapshot)
        snapshot.forget_measurements()
        served.walk(snapshot)


def _outcome(portions: List[bytes]) -> Outcome:
    try:
        reader = served.read(portions)
        snapshot = reader.finish()
    except wire.WireError:
        return "refused"
    assert len(reader.problems) <= wire.MAX_PROBLEMS
    return snapshot, reader.problems


def _in_range(snapshot: Snapshot) -> None:
    """Check that all parts of an instance fit into an OID, and that all times can be served."""
    for table in TABLES:
        for instance, row in table.rows(snapshot):
            assert all(0 <= part < 1 << 32 for part in instance), (table.name, instance)
            if isinstance(row, (VirtualService, RealServer, AddressRow)):
                int(100 * (row.continuous_since or 0))
    int(1000 * snapshot.took)
    int(1000 * snapshot.taken)


def _costs_itself(stream: bytes, snapshot: Snapshot, problems: List[str]) -> None:
    """Check that nothing is wrong without the unreadable lines and the servers below them."""
    bad = {int(re.findall(r"line (\d+):", problem)[0]) for problem in problems}
    header, *rows, _end = stream.split(b"\n")[:-1]
    kept = []
    lost = False
    for number, row in enumerate(rows, 2):
        if not row.startswith(b'["server"'):
            lost = number in bad
        if number not in bad and not lost:
            kept.append(row)
    end = json.dumps({"rows": len(kept)}).encode()
    clean = _outcome([b"\n".join([header, *kept, end, b""])])
    assert clean == (snapshot, [])
