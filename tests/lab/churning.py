# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: edit the farm ten times a second, walk it meanwhile, and check each walk.

    python -m tests.lab.churning SECONDS SEED PID-OF-SNMPD PID-OF-COLLECTOR

Three threads walk. A line every 10 s goes to $RESULT/progress, and the results go to
$RESULT/summary.json at the end. Creating the file $RESULT/stop ends the run early. Walks with a
fault are kept in $RESULT.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Dict, List

from tests.lab import farm
from tests.lab.editor import Editor
from tests.lab.walkcheck import KINDS, Checker, Fault, Timeline
from tests.support import ipvsadm, walked
from tests.support.ipvsadm import without_rates

RESULT = Path(os.environ["RESULT"])
LAB = Path(__file__).parent
WALK = "snmpbulkwalk -v2c -c public -On -Cr40 -t 20 -r 3 127.0.0.1:16161 .1.3.6.1.4.1.8225.4711"
WALKERS = 3
SAMPLE_SECONDS, PROGRESS_SECONDS = 1.0, 10.0
KEPT_FAULTS = 50
LEAST_WALKS = 3 * WALKERS


def walk() -> List[str]:
    """Return the lines of one walk, with snmpbulkwalk's error if it fails."""
    done = subprocess.run(
        WALK.split(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout.splitlines() + [f"exit status {done.returncode}"] * (done.returncode != 0)


def at_rest(name: str) -> List[str]:
    """Return a walk of the farm while nobody edits it, after comparing it with ipvsadm."""
    folder = RESULT / name
    folder.mkdir()
    time.sleep(1.5)  # a request after a quiet second waits for a new snapshot
    lines = walk()
    views = f". {LAB}/lib.sh; . {LAB}/ipvsadm.sh"
    subprocess.run(["bash", "-euc", views], env={**os.environ, "RESULT": str(folder)}, check=True)
    (folder / "walk").write_text("\n".join(lines) + "\n")
    served = without_rates(walked.director(walked.tables(lines)))
    said = without_rates(ipvsadm.read(folder / "ipvsadm"))
    if served != said:
        raise SystemExit(f"at rest, ipvsadm shows\n{said}\nbut the walk\n{served}")
    return lines


class Walkers:
    """Threads that walk until they are stopped, and check each finished walk."""

    def __init__(self, checker: Checker, timeline: Timeline, lock: threading.Lock) -> None:
        self._checker = checker
        self._timeline = timeline
        self._lock = lock
        self._threads = [threading.Thread(target=self._run) for _ in range(WALKERS)]
        self._stop = threading.Event()
        self._under_way: Dict[int, float] = {}
        self.walks = self.varbinds = 0
        self.longest = 0.0
        self.sizes: Counter[int] = Counter()
        self.faults: List[Fault] = []
        self.kinds: Counter[str] = Counter(dict.fromkeys(KINDS, 0))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Wait for the current walks, and start no more."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def alive(self) -> bool:
        return all(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        me = threading.get_ident()
        while not self._stop.is_set():
            with self._lock:
                began = self._under_way[me] = time.monotonic()
            lines = walk()
            with self._lock:
                self._take(lines, began, time.monotonic())

    def _take(self, lines: List[str], began: float, ended: float) -> None:
        faults = self._checker.check(lines, began, ended, self._timeline)
        self._timeline.forget(min(self._under_way.values()) - 60)
        self.walks += 1
        self.varbinds += len(lines)
        self.longest = max(self.longest, ended - began)
        self.sizes[len(lines)] += 1
        if faults and len(self.faults) < KEPT_FAULTS:
            (RESULT / f"faulty.{self.walks}").write_text("\n".join(lines) + "\n")
            self.faults += faults[: KEPT_FAULTS - len(self.faults)]
        self.kinds.update(fault.kind for fault in faults)


class Memory:
    """Samples of the resident sets of snmpd, its child and the collector, in kB."""

    def __init__(self, snmpd: int, collector: int) -> None:
        self._pids = {"responder": _child(snmpd), "collector": collector, "snmpd": snmpd}
        self.samples: Dict[str, List[int]] = {name: [] for name in self._pids}

    def sample(self) -> None:
        """Take a sample. Raise OSError if a process has ended."""
        for name, pid in self._pids.items():
            status = Path(f"/proc/{pid}/status").read_text()
            self.samples[name].append(int(status.partition("VmRSS:")[2].split()[0]))

    def __str__(self) -> str:
        return ", ".join(f"{name} {kb[-1] / 1024:.1f}" for name, kb in self.samples.items())


def _child(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def main(seconds: float, seed: int, snmpd: int, collector: int) -> None:
    """Run for so many seconds and at least LEAST_WALKS, or until $RESULT/stop exists."""
    with Editor(farm.churned(), farm.steady(), seed) as editor:
        a = at_rest("a")
        editor.set_all(1)
        checker = Checker(a, at_rest("b"))
        lock = threading.Lock()
        timeline = Timeline(checker.rows)
        walkers, memory = Walkers(checker, timeline, lock), Memory(snmpd, collector)
        editor.start(timeline, lock)
        walkers.start()
        began = time.monotonic()
        noted = began
        trouble = ""
        while not (RESULT / "stop").exists() and (
            time.monotonic() - began < seconds or walkers.walks < LEAST_WALKS
        ):
            time.sleep(SAMPLE_SECONDS)
            try:
                memory.sample()
            except OSError as error:
                trouble = f"a process has ended: {error}"
                break
            if not editor.alive() or not walkers.alive():
                trouble = editor.trouble or "a thread has ended"
                break
            if time.monotonic() - noted >= PROGRESS_SECONDS:
                noted += PROGRESS_SECONDS
                note(began, walkers, editor, memory)
        lasted = time.monotonic() - began
        editor.stop()
        walkers.stop()
        note(began, walkers, editor, memory)
        summary = {
            "seconds": lasted,
            "seed": seed,
            "walks": walkers.walks,
            "sizes": len(walkers.sizes),
            "varbinds": walkers.varbinds,
            "longest": walkers.longest,
            "edits": editor.edits,
            "compared": editor.compared,
            "required": checker.required,
            "faults": walkers.kinds,
            "first": walkers.faults,
            "trouble": trouble or editor.trouble,
            "memory": memory.samples,
        }
        (RESULT / "summary.json").write_text(json.dumps(summary))


def note(began: float, walkers: Walkers, editor: Editor, memory: Memory) -> None:
    """Write a line of progress."""
    with open(RESULT / "progress", "a") as progress:
        print(
            f"{time.monotonic() - began:5.0f} s: {walkers.walks} walks of {walkers.varbinds}"
            f" varbinds, {editor.edits} edits, {sum(walkers.kinds.values())} faults;"
            f" MiB: {memory}",
            file=progress,
        )


if __name__ == "__main__":
    main(float(sys.argv[1]), *map(int, sys.argv[2:]))
