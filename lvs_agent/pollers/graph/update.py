# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent graph update: saves the current values of directors in their files."""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

from lvs_agent.codes import Status
from lvs_agent.errors import CommandError
from lvs_agent.mib.smi import Oid
from lvs_agent.pollers import ready
from lvs_agent.pollers.client import Client, asked
from lvs_agent.pollers.director import DirectorError
from lvs_agent.pollers.graph import aliases, files
from lvs_agent.pollers.graph.files import File, FileError, Value
from lvs_agent.pollers.graph.progress import Progress
from lvs_agent.pollers.graph.rrdtool import Rrdtool
from lvs_agent.pollers.naming import RIP, VIP, Named
from lvs_agent.pollers.services import address_row_of, row_of

# in the order of files.SOURCES: columns of each table
GAUGES = ("ActiveConns", "InactConns")
COUNTERS = ("Conns", "InPkts", "OutPkts", "InBytes", "OutBytes")
COLUMNS = (*GAUGES, *COUNTERS, "Alias")
# sums first, so that they get files even if there are too many rows
SUMS = {"lvsVip": VIP, "lvsRip": RIP}
TABLES = (*SUMS, "lvsVs", "lvsRs")

NOTHING: Tuple[Value, ...] = (None,) * (len(GAUGES) + len(COUNTERS))
# for all requests to one director; updates come every 300 s
SECONDS = 240.0

# files of a director, 12 GB, a limit also for rows that come and go at each update
MOST_FILES = 40_000
MOST_SAID = 10  # errors about files, so that a full disk is not reported 10,000 times


class BusyError(CommandError):
    """An update while another update of the same folder is running."""


@dataclass
class Reading:
    """The rows of a director at one time, in seconds since 1970, and the errors in reading them.

    aliases are those of rows that have one, by the rows' names.
    """

    when: int
    rows: Dict[Named, Sequence[Value]] = field(default_factory=dict)
    aliases: Dict[str, str] = field(default_factory=dict)
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
    # frozen counters say nothing about the traffic
    frozen = status == Status.COUNTERS_FROZEN
    for table in TABLES:
        for instance, values in client.walk([table + name for name in COLUMNS]):
            progress.count()
            try:
                row = _row_of(client, table, instance)
            except DirectorError as error:
                odd.append(str(error))
                continue
            *numbers, alias = values
            if alias:
                reading.aliases[str(row)] = str(alias)
            known = [value if isinstance(value, int) else None for value in numbers]
            if frozen:
                known[len(GAUGES) :] = NOTHING[len(GAUGES) :]
            reading.rows[row] = known
    if odd:
        reading.errors.append(odd[0] + (f"; and {len(odd) - 1} more" if odd[1:] else ""))
    return reading


def _row_of(client: Client, table: str, instance: Oid) -> Named:
    if table in SUMS:
        return address_row_of(client, SUMS[table], instance)
    return row_of(client, instance, server=table == "lvsRs")


def _write(rrdtool: Rrdtool, folder: Path, director: str, reading: Reading, step: int) -> List[str]:
    """Write a reading; return the errors."""
    (folder / director).mkdir(exist_ok=True)
    aliases.save(folder / director, reading.aliases)
    old = {file.row for file in files.listed(folder, [director])}
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
        file = File(director, row)
        try:
            if row not in old:
                files.create(rrdtool, file, reading.when - 1, step)
            elif not files.last(rrdtool, file).known:
                if row not in reading.rows:
                    continue  # the time of the last update shows when the row disappeared
                # so that the gap stays when the row returns
                files.update(rrdtool, file, reading.when - 1, NOTHING)
            files.update(rrdtool, file, reading.when, reading.rows.get(row, NOTHING))
        except FileError as error:
            errors.append(f"{folder}/{error}")
        finally:
            progress.count()
    progress.end()
    more = len(errors) - MOST_SAID
    return errors if more < 1 else [*errors[:MOST_SAID], f"{folder}/{director}: {more} more errors"]


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
