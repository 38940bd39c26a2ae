# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each system took to show each outage: what is printed, saved, and too late."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Optional, Sequence

from tests.outage.measure import Change
from tests.outage.plan import OUTAGES
from tests.outage.system import INTERVAL, System

MOST = 2  # intervals
GRACE = 1.0  # seconds that a poll itself, and the looks at its results, may take


@dataclass(frozen=True)
class Row:
    """Times are in seconds: of keepalived since the kill and the start, of a system since then.

    None is never. delay is what the system waits on purpose.
    """

    outage: str
    system: str
    output: str
    delay: float
    removed: Optional[float]
    seen: Optional[float]
    added: Optional[float]
    recovered: Optional[float]

    @property
    def late(self) -> bool:
        """Whether a change was shown too late."""
        most = MOST * INTERVAL + self.delay + GRACE
        return any(time is None or time > most for time in (self.seen, self.recovered))


def rows(systems: Sequence[System], down: Change, up: Change) -> Iterator[Row]:
    """Yield the results by outage and system."""
    for outage in OUTAGES:
        for system in filter(lambda each: each.tells(outage), systems):
            key = outage.name, system
            yield Row(
                outage=outage.name,
                system=system.name,
                output=system.output,
                delay=system.delay,
                removed=down.changed.get(outage.name),
                seen=down.seen.get(key),
                added=up.changed.get(outage.name),
                recovered=up.seen.get(key),
            )


def save(found: Sequence[Row], file: Path) -> None:
    """Save the results as JSON."""
    each = [dataclasses.asdict(row) for row in found]
    file.write_text(json.dumps({"interval": INTERVAL, "rows": each}, indent=1))


def table(found: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield f"Seconds, and intervals of {INTERVAL} s, after the change of IPVS's table:"
    for outage in OUTAGES:
        mine = [row for row in found if row.outage == outage.name]
        did = "set its weight to 0" if outage.inhibit else "removed it"
        yield ""
        yield (
            f"{outage.name} of {outage.service}: keepalived {did} after {_time(mine[0].removed)},"
            f" and undid that {_time(mine[0].added)} after the start"
        )
        yield f"  {'':16} {'':26} {'seen':>12} {'recovered':>12}"
        for row in mine:
            notes = [f"waits {row.delay:.0f} s"] if row.delay else []
            notes += ["TOO LATE"] if row.late else []
            times = f"{_both(row.seen):>12} {_both(row.recovered):>12}  {', '.join(notes)}"
            yield f"  {row.system:16} {row.output:26} {times}".rstrip()


def _time(seconds: Optional[float]) -> str:
    return "never" if seconds is None else f"{seconds:.1f} s"


def _both(seconds: Optional[float]) -> str:
    return "never" if seconds is None else f"{seconds:.1f} {seconds / INTERVAL:5.1f}"


def late(found: Sequence[Row]) -> List[str]:
    """Return the systems that showed a change too late, with the outage."""
    return [f"{row.system}, {row.output}: {row.outage}" for row in found if row.late]
