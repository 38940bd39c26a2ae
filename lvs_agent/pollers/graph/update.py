# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent graph update: saves the current values of directors in their files."""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from lvs_agent.codes import Status
from lvs_agent.errors import CommandError
from lvs_agent.mib.smi import Oid
from lvs_agent.pollers import ready
from lvs_agent.pollers.client import Client, asked
from lvs_agent.pollers.client import Value as Answer
from lvs_agent.pollers.director import DirectorError
from lvs_agent.pollers.graph import beside, files
from lvs_agent.pollers.graph.files import File, FileError, Value
from lvs_agent.pollers.graph.progress import Progress
from lvs_agent.pollers.graph.rrdtool import Rrdtool
from lvs_agent.pollers.naming import RIP, VIP, Named
from lvs_agent.pollers.services import PARTS, address_row_of, row_of

# in the order of files.SOURCES: columns of each table
GAUGES = ("ActiveConns", "InactConns")
COUNTERS = ("Conns", "InPkts", "OutPkts", "InBytes", "OutBytes")
# sums first, so that they get files even if there are too many rows
SUMS = {"lvsVip": VIP, "lvsRip": RIP}
SERVICES, SERVERS = "lvsVs", "lvsRs"
TABLES = (*SUMS, SERVICES, SERVERS)

UNKNOWN: Tuple[Value, ...] = (None,) * len(files.SOURCES)
# for all requests to one director; updates come every 300 s
SECONDS = 240.0

# files of a director, up to 17 GB, a limit also for rows that come and go at each update
MOST_FILES = 40_000
MOST_SAID = 10  # errors about files, so that a full disk is not reported 10,000 times


class BusyError(CommandError):
    """An update while another update of the same folder is running."""


@dataclass
class Reading:
    """The rows of a director at one time, in seconds since 1970, and the errors in reading them.

    aliases, changed and lost are by the rows' names, as in graph.beside.
    """

    when: int
    rows: Dict[Named, Sequence[Value]] = field(default_factory=dict)
    aliases: Dict[str, str] = field(default_factory=dict)
    changed: Dict[str, int] = field(default_factory=dict)
    lost: Dict[str, int] = field(default_factory=dict)
    errors: List[str] = field(default_factory=list)


def update(
    clients: Sequence[Client], folder: Path, step: int, clock: Callable[[], float]
) -> List[str]:
    """Query all directors at once and save each as soon as it is read; return errors, a line each.

    step is for new files: the seconds between two updates. Raises OSError for the folder,
    NoRrdtoolError and BusyError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder), Rrdtool(folder) as rrdtool:
        progress = Progress("rows read:")
        errors: List[str] = []
        for client, reading in asked(clients, lambda client: read(client, clock, progress)):
            if isinstance(reading, DirectorError):
                errors.append(str(reading))
            else:
                director = files.folder_of(str(client.director))
                errors += reading.errors
                errors += _write(rrdtool, folder, director, reading, step)
        progress.end()
        return errors


def read(client: Client, clock: Callable[[], float], progress: Progress) -> Reading:
    """Return all rows of a director. Raises DirectorError, even if some rows were read."""
    (status,) = ready.get(client, [ready.STATUS])
    if status is None:
        raise client.unserved()
    # the agent has just fetched a snapshot for the first request
    reading = Reading(int(clock()))
    odd: List[str] = []
    frozen = status == Status.COUNTERS_FROZEN
    for table in TABLES:
        columns = [f"{table}{name}" for name in _columns(table)]
        for instance, values in client.walk(columns):
            progress.count()
            try:
                row = _row_of(client, table, instance)
            except DirectorError as error:
                odd.append(str(error))
                continue
            _take(reading, row, dict(zip(_columns(table), values)), frozen)
    for instance, (age,) in client.walk(["lvsLostVsAge"]):
        with contextlib.suppress(DirectorError):  # only a page shows it
            row = row_of(client, instance, server=False)
            _note(reading.lost, row, reading.when, age)
    if odd:
        reading.errors.append(odd[0] + (f"; and {len(odd) - 1} more" if odd[1:] else ""))
    return reading


def _columns(table: str) -> Sequence[str]:
    """Return the columns to walk, without the prefix of their table."""
    ages = ["StateAge"] if table == SERVICES else []
    return [*GAUGES, *COUNTERS, "Alias", *PARTS.get(table, ()), *ages]


def _take(reading: Reading, row: Named, answers: Mapping[str, Answer], frozen: bool) -> None:
    """Take the answers for a row into a reading."""
    numbers = {name: value for name, value in answers.items() if isinstance(value, int)}
    reading.rows[row] = [
        *(numbers.get(name) for name in GAUGES),
        # frozen counters say nothing about the traffic
        *(None if frozen else numbers.get(name) for name in COUNTERS),
        *_parts([numbers.get(name) for name in PARTS.get(row.table, ())]),
    ]
    if answers["Alias"]:
        reading.aliases[str(row)] = str(answers["Alias"])
    _note(reading.changed, row, reading.when, answers.get("StateAge"))


def _parts(counts: Sequence[Value]) -> List[Value]:
    """Return the values of files.PARTS for the numbers of parts that are up, present and lost."""
    if not counts:
        return []
    up, present, lost = counts
    return [up, None if up is None or present is None else max(0, present - up), lost]


def _note(times: Dict[str, int], row: Named, when: int, age: Answer) -> None:
    """Note the time of a change, in seconds since 1970, that was age seconds before when."""
    if isinstance(age, int) and age <= when:
        times[str(row)] = when - age


def _row_of(client: Client, table: str, instance: Oid) -> Named:
    if table in SUMS:
        return address_row_of(client, SUMS[table], instance)
    return row_of(client, instance, server=table == SERVERS)


def _write(rrdtool: Rrdtool, folder: Path, director: str, reading: Reading, step: int) -> List[str]:
    """Write a reading; return the errors."""
    (folder / director).mkdir(exist_ok=True)
    beside.save(folder / director, beside.ALIASES, str, reading.aliases)
    beside.save(folder / director, beside.CHANGED, int, reading.changed)
    beside.save(folder / director, beside.LOST, int, reading.lost)
    old = set(files.rows_in(folder / director))
    gone = [row for row in old if row not in reading.rows]
    new = [row for row in reading.rows if row not in old]
    left_out = set(new[max(0, MOST_FILES - len(old)) :])
    errors = []
    if left_out:
        errors.append(
            f"{folder}/{director}: more than {MOST_FILES:,} files: none for {len(left_out):,} rows"
        )
        reading.rows = {row: reading.rows[row] for row in reading.rows if row not in left_out}
    progress = Progress(f"files of {director} written:", len(reading.rows) + len(gone))
    for row in [*reading.rows, *gone]:
        file, values = File(director, row), reading.rows.get(row)
        try:
            if row in old:
                _continue(rrdtool, file, reading.when, values)
            else:
                files.create(rrdtool, file, reading.when - 1, step)
                files.update(rrdtool, file, reading.when, values or UNKNOWN)
        except FileError as error:
            errors.append(f"{folder}/{error}")
        finally:
            progress.count()
    progress.end()
    more = len(errors) - MOST_SAID
    return errors if more < 1 else [*errors[:MOST_SAID], f"{folder}/{director}: {more} more errors"]


def _continue(rrdtool: Rrdtool, file: File, when: int, values: Optional[Sequence[Value]]) -> None:
    """Add the values of a row to its file; None for a row that is gone.

    Raises FileError, also if a file of an earlier version got its values but no new data sources.
    """
    last = files.last(rrdtool, file)
    if not last.known:
        if values is None:
            return  # the time of the last update shows when the row disappeared
        # so that the gap stays when the row returns
        files.update(rrdtool, file, when - 1, UNKNOWN)
    lacking = files.lacking(file, last)
    if values is None:
        values = UNKNOWN
    elif lacking:
        try:
            files.extend(rrdtool, file, lacking)
        except FileError:
            files.update(rrdtool, file, when, values[: len(files.SOURCES)])
            raise
    files.update(rrdtool, file, when, values)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"{folder}: another update is running") from None
        yield
    finally:
        os.close(lock)
