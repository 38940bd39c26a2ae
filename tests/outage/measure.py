# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens, and how long each system takes to show it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Callable, Dict, Iterator, Sequence, Set, Tuple

from tests.outage.guest import Guest
from tests.outage.plan import OUTAGES, Outage
from tests.outage.system import INTERVAL, System

PAUSE = 0.2  # seconds between two looks at a system
LIMIT = 4.0 * INTERVAL

Key = Tuple[str, System]  # with the name of an outage


class MeasureError(Exception):
    """What systems show contradicts what happens."""


@dataclass
class Change:
    """Servers that are killed, or started again.

    changed is when keepalived had edited the table, in seconds after the kill, by outage; seen is
    when a system showed it, in seconds after that.
    """

    changed: Dict[str, float] = field(default_factory=dict)
    seen: Dict[Key, float] = field(default_factory=dict)


def until(what: str, condition: Callable[[], object], limit: float = 120) -> None:
    """Wait for a condition, or raise MeasureError with what was waited for."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise MeasureError(f"not within {limit:.0f} s: {what}")
        time.sleep(PAUSE)


def shown(systems: Sequence[System], killed: bool) -> Iterator[Tuple[Outage, System]]:
    """Yield the systems, with the outages, that show the state before or after the kill."""
    for outage in OUTAGES:
        for system in filter(lambda each: each.tells(outage), systems):
            if system.shows(outage, outage.state if killed else outage.before):
                yield outage, system


def until_shown(systems: Sequence[System]) -> None:
    """Wait until all systems show the director without an outage, or raise MeasureError."""
    wanted = {(outage.name, each) for outage in OUTAGES for each in systems if each.tells(outage)}

    def lacking() -> Set[Key]:
        return wanted - {(outage.name, each) for outage, each in shown(systems, killed=False)}

    try:
        until("all systems", lambda: not lacking())
    except MeasureError as error:
        names = sorted(f"{each.name}, {each.output}: {outage}" for outage, each in lacking())
        raise MeasureError(f"{error}: {'; '.join(names)}") from None


def measure(guest: Guest, systems: Sequence[System], killed: bool) -> Change:
    """Kill servers or start them again, and wait until all systems show it or LIMIT has passed."""
    if killed and (
        early := [f"{each.name}: {outage.name}" for outage, each in shown(systems, True)]
    ):
        raise MeasureError(f"shown before it happened: {early}")
    change = Change()
    stop = threading.Event()
    began = time.monotonic()
    for outage in OUTAGES:
        (guest.kill if killed else guest.start)(outage.killed)

    def follow(system: System) -> None:
        """Note when a system shows each outage."""
        waiting = [outage for outage in OUTAGES if system.tells(outage)]
        while waiting and time.monotonic() < began + LIMIT and not stop.wait(PAUSE):
            for outage in [each for each in waiting if each.name in change.changed]:
                if system.shows(outage, outage.state if killed else outage.before):
                    after = time.monotonic() - began - change.changed[outage.name]
                    change.seen[outage.name, system] = after
                    waiting.remove(outage)

    with ThreadPoolExecutor(len(systems)) as pool:
        try:
            followed = [pool.submit(follow, system) for system in systems]
            while not all(each.done() for each in followed):
                table = guest.table()
                for outage in OUTAGES:
                    if outage.name not in change.changed and outage.holds(table, killed):
                        change.changed[outage.name] = time.monotonic() - began
                time.sleep(PAUSE / 4)
        finally:
            stop.set()
    for each in followed:
        each.result()
    return change
