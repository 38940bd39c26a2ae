# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: edit a director ten times a second, walk it meanwhile, and check each walk.

    python -m tests.lab.churning SECONDS PODS SEED STATE-FILE PID-OF-SNMPD PID-OF-COLLECTOR

For SECONDS, the farm is edited, some services and servers leave for good, and keepalived is
reloaded; for PODS seconds after that, servers also come and go as pods do. Three threads walk. A
line every 10 s goes to $RESULT/progress, and the results go to $RESULT/summary.json at the end.
Creating the file $RESULT/stop ends the run early. Walks with a fault are kept in $RESULT.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Dict, List

from tests.lab import farm, lostcheck, plans
from tests.lab.editor import Editor
from tests.lab.lostcheck import LostChecker
from tests.lab.past import Past
from tests.lab.reloading import Keepalived
from tests.lab.sumcheck import BACK, SumChecker
from tests.lab.walkcheck import KINDS, Checker, Fault
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

    def __init__(
        self, checker: Checker, lost: LostChecker, past: Past, lock: threading.Lock
    ) -> None:
        self._checker = checker
        self._lost = lost
        self._sums = SumChecker()
        self._past = past
        self._lock = lock
        self._threads = [threading.Thread(target=self._run) for _ in range(WALKERS)]
        self._stop = threading.Event()
        self._under_way: Dict[int, float] = {}
        self.walks = self.varbinds = 0
        self.longest = 0.0
        self.sizes: Counter[int] = Counter()
        self.faults: List[Fault] = []
        self.kinds: Counter[str] = Counter(dict.fromkeys([*KINDS, *lostcheck.KINDS, BACK], 0))

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
        timeline = self._past.timeline
        may_have = self._lost.may_have(began, ended)
        faults = self._checker.check(lines, began, ended, timeline, may_have)
        faults += self._lost.check(lines, began, ended)
        faults += self._sums.check(lines, began, ended)
        timeline.forget(min(self._under_way.values()) - 60)
        self.walks += 1
        self.varbinds += len(lines)
        self.longest = max(self.longest, ended - began)
        self.sizes[len(lines)] += 1
        if faults and len(self.faults) < KEPT_FAULTS:
            (RESULT / f"faulty.{self.walks}").write_text("\n".join(lines) + "\n")
            self.faults += faults[: KEPT_FAULTS - len(self.faults)]
        self.kinds.update(fault.kind for fault in faults)


class Sizes:
    """Samples of the resident sets of snmpd, its child and the collector, and of the state file.

    All are in kB.
    """

    def __init__(self, state: Path, snmpd: int, collector: int) -> None:
        self._state = state
        self._pids = {"responder": _child(snmpd), "collector": collector, "snmpd": snmpd}
        self.state: List[int] = []
        self.memory: Dict[str, List[int]] = {}
        self.restart()

    def restart(self) -> None:
        """Drop the samples of memory."""
        self.memory = {name: [] for name in self._pids}

    def sample(self) -> None:
        """Take a sample. Raise OSError if a process has ended."""
        for name, pid in self._pids.items():
            status = Path(f"/proc/{pid}/status").read_text()
            self.memory[name].append(int(status.partition("VmRSS:")[2].split()[0]))
        self.state.append(self._state.stat().st_size // 1024)

    def __str__(self) -> str:
        memory = ", ".join(f"{name} {kb[-1] / 1024:.1f}" for name, kb in self.memory.items() if kb)
        return f"MiB: {memory}; state file {sum(self.state[-1:])} kB"


def _child(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


class Run:
    """A director with all that edits, walks and measures it."""

    def __init__(
        self, editor: Editor, keepalived: Keepalived, checker: Checker, sizes: Sizes
    ) -> None:
        lock = threading.Lock()
        self.past = Past(checker.rows, time.monotonic())
        fixed = [
            (service.name, name)
            for service in (*farm.steady(), *farm.kept())
            for name in ("", *(server.name for server in service.servers))
        ]
        self.lost = LostChecker(self.past, fixed)
        self.walkers = Walkers(checker, self.lost, self.past, lock)
        self.editor, self.keepalived, self.sizes = editor, keepalived, sizes
        editor.start(self.past, lock)
        keepalived.start(self.past, lock)
        self.walkers.start()
        self.began = time.monotonic()
        self._noted = self.began

    def go_on(self, seconds: float, walks: int = 0) -> str:
        """Go on for so many seconds and at least so many walks, or until $RESULT/stop exists.

        Return the trouble that ended it, or "".
        """
        end = time.monotonic() + seconds
        while not (RESULT / "stop").exists() and (
            time.monotonic() < end or self.walkers.walks < walks
        ):
            time.sleep(SAMPLE_SECONDS)
            try:
                self.sizes.sample()
            except OSError as error:
                return f"a process has ended: {error}"
            if not all(each.alive() for each in (self.editor, self.keepalived, self.walkers)):
                return self.trouble or "a thread has ended"
            if time.monotonic() - self._noted >= PROGRESS_SECONDS:
                self._noted += PROGRESS_SECONDS
                self.note()
        return ""

    def stop(self) -> None:
        """Stop everything, after the current walks."""
        self.editor.stop()
        self.keepalived.stop()
        self.walkers.stop()
        self.note()

    @property
    def trouble(self) -> str:
        return self.editor.trouble or self.keepalived.trouble

    def note(self) -> None:
        """Write a line of progress."""
        with open(RESULT / "progress", "a") as progress:
            print(
                f"{time.monotonic() - self.began:5.0f} s: {self.walkers.walks} walks of"
                f" {self.walkers.varbinds} varbinds, {self.editor.edits} edits,"
                f" {self.keepalived.reloads} reloads, {len(self.lost.reported)} rows lost,"
                f" {sum(self.walkers.kinds.values())} faults; {self.sizes}",
                file=progress,
            )


def main(seconds: float, pods: float, seed: int, state: Path, snmpd: int, collector: int) -> None:
    """Run, and write the summary."""
    chance = random.Random(seed)
    addresses = plans.Addresses()
    with (
        Keepalived(RESULT / "keepalived.log", seed) as keepalived,
        Editor(farm.churned(), farm.steady(), seed) as editor,
    ):
        a = at_rest("a")
        editor.set_all(1)
        keepalived.set_all(1)
        checker = Checker(a, at_rest("b"))
        sizes = Sizes(state, snmpd, collector)  # by now snmpd has started its child
        run = Run(editor, keepalived, checker, sizes)
        editor.follow(plans.leaving(addresses, chance))
        trouble = run.go_on(seconds, LEAST_WALKS)
        memory, rows = sizes.memory, len(run.past)
        sizes.restart()  # which leaves the samples in memory
        editor.follow(plans.pods(addresses, chance))
        trouble = trouble or run.go_on(pods)
        lasted = time.monotonic() - run.began
        run.stop()
        summary = {
            "seconds": lasted,
            "seed": seed,
            "walks": run.walkers.walks,
            "sizes": len(run.walkers.sizes),
            "varbinds": run.walkers.varbinds,
            "longest": run.walkers.longest,
            "edits": editor.edits,
            "compared": editor.compared,
            "required": checker.required,
            "reloads": keepalived.reloads,
            "fixed_checked": run.lost.fixed_checked,
            "fixed_lost": run.lost.fixed_lost,
            "due": len(run.lost.due),
            "reported": len(run.lost.reported),
            "faults": run.walkers.kinds,
            "first": run.walkers.faults,
            "trouble": trouble or run.trouble,
            "memory": memory,
            "pods_memory": sizes.memory,
            "rows": rows,
            "pods": len(run.past) - rows,
            "state": sizes.state,
        }
        (RESULT / "summary.json").write_text(json.dumps(summary))


if __name__ == "__main__":
    main(
        float(sys.argv[1]),
        float(sys.argv[2]),
        int(sys.argv[3]),
        Path(sys.argv[4]),
        int(sys.argv[5]),
        int(sys.argv[6]),
    )
