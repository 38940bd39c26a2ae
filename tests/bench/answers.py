# SPDX-License-Identifier: GPL-3.0-or-later
"""The latency of single answers: the first after a start, and the longest in a walk."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Dict, List

from tests.bench import agents, directors
from tests.bench.report import Figure, Goal
from tests.bench.rounds import say
from tests.support.lvsmib import oid
from tests.support.snmpd import AGENT

SOME_SERVER = oid("lvsRsActiveConns", 1, 4, 10, 8, 0, 1, 6, 80, 1, 4, 10, 101, 0, 1, 80)


class Dialogue:
    """A responder connected by two pipes, as snmpd connects it."""

    def __init__(self, *options: object) -> None:
        self.process = subprocess.Popen(
            [str(word) for word in (AGENT, "pass-persist", *options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self.process.stdin
        assert self.process.stdout
        self._requests, self._replies = self.process.stdin, self.process.stdout

    def line(self) -> str:
        """Read until a reply ends with a newline; return it without that newline."""
        line = b""
        while not line.endswith(b"\n"):
            portion = self._replies.read(4096)
            assert portion, "the responder has ended"
            line += portion
        return line.decode().rstrip("\n")

    def ping(self) -> None:
        """Send PING and wait for PONG."""
        self._requests.write(b"PING\n")
        assert self.line() == "PONG"

    def get_next(self, oid: str) -> List[str]:
        """Return OID, type and value of the next varbind, or NONE after the last one."""
        self.ping()
        self._requests.write(f"getnext\n{oid}\n".encode())
        return self.line().split("\n")

    def close(self) -> None:
        """Close the responder's input and wait until it has ended."""
        self._requests.close()
        self.process.wait()
        self._replies.close()


def first(folder: Path) -> List[Figure]:
    """Measure the time from the request that makes snmpd start the responder to its answer."""
    made = directors.recording(folder / "made", 10)
    rounds = 11
    found: Dict[str, List[float]] = {"answer": [], "start": []}
    for number in range(rounds):
        home = folder / str(number)
        home.mkdir()
        with agents.replaying(home, made) as (socket, _collector):
            began = time.monotonic()
            responder = Dialogue("--collector", socket)
            responder.ping()
            found["start"].append(1000 * (time.monotonic() - began))
            responder.close()
            command = f"{AGENT} pass-persist --collector {socket}"
            with agents.serving(home, agent=command) as snmpds:
                began = time.monotonic()
                answer = snmpds["agent"].value(SOME_SERVER)
                found["answer"].append(1000 * (time.monotonic() - began))
        assert answer.startswith("Gauge32: "), answer
        say(
            f"  first {number}/{rounds}: "
            + ", ".join(f"{n} {v[-1]:.0f} ms" for n, v in found.items())
        )
    return [
        Figure(
            "first-answer",
            "snmpget of one of 100 real servers, before the responder runs and before a snapshot"
            " exists: start of the responder, collection and answer",
            found["answer"],
            "ms",
            Goal("≤", 200, " ms"),
        ),
        Figure("start", "the responder's start alone, to its first PONG", found["start"], "ms"),
    ]


def longest(folder: Path) -> List[Figure]:
    """Measure every answer in walks of lvsRsTable, with a new snapshot every second."""
    made = directors.snapshot(directors.recording(folder / "made", 1000))
    socket = folder / "collector.sock"
    slowest: List[float] = []
    rounds = 5
    with agents.handing_out(socket, made, directors.later(made)):
        responder = Dialogue("--collector", socket, "--max-age", "1", "--deadline", "10")
        for number in range(rounds + 1):
            slowest.append(1000 * _longest_of_a_walk(responder, agents.RS_TABLE))
            say(f"  longest {number}/{rounds}: {slowest[-1]:.0f} ms")
        responder.close()
    note = (
        "the longest answer, from PING to the last byte, in a walk of 10,000 real servers (200,000"
        " varbinds), with a new snapshot every second whose rows and values differ from the last"
    )
    return [Figure("longest-answer", note, slowest[1:], "ms", Goal("≤", 100, " ms"))]


def _longest_of_a_walk(responder: Dialogue, below: str) -> float:
    oid, longest = below, 0.0
    while True:
        began = time.monotonic()
        oid = responder.get_next(oid)[0]
        longest = max(longest, time.monotonic() - began)
        if not oid.startswith(f"{below}."):
            return longest
