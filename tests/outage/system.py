# SPDX-License-Identifier: GPL-3.0-or-later
"""A monitoring system under test, and what most of them need."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Optional, Sequence, Tuple

from tests.outage.plan import Outage, State

# Seconds between the polls of each system. A poll takes some of them, and the agent's values may be
# 5 s old, which matters less with the minutes that are usual.
INTERVAL = 20

Numbers = Tuple[Optional[float], ...]


@dataclass(frozen=True)
class System:
    """A system, or one of the ways in which it shows the state of a service.

    shows() tests that its own output says that a service is in a state. tells() is false for the
    outages that it does not report. delay is what it waits on purpose, in seconds.
    """

    name: str
    output: str
    shows: Callable[[Outage, State], bool]
    tells: Callable[[Outage], bool] = lambda outage: True
    delay: float = 0.0


def numbers(read: Callable[[Outage], Numbers]) -> Callable[[Outage, State], bool]:
    """Return shows() of a system that has the numbers of servers that are up and lost."""
    return lambda outage, state: read(outage) == (state.up, state.lost)


def alerts(read: Callable[[Outage], bool]) -> Callable[[Outage, State], bool]:
    """Return shows() of a system that has an alert about a service, or none."""
    return lambda outage, state: read(outage) != state.healthy


def missing(outage: Outage) -> bool:
    """Return whether servers leave the table: those at weight 0 cause no alert."""
    return not outage.inhibit


@contextmanager
def program(log: Path, *command: object, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the end; its output is in a file."""
    with log.open("a") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            env={**os.environ, "LC_ALL": "C", **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def every(*actions: Callable[[], object]) -> Iterator[None]:
    """Do something at each interval, as cron would, in a thread."""
    stop = threading.Event()

    def loop() -> None:
        due = time.monotonic()
        while not stop.wait(max(0.0, due - time.monotonic())):
            due += INTERVAL
            for action in actions:
                action()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def run(log: Path, *command: object, user: Optional[str] = None, **environment: str) -> None:
    """Run a command to its end; its output is added to a file."""
    with log.open("a") as output:
        subprocess.run(
            [str(word) for word in command],
            user=user,
            group=user,
            extra_groups=[] if user else None,
            env={**os.environ, "LC_ALL": "C", **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )


def file_numbers(path: Path, names: Sequence[str]) -> Numbers:
    """Return the last values of data sources of a round-robin file, None for unknown ones."""
    done = subprocess.run(
        ["rrdtool", "lastupdate", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    head, _, last = done.stdout.strip().partition("\n\n")
    values = dict(zip(head.split(), last.split()[1:]))
    return tuple(None if values.get(name, "U") == "U" else float(values[name]) for name in names)
