# SPDX-License-Identifier: GPL-3.0-or-later
"""Walk a director that is edited all the time, in the lab, for as long as wanted: make soak.

    python -m tests.soak SECONDS [SEED]

Prints a line every 10 s and a summary at the end; Ctrl-C brings the end at once. Exit status 1
if anything was wrong. What was walked and edited, and how, is in tests/lab/farm.py.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, TextIO

from tests.support.guests import GuestError, command
from tests.support.paths import CHECKOUT, TESTS
from tests.support.snmpd import AGENT

FOLDER = CHECKOUT / "build" / "soak"

# Booting, sending traffic and two walks at rest before, the last walks after
AROUND_SECONDS = 240
STOP_SECONDS = 120

WARM_UP = 0.1
# CPython keeps up to 2000 freed tuples of each length. That takes the collector some 2 MiB
# within its first 2000 snapshots, most of it in the first third of an hour, and then no more.
GROWTH = 1.05


@dataclass(frozen=True)
class Summary:
    """What tests/lab/churning.py counted; see there. memory is in kB, a sample a second."""

    seconds: float
    seed: int
    walks: int
    sizes: int
    varbinds: int
    longest: float
    edits: int
    compared: int
    required: int
    faults: Dict[str, int]
    first: List[List[str]]
    trouble: str
    memory: Dict[str, List[int]]

    def wrong(self) -> List[str]:
        """What was wrong, in words; nothing if all was right."""
        found = [f"{count} times {kind}" for kind, count in self.faults.items() if count]
        found += [self.trouble] if self.trouble else []
        found += [
            f"{name} grew: {grown}"
            for name, samples in self.memory.items()
            for grown in [growth(samples)]
            if grown
        ]
        return found

    def __str__(self) -> str:
        lines = [
            f"{self.seconds:.0f} s, seed {self.seed}: {self.walks} walks by three walkers,"
            f" {self.varbinds} varbinds, the longest walk {self.longest:.0f} s",
            f"{self.edits} edits ({self.edits / self.seconds:.1f} a second), compared with ipvsadm"
            f" {self.compared} times; {self.sizes} sizes of walk",
            f"{self.required} times a row had to be in a walk, or must not be",
            *(f"{kind}: {count}" for kind, count in self.faults.items()),
        ]
        for name, samples in self.memory.items():
            first, last = thirds(samples)
            lines.append(f"{name}: at most {first} kB in the first third, {last} kB in the last")
        return "\n".join([*lines, *(f"  {kind}: {text}" for kind, text in self.first)])


def thirds(samples: List[int]) -> List[int]:
    """The most of the first and of the last third, after the warm-up."""
    warm = samples[int(len(samples) * WARM_UP) :]
    third = max(1, len(warm) // 3)
    return [max(warm[:third], default=0), max(warm[-third:], default=0)]


def growth(samples: List[int]) -> str:
    """Empty if memory is flat: the last third needs no more than the first, but for 5 %."""
    first, last = thirds(samples)
    return f"{first} kB, then {last} kB" if last > first * GROWTH else ""


def run(folder: Path, seconds: float, seed: int) -> Summary:
    """Boot a guest and soak; progress goes to standard output. Raises GuestError."""
    churn = TESTS / "lab" / "churn"
    limit = int(seconds + AROUND_SECONDS + STOP_SECONDS)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "progress").touch()
    # in a session of its own, so that Ctrl-C ends the run in good order
    with (
        open(folder / "progress") as progress,
        subprocess.Popen(
            command(folder, churn, AGENT, seconds, seed, limit=limit),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as guest,
    ):
        try:
            try:
                _follow(guest, progress)
            except KeyboardInterrupt:
                print("stopping: the walks under way are the last", flush=True)
                (folder / "stop").touch()
                _follow(guest, progress)
        finally:
            guest.terminate()
        assert guest.stdout
        said = guest.stdout.read()
    if guest.returncode:
        raise GuestError(said)
    return Summary(**json.loads((folder / "summary.json").read_text()))


def _follow(guest: subprocess.Popen[str], progress: TextIO) -> None:
    while True:
        ended = guest.poll() is not None
        for line in progress:
            print(line, end="", flush=True)
        if ended:
            return
        time.sleep(1)


def main() -> int:
    """Soak for the seconds of the command line."""
    seconds = float(sys.argv[1])
    seed = int(sys.argv[2]) if sys.argv[2:] else int(time.time())
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    shutil.rmtree(FOLDER, ignore_errors=True)
    print(f"seed {seed}; booting, and walking at rest", flush=True)
    try:
        summary = run(FOLDER, seconds, seed)
    except GuestError as error:
        print(error, file=sys.stderr)
        return 1
    print(summary)
    wrong = summary.wrong()
    print("; ".join(wrong) if wrong else "nothing was wrong, memory is flat")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
