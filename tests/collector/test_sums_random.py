# SPDX-License-Identifier: GPL-3.0-or-later
"""Random histories of a director. Sums over addresses must equal the traffic that was seen."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Set, Tuple

import pytest

from lvs_agent.codes import Status
from lvs_agent.collector.history import History
from lvs_agent.collector.remembered import Numbering, ServiceState
from lvs_agent.collector.statefile import StateFile
from lvs_agent.services import Traffic, VirtualService
from lvs_agent.snapshot import Snapshot
from tests.support.addresses import Key, served
from tests.support.builders import fwmark, server, service, snapshot
from tests.support.statefiles import other_boot

VIPS = ["192.0.2.1", "2001:db8::1", ""]  # the last one stands for firewall marks
PORTS = [80, 443]
RIPS = ["10.0.0.1", "10.0.0.2", "2001:db8:1::1"]
NAMES = {
    f"TCP [{vip}]:{port}" if ":" in vip else f"TCP {vip}:{port}" if vip else f"FWM {port}": (
        vip,
        port,
    )
    for vip in VIPS
    for port in PORTS
}
KEEP = 8  # missing rows

Service = Tuple[str, int]
Row = Tuple[Service, str]  # a service and the address of a server, "" for the service itself


@dataclass
class Kernel:
    """The rows of a kernel, and its trash, from which deleted servers can return."""

    rows: Dict[Row, int] = field(default_factory=dict)
    trash: Dict[Row, int] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        self.rows.setdefault(row, self.trash.pop(row, 0))

    def delete(self, row: Row, forgotten: bool) -> None:
        """Delete a row, and the servers of a service."""
        below = [each for each in self.rows if each[0] == row[0]] if not row[1] else [row]
        for each in below:
            count = self.rows.pop(each)
            if each[1] and not forgotten:
                self.trash[each] = count


@dataclass
class Model:
    """The traffic that a collector saw at each address, computed from its looks alone."""

    # the counter of each row that the collector knows, as last seen; 0 after a reset
    seen: Dict[Row, int] = field(default_factory=dict)
    totals: Dict[Key, int] = field(default_factory=dict)
    since: Dict[Key, float] = field(default_factory=dict)

    def look(self, rows: Dict[Row, int], taken: float) -> None:
        for row, count in rows.items():
            key = _key(row)
            before = self.seen.get(row, 0)
            self.seen[row] = count
            if key[1]:
                self.since.setdefault(key, taken)
                more = count - before if count >= before else count
                self.totals[key] = self.totals.get(key, 0) + more

    def forget(self, remembered: Set[Row]) -> None:
        """Forget the rows that the collector has forgotten, and addresses without other rows."""
        for row in self.seen.keys() - remembered:
            del self.seen[row]
        for key in self.totals.keys() - {_key(row) for row in self.seen}:
            del self.totals[key], self.since[key]

    def reset(self) -> None:
        self.seen = dict.fromkeys(self.seen, 0)


def _key(row: Row) -> Key:
    return ("rip", row[1]) if row[1] else ("vip", row[0][0])


def _snapshot(kernel: Kernel, taken: float) -> Snapshot:
    services: List[VirtualService] = []
    for (vip, port), rip in kernel.rows:
        if not rip:
            servers = [
                server(each[1], 8080, counters=_five(count))
                for each, count in kernel.rows.items()
                if each[1] and each[0] == (vip, port)
            ]
            counters = _five(kernel.rows[(vip, port), ""])
            if vip:
                services.append(service(vip, port, *servers, counters=counters))
            else:
                services.append(fwmark(port, *servers, counters=counters))
    return snapshot(*services, taken=taken)


def _five(count: int) -> Traffic:
    return Traffic(*[count] * 5)


def _remembered(services: Numbering[ServiceState]) -> Set[Row]:
    found: Set[Row] = set()
    for name, state in services.rows.items():
        service = NAMES[name]
        found.add((service, ""))
        found |= {(service, each.rpartition(":")[0].strip("[]")) for each in state.servers.rows}
    return found


def _edit(choice: random.Random, kernel: Kernel, known: Set[Row]) -> None:
    """Add and delete rows, but add none of those that are known."""
    for _ in range(choice.choice([0, 1, 1, 2, 6])):
        one = choice.choice(VIPS), choice.choice(PORTS)
        row: Row = one, choice.choice(["", *RIPS])
        if row in kernel.rows:
            kernel.delete(row, choice.random() < 0.5)
        elif row not in known and (not row[1] or (one, "") in kernel.rows):
            kernel.add(row)


@pytest.mark.parametrize("seed", range(25))
def test_sums_are_the_traffic_that_was_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int
) -> None:
    for module in ("history", "statefile"):
        monkeypatch.setattr(f"lvs_agent.collector.{module}.MAX_MISSING", KEEP)
    choice = random.Random(seed)
    kernel, model = Kernel(), Model()
    folder, starts = tmp_path / "0", 0
    history = History(folder)
    history.annotate(snapshot(taken=1000.0))
    history.keep()
    highest: Dict[Tuple[Key, float], int] = {}
    taken = 1000.0
    forgot, unsaved = 0, False
    for _ in range(120):
        taken += 5.0
        for each in kernel.rows:
            kernel.rows[each] += choice.choice([0, 0, 1, 5, 1 << 40])
        # counters go back if they are reset before or after a look that is not saved
        event = 1.0 if unsaved else choice.random()
        if event < 0.05:
            history.close()
            history = History(folder)
        elif event < 0.12:  # killed
            starts += 1
            copy = tmp_path / str(starts)
            shutil.copytree(folder, copy)
            history.close()
            folder, history = copy, History(copy)
        elif event < 0.14:
            history.close()
            other_boot(folder)
            history = History(folder)
            kernel.rows, kernel.trash = dict.fromkeys(kernel.rows, 0), {}
            model.reset()
            model.since = dict.fromkeys(model.since, 0.0)
            highest = {}
        elif event < 0.16:
            kernel.rows, kernel.trash = {}, {}
            history.annotate(snapshot(status=Status.NO_IPVS, taken=taken))
            history.keep()
            model.forget(_remembered(history._services))
            model.reset()
        saved = not unsaved
        unsaved = choice.random() < 0.05
        if saved:
            _edit(choice, kernel, known=set(model.seen) if unsaved else set())
        if saved and not unsaved and choice.random() < 0.05:
            kernel.rows = dict.fromkeys(kernel.rows, 0)
        look = _snapshot(kernel, taken)
        history.annotate(look)
        if not unsaved:
            history.keep()
        model.look(kernel.rows, taken)
        present = {_key(row) for row in kernel.rows if _key(row)[1]}
        assert {key: (sum_.counters, sum_.since) for key, sum_ in served(look).items()} == {
            key: (_five(model.totals[key]), model.since[key]) for key in present
        }
        for key, found in served(look).items():
            assert found.since is not None
            assert found.counters is not None
            assert found.counters[0] >= highest.get((key, found.since), 0)
            highest[key, found.since] = found.counters[0]
        if unsaved:
            starts += 1
            copy = tmp_path / str(starts)
            shutil.copytree(folder, copy)
            history.keep()
            history.close()
            folder, history = copy, History(copy)
        before = len(model.seen)
        model.forget(_remembered(StateFile(folder).load()))
        forgot += len(model.seen) < before
    history.close()
    assert forgot
