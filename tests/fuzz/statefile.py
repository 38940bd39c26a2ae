# SPDX-License-Identifier: GPL-3.0-or-later
"""The collector's state file: a saved one with values, lines or bytes altered."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional

from lvs_agent.collector.remembered import MAX_NUMBER, Numbering, ServiceState, State
from lvs_agent.collector.statefile import StateError, StateFile
from lvs_agent.collector.sums import Address
from lvs_agent.services import Traffic
from tests.fuzz.choices import Choices
from tests.fuzz.jsonlines import altered
from tests.support import statefiles

MEMORY = Path("/dev/shm")  # no disk delays fsync(2) there

VALUES: List[Any] = [None, True, False, 0, 1, -1, 2, 7, 8, 1.5, -0.5, 1e308, "", "x", "\n", "é"]
VALUES += [[], {}, [1, 2, 3, 4, 5], [-1, 0, 0, 0, 0], [1 << 64] * 5, [10**4299 * 9] * 5, {"a": 1}]
VALUES += [MAX_NUMBER, MAX_NUMBER + 1, 1 << 63, 1 << 64, 1 << 2000, "service", "server", "\ud800"]
VALUES += ["vip", "rip", "forgotten", *statefiles.NAMES[:2], "192.168.0.1:80", "192.0.2.10"]
TEXTS = [b"NaN", b"Infinity", b"1e999", b'"\\ud800"', b"[" * 50, b"[" * 5000, b"9" * 4300]
TEXTS += [b"9" * 5000, b"\xff", b"\xc3\xa9", b"\xe2\x80\xa8", b"\x1c", b"\r", b"\0", b'"\\u0000"']


def _saved() -> List[List[bytes]]:
    """Return a file to which changes were appended, and one that was replaced."""
    with (
        tempfile.TemporaryDirectory(dir=MEMORY) as folder,
        statefiles.held(Path(folder)) as file,
    ):
        file.save(statefiles.changed(), statefiles.CHANGES)
        appended = statefiles.lines(Path(folder))
        file.replace(statefiles.changed())
        return [appended, statefiles.lines(Path(folder))]


FILES = _saved()


def check(data: bytes) -> None:
    """Check that what is loaded from an altered file can be saved, and is then loaded again."""
    choices = Choices(data)
    lines = list(choices.pick(FILES))
    for _ in range(choices.below(5)):
        lines = altered(choices, lines, VALUES, TEXTS)
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        folder = Path(name)
        statefiles.write(folder, b"".join(lines))
        file = StateFile(folder)
        loaded = _loaded(file)
        if loaded is None:
            return
        in_range(loaded)
        if lines in FILES:
            assert loaded == statefiles.changed()
            assert sums(loaded) == sums(statefiles.changed())
            assert not file.damaged
        StateFile(folder).replace(loaded)
        again = StateFile(folder)
        loaded_again = again.load()
        assert loaded_again == loaded
        assert sums(loaded_again) == sums(loaded)
        assert not again.damaged


def _loaded(file: StateFile) -> Optional[Numbering[ServiceState]]:
    with contextlib.suppress(StateError):
        return file.load()
    return None


def sums(services: Numbering[ServiceState]) -> object:
    """Return all that is remembered of sums over addresses."""
    assert services.sums is not None
    return services.sums.since, {
        (kind, name): [getattr(address, each) for each in Address.__slots__ if each[0] != "_"]
        for kind, addresses in services.sums.addresses.items()
        for name, address in addresses.known.items()
    }


def _summed(services: Numbering[ServiceState]) -> None:
    """Check that each sum is the sum of its rows and its base."""
    assert services.sums is not None
    present: Dict[int, int] = {}
    missing: Dict[int, int] = {}
    counted: Dict[int, int] = {}
    every: List[Numbering[Any]] = [services, *(row.servers for row in services.rows.values())]
    for rows in every:
        for row in rows.rows.values():
            key = id(row.address)
            held = present if row.missing_since is None else missing
            held[key] = held.get(key, 0) + 1
            if row.missing_since is not None and row.counted is not None:
                counted[key] = counted.get(key, 0) + row.counted[4]
    for addresses in services.sums.addresses.values():
        for name, address in addresses.known.items():
            key = id(address)
            assert (address.name, address.present) == (name, present.get(key, 0))
            assert address.missing == missing.get(key, 0)
            assert address.present or address.missing
            base = address.base[4] if address.base is not None else 0
            absent = address.absent[4] if address.absent is not None else 0
            assert absent == (base + counted.get(key, 0)) % (1 << 64)
            told = address.present > 0 and (address.missing > 0 or address.base is not None)
            assert (name in addresses.told) == told


def in_range(services: Numbering[ServiceState]) -> None:
    """Check that names and numbers are in pairs, and the types and ranges of all values."""
    _numbered(services)
    _summed(services)
    for service in services.rows.values():
        _numbered(service.servers)
        counts = [count for count, _when in service.baseline]
        assert counts == sorted({*counts}, reverse=True)
        assert all(type(count) is int and 0 <= count <= MAX_NUMBER for count in counts)
        assert all(abs(when) < 1e15 for _count, when in service.baseline)
        assert len(service.lost_servers(float("-inf"))) <= service.servers.gone


def _numbered(rows: Numbering[State]) -> None:
    assert 1 <= rows.next_number <= MAX_NUMBER
    assert {row.number: name for name, row in rows.rows.items()} == rows.names
    assert len(rows.names) == len(rows.rows)
    assert rows.missing == sum(row.missing_since is not None for row in rows.rows.values())
    assert rows.gone == sum(row.gone_since is not None for row in rows.rows.values())
    assert rows.gone <= rows.missing
    assert rows.looked is None or abs(rows.looked) < 1e15
    for name, row in rows.rows.items():
        assert type(name) is str
        assert type(row.number) is int
        assert 1 <= row.number <= MAX_NUMBER
        assert abs(row.continuous_since) < 1e15
        for when in (row.missing_since, row.gone_since, row.first_seen, row.last_seen, row.changed):
            assert when is None or abs(when) < 1e15
        assert type(row.lasting) is bool
        assert row.up is None or type(row.up) is bool
        for traffic in (row.counters, row.counter_offset):
            assert traffic is None or isinstance(traffic, Traffic)
            assert traffic is None or all(type(value) is int for value in traffic)
            assert traffic is None or all(0 <= value < 1 << 64 for value in traffic)
