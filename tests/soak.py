# SPDX-License-Identifier: GPL-3.0-or-later
"""make soak: walk a director in the lab while it is edited, and check every walk.

    python -m tests.soak SECONDS PODS [SEED]

For PODS seconds after the first SECONDS, servers come and go every few seconds. Prints a line every
10 s and a summary at the end. Ctrl-C ends the run after the current walks. The exit status is 1 if
a check failed. tests/lab/farm.py describes the director, editor.py, plans.py and reloading.py its
edits, and past.py the rows that must be lost.
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

from tests.support.guests import LIMIT, GuestError, command
from tests.support.paths import CHECKOUT, TESTS
from tests.support.snmpd import AGENT

FOLDER = CHECKOUT / "build" / "soak"

WARM_UP = 0.1
# CPython keeps up to 2000 freed tuples of each length. They take about 2 MiB in the collector
# during its first 2000 snapshots, mostly in the first third of an hour, and no more afterwards. A
# shorter run ends meanwhile.
GROWTH = 1.05
TUPLES_SECONDS, TUPLES_KB = 2000, 2048
# of the collector's memory and of the state file, for each row that it remembers: docs/design.md
ROW_BYTES = 1024
ROW_FILE_BYTES = 400
# The state file is replaced when it has grown to twice its length and 1 MiB. One look at the
# director adds less than the rest.
SPARE_FILE_BYTES = (1 << 20) + (1 << 16)


@dataclass(frozen=True)
class Summary:
    """The results of tests/lab/churning.py.

    memory has a sample per second, in kB, as has pods_memory while pods come and go; so has state,
    the length of the state file. rows is the number of rows that existed until then, pods of those
    that were added afterwards.
    """

    seconds: float
    seed: int
    walks: int
    sizes: int
    varbinds: int
    longest: float
    edits: int
    compared: int
    required: int
    reloads: int
    fixed_checked: int
    fixed_lost: int
    due: int
    reported: int
    faults: Dict[str, int]
    first: List[List[str]]
    trouble: str
    memory: Dict[str, List[int]]
    pods_memory: Dict[str, List[int]]
    rows: int
    pods: int
    state: List[int]

    def wrong(self) -> List[str]:
        """Return the failures as text; an empty list if there were none."""
        found = [f"{count} times {kind}" for kind, count in self.faults.items() if count]
        found += [self.trouble] if self.trouble else []
        for name, samples in self.memory.items():
            warm = name != "collector" or len(samples) > TUPLES_SECONDS
            grown = growth(samples, 0 if warm else TUPLES_KB)
            found += [f"{name} grew: {grown}"] * bool(grown)
        for name, samples in self.pods_memory.items():
            grown = growth(samples, self.pods * ROW_BYTES // 1024 if name == "collector" else 0)
            found += [f"{name} grew while pods came and went: {grown}"] * bool(grown)
        if max(self.state, default=0) > self.most_state:
            found.append(f"the state file grew to {max(self.state)} kB, over {self.most_state} kB")
        if self.reported != self.due:
            found.append(f"of {self.due} rows that were certainly lost, {self.reported} reported")
        return found

    @property
    def most_state(self) -> int:
        """The bound of the state file's length, in kB."""
        rows = self.rows + self.pods
        return (2 * rows * ROW_FILE_BYTES + SPARE_FILE_BYTES) // 1024

    def __str__(self) -> str:
        lines = [
            f"{self.seconds:.0f} s, seed {self.seed}: {self.walks} walks by three walkers,"
            f" {self.varbinds} varbinds, the longest walk {self.longest:.0f} s",
            f"{self.edits} edits ({self.edits / self.seconds:.1f} a second), compared with ipvsadm"
            f" {self.compared} times; {self.sizes} sizes of walk",
            f"{self.required} checks that a row is in a walk, or is not",
            f"{self.reloads} reloads of keepalived",
            f"{self.fixed_checked} checks that a fixed row is not lost: {self.fixed_lost} were",
            f"{self.due} rows were certainly lost, and {self.reported} of them reported",
            *(f"{kind}: {count}" for kind, count in self.faults.items()),
        ]
        for when, memory in (("", self.memory), (f" ({self.pods} pods)", self.pods_memory)):
            for name, samples in memory.items():
                first, last = thirds(samples)
                lines.append(
                    f"{name}{when}: up to {first} kB in the first third, {last} kB in the last"
                )
        lines.append(
            f"{self.rows + self.pods} rows; state file up to {max(self.state, default=0)} kB,"
            f" at the end {sum(self.state[-1:])} kB, limit {self.most_state} kB"
        )
        return "\n".join([*lines, *(f"  {kind}: {text}" for kind, text in self.first)])


def thirds(samples: List[int]) -> List[int]:
    """Return the maximum of the first and of the last third, after the warm-up."""
    warm = samples[int(len(samples) * WARM_UP) :]
    third = max(1, len(warm) // 3)
    return [max(warm[:third], default=0), max(warm[-third:], default=0)]


def growth(samples: List[int], needed: int = 0) -> str:
    """Return a text if the last third's maximum is more than 5 % above the first's, else "".

    needed is what may be added to the last third, in kB.
    """
    first, last = thirds(samples)
    return f"{first} kB, then {last} kB" if last > first * GROWTH + needed else ""


def run(folder: Path, seconds: float, pods: float, seed: int) -> Summary:
    """Boot a guest and soak; print progress to standard output. Raise GuestError if it fails."""
    churn = TESTS / "lab" / "churn"
    limit = int(seconds + pods + LIMIT)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "progress").touch()
    # in its own session, so that Ctrl-C does not reach it and the run ends in order
    with (
        open(folder / "progress") as progress,
        subprocess.Popen(
            command(folder, churn, AGENT, seconds, pods, seed, limit=limit),
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
                print("stopping after the current walks", flush=True)
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
    """Soak for the seconds given on the command line; return the exit status."""
    seconds, pods = map(float, sys.argv[1:3])
    seed = int(sys.argv[3]) if sys.argv[3:] else int(time.time())
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    shutil.rmtree(FOLDER, ignore_errors=True)
    print(f"seed {seed}; booting and walking at rest", flush=True)
    try:
        summary = run(FOLDER, seconds, pods, seed)
    except GuestError as error:
        print(error, file=sys.stderr)
        return 1
    print(summary)
    wrong = summary.wrong()
    print("; ".join(wrong) if wrong else "no faults, memory is flat")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
