# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that asks a snmpd for sysUpTime all the time, and records how long each answer took.

Two kinds of delay are the machine's and are subtracted, so that a busy machine fails no test:

- the time that snmpd and its children were ready to run and had no processor, by the kernel's own
  account (run_delay in /proc/PID/schedstat, Documentation/scheduler/sched-stats.rst);
- a pause of more than STALL in which the watcher itself did not run, since a virtual machine may
  stand still.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Dict, Iterable, Iterator, List

from tests.support.snmpd import Snmpd

LONGEST = 1.0
PAUSE = 0.01
STEP = 0.02
STALL = 0.05
# RFC 3416: GetRequest-PDU of sysUpTime.0 for community public by SNMPv2c; its request-id is 4 bytes
BEFORE_ID = bytes.fromhex("3029 020101 0406 7075626c6963 a01c 0204")
AFTER_ID = bytes.fromhex("020100 020100 300e 300c 0608 2b06010201010300 0500")


class Watcher:
    """Asks one snmpd from its own thread, each question when the one before is answered.

    Without a pid the time that snmpd had no processor counts as answering time.
    """

    def __init__(self, address: str, pid: int | None = None) -> None:
        self._pid = pid
        host, _, port = address.rpartition(":")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((host, int(port)))
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.seconds: List[float] = []
        self._asked = 0.0
        self._thread.start()

    def longest(self) -> float:
        """The longest time that an answer took, or has taken by now."""
        waiting = time.monotonic() - self._asked if self._asked else 0.0
        return max([waiting, *self.seconds])

    def close(self) -> None:
        """Stop asking."""
        self._end.set()
        self._thread.join(timeout=20)
        self._socket.close()

    def _run(self) -> None:
        number = 1 << 30  # snmpd answers in as few bytes as an integer has
        while not self._end.wait(PAUSE):
            number += 1
            before = self._waited()
            self._asked = time.monotonic()
            identity = struct.pack("!I", number)
            try:
                self._socket.send(BEFORE_ID + identity + AFTER_ID)
                stalled = self._answer(identity)
            except ConnectionRefusedError:
                continue  # no snmpd is there: nobody waits
            finally:
                now, asked, self._asked = time.monotonic(), self._asked, 0.0
            waited = sum(count - before.get(pid, 0) for pid, count in self._waited().items())
            self.seconds.append(now - asked - max(stalled, waited / 1e9))

    def _waited(self) -> Dict[int, int]:
        """Nanoseconds for which each of snmpd and its children has waited for a processor."""
        if self._pid is None:
            return {}
        return waited_for_processor([self._pid, *children(self._pid)])

    def _answer(self, identity: bytes) -> float:
        """Wait for it; how many seconds of that the machine stood still."""
        stalled = 0.0
        while not self._end.is_set():
            began = time.monotonic()
            ready = select.select([self._socket], [], [], STEP)[0]
            late = time.monotonic() - began - STEP
            stalled += late if late > STALL else 0.0
            if ready and identity in self._socket.recv(999):
                break
        return stalled


@contextmanager
def watched(agent: Snmpd) -> Iterator[Watcher]:
    """Watch a snmpd: it must answer all along, within LONGEST seconds each time."""
    watcher = Watcher(agent.address, agent.pid)
    try:
        yield watcher
    finally:
        longest = watcher.longest()
        watcher.close()
    judge(longest)
    assert watcher.seconds, "sysUpTime was never answered"


def waited_for_processor(pids: Iterable[int]) -> Dict[int, int]:
    """Nanoseconds for which each process has been ready to run without running; none if it ended.

    A process has one thread here.
    """
    found = {}
    for pid in pids:
        with suppress(OSError):
            found[pid] = int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
    return found


def children(pid: int) -> List[int]:
    """The processes that a process has started and that are still there; none if it ended."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in text.split()]
    return []


def gone(pids: Iterable[int]) -> bool:
    """Wait until each of these processes has ended; false if that takes 20 seconds."""
    end = time.monotonic() + 20
    while not all(map(_zombie, pids)):
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def _zombie(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def judge(longest: float) -> None:
    """No answer may have taken longer than LONGEST."""
    load = Path("/proc/loadavg").read_text().strip()
    assert 0 < longest <= LONGEST, f"sysUpTime took {longest:.2f} s; load of this machine: {load}"


def main() -> None:
    """In a guest: watch the snmpd at an address until standard input ends; say the longest time."""
    watcher = Watcher(sys.argv[1])
    sys.stdin.read()
    watcher.close()
    print(max(watcher.seconds))


if __name__ == "__main__":
    main()
