# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that keeps asking snmpd for sysUpTime, and records how long each answer took.

Two kinds of delay are the machine's. They are subtracted, so that a busy machine fails no test:

- the time that snmpd and its children were ready to run but had no processor, as the kernel counts
  it (run_delay in /proc/PID/schedstat, Documentation/scheduler/sched-stats.rst);
- a pause of more than STALL in which the watcher itself did not run, since a virtual machine may
  be paused.
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
# RFC 3416: GetRequest-PDU of sysUpTime.0, community public, SNMPv2c; a request-id of 4 bytes
BEFORE_ID = bytes.fromhex("3029 020101 0406 7075626c6963 a01c 0204")
AFTER_ID = bytes.fromhex("020100 020100 300e 300c 0608 2b06010201010300 0500")


class Watcher:
    """Asks one snmpd from its own thread; each request follows the answer to the one before.

    Without a pid, time in which snmpd had no processor counts as answering time.
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
        """Return the longest time that an answer took, including the one awaited now."""
        waiting = time.monotonic() - self._asked if self._asked else 0.0
        return max([waiting, *self.seconds])

    def close(self) -> None:
        """Stop asking."""
        self._end.set()
        self._thread.join(timeout=20)
        self._socket.close()

    def _run(self) -> None:
        number = 1 << 30  # 4 bytes long: snmpd encodes an integer in as few bytes as possible
        while not self._end.wait(PAUSE):
            number += 1
            before = self._waited()
            self._asked = time.monotonic()
            identity = struct.pack("!I", number)
            try:
                self._socket.send(BEFORE_ID + identity + AFTER_ID)
                stalled = self._answer(identity)
            except ConnectionRefusedError:
                continue  # no snmpd is running, so nobody waits
            finally:
                now, asked, self._asked = time.monotonic(), self._asked, 0.0
            waited = sum(count - before.get(pid, 0) for pid, count in self._waited().items())
            self.seconds.append(now - asked - max(stalled, waited / 1e9))

    def _waited(self) -> Dict[int, int]:
        """Return the nanoseconds that snmpd and each of its children waited for a processor."""
        if self._pid is None:
            return {}
        return waited_for_processor([self._pid, *children(self._pid)])

    def _answer(self, identity: bytes) -> float:
        """Wait for the answer; return the seconds of that time in which the machine stood still."""
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
    """Watch snmpd: it must answer each request within LONGEST seconds."""
    watcher = Watcher(agent.address, agent.pid)
    try:
        yield watcher
    finally:
        longest = watcher.longest()
        watcher.close()
    judge(longest)
    assert watcher.seconds, "sysUpTime was never answered"


def waited_for_processor(pids: Iterable[int]) -> Dict[int, int]:
    """Return the nanoseconds each process was ready without running; ended processes are left out.

    Each process here has one thread.
    """
    found = {}
    for pid in pids:
        with suppress(OSError):
            found[pid] = int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
    return found


def children(pid: int) -> List[int]:
    """Return the running children of a process; an empty list if it has ended."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in text.split()]
    return []


def gone(pids: Iterable[int]) -> bool:
    """Wait until each of these processes has ended; return false if that takes over 20 seconds."""
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


def idle(pid: int) -> bool:
    """Return True if a process sleeps most of the time: in most of 50 looks, 10 ms apart."""
    asleep = 0
    for _ in range(50):
        time.sleep(0.01)
        asleep += ") S " in Path(f"/proc/{pid}/stat").read_text()
    return asleep > 25


def judge(longest: float) -> None:
    """Check that no answer took longer than LONGEST."""
    load = Path("/proc/loadavg").read_text().strip()
    assert 0 < longest <= LONGEST, f"sysUpTime took {longest:.2f} s; load of this machine: {load}"


def main() -> None:
    """Watch the snmpd at an address until standard input ends; print the longest time.

    Runs in a guest.
    """
    watcher = Watcher(sys.argv[1])
    sys.stdin.read()
    watcher.close()
    print(max(watcher.seconds))


if __name__ == "__main__":
    main()
