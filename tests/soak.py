# SPDX-License-Identifier: GPL-3.0-or-later
"""Walk a director that is edited all the time, in the lab, for any length of time: make soak.

    python -m tests.soak SECONDS [SEED]

Prints a line every 10 s and a summary at the end; Ctrl-C ends the soak early. The exit status is 1
if anything was wrong. tests/lab/farm.py describes the walks and the edits.
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

# Booting, sending traffic and two walks at rest at the start, and the last walks at the end
AROUND_SECONDS = 240
STOP_SECONDS = 120

WARM_UP = 0.1
# CPython keeps up to 2000 freed tuples of each length. They cost the collector about 2 MiB within
# its first 2000 snapshots, most of it in the first 20 minutes, and nothing after that.
GROWTH = 1.05


@dataclass(frozen=True)
class Summary:
    """The counts of tests/lab/churning.py, described there; memory is in kB, once a second."""

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
        """Return descriptions of everything that was wrong."""
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
    """Return the maxima of the first and of the last third, after the warm-up."""
    warm = samples[int(len(samples) * WARM_UP) :]
    third = max(1, len(warm) // 3)
    return [max(warm[:third], default=0), max(warm[-third:], default=0)]


def growth(samples: List[int]) -> str:
    """Return how memory grew, or an empty string if the last third needs at most 5 % more."""
    first, last = thirds(samples)
    return f"{first} kB, then {last} kB" if last > first * GROWTH else ""


def run(folder: Path, seconds: float, seed: int) -> Summary:
    """Boot a guest and soak; print the progress to standard output. Raises GuestError."""
    churn = TESTS / "lab" / "churn"
    limit = int(seconds + AROUND_SECONDS + STOP_SECONDS)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "progress").touch()
    # in a new session, so that Ctrl-C does not kill the guest
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
                print("stopping after the walks in progress", flush=True)
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
    """Soak for the number of seconds on the command line; return the exit status."""
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
