# SPDX-License-Identifier: GPL-3.0-or-later
"""Generation and checking of inputs, and the findings."""

from __future__ import annotations

import importlib
import itertools
import multiprocessing
import os
import random
import resource
import signal
import time
import traceback
from types import FrameType
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

MAX_BYTES = 160
PORTION = 250
INPUT_SECONDS = 5  # of the processor
WAITED_SECONDS = 60  # a machine with other work to do may take as long
WORKER_BYTES = 1 << 30
PROGRESS_SECONDS = 10.0


Check = Callable[[bytes], None]


class LateError(Exception):
    """The time for an input is over. Not a TimeoutError, which is an OSError and may be handled."""


class Finding(NamedTuple):
    """An input for which a property does not hold, and the place of the error."""

    number: int
    place: str
    trace: str


class Portion(NamedTuple):
    """A range of inputs: their numbers start with first."""

    target: str
    seed: str
    first: int
    inputs: int


def made(target: str, seed: str, number: int) -> bytes:
    """Return the input with that number; it is the same each time."""
    source = random.Random(f"{target}:{seed}:{number}")
    return source.randbytes(source.randrange(MAX_BYTES))


def target_check(target: str) -> Check:
    """Return the function of a target."""
    check: Check = importlib.import_module(f"tests.fuzz.{target}").check
    return check


def findings(check: Check, portion: Portion) -> List[Finding]:
    """Return the findings in a portion."""
    found = []
    for number in range(portion.first, portion.first + portion.inputs):
        try:
            check(made(portion.target, portion.seed, number))
        except Exception as error:  # noqa: BLE001 - every error is a finding
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__} at {frame.filename}:{frame.lineno}"
            found.append(Finding(number, place, traceback.format_exc()))
    return found


def _tried(portion: Portion) -> Tuple[int, List[Finding]]:
    """Check a portion in a worker; return the number of inputs, and the findings."""
    check = target_check(portion.target)

    def in_time(data: bytes) -> None:
        signal.setitimer(signal.ITIMER_PROF, INPUT_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, WAITED_SECONDS)
        try:
            check(data)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)

    return portion.inputs, findings(in_time, portion)


def _begin() -> None:
    """Prepare a worker: limit an input's time and memory, and leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, _late)
    signal.signal(signal.SIGALRM, _late)
    resource.setrlimit(resource.RLIMIT_AS, (WORKER_BYTES, WORKER_BYTES))


def _late(_number: int, _frame: Optional[FrameType]) -> None:
    raise LateError(f"an input took {INPUT_SECONDS} s, or {WAITED_SECONDS} s with waiting")


def _portions(target: str, seed: str, inputs: int, until: float) -> Iterator[Portion]:
    for first in itertools.count(0, PORTION):
        if (inputs and first >= inputs) or time.monotonic() > until:
            return
        yield Portion(target, seed, first, min(PORTION, inputs - first) if inputs else PORTION)


def fuzz(target: str, seed: str, inputs: int, seconds: float) -> Dict[str, Finding]:
    """Check this many inputs, or for this many seconds; return the first finding at each place."""
    began = noted = time.monotonic()
    until = began + seconds if seconds else float("inf")
    found: Dict[str, Finding] = {}
    count = hits = 0

    def note() -> None:
        lasted = time.monotonic() - began
        print(
            f"{target}: {count} inputs in {lasted:.0f} s, {count / max(lasted, 0.001):.0f}/s,"
            f" {hits} findings at {len(found)} places",
            flush=True,
        )

    print(f"{target}: seed {seed}", flush=True)
    with multiprocessing.Pool(os.cpu_count(), _begin) as pool:
        # queue one portion ahead for each worker; all portions would fill the memory
        running = []
        portions = _portions(target, seed, inputs, until)
        for portion in itertools.chain(portions, itertools.repeat(None)):
            if portion is not None:
                running.append(pool.apply_async(_tried, (portion,)))
            if not running:
                break
            if portion is not None and len(running) < 2 * (os.cpu_count() or 1):
                continue
            tries, hit = running.pop(0).get()
            count += tries
            hits += len(hit)
            for finding in hit:
                if finding.place not in found:
                    found[finding.place] = finding
                    again = f"--seed {seed} --input {finding.number}"
                    print(f"{target} {again}\n{finding.trace}", flush=True)
            if time.monotonic() - noted > PROGRESS_SECONDS:
                noted = time.monotonic()
                note()
    note()
    return found
