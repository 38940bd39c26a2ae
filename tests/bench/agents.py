# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that are measured: snmpds with one extension each, all pinned to one processor.

snmpd and its extension take turns, so they need only one. The client, the collector and the bench
itself run on the others.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Tuple

from lvs_agent.mib import lvs
from lvs_agent.snapshot import Snapshot
from tests.bench import directors
from tests.support import collectors, snmpd
from tests.support.lvsmib import BASE
from tests.support.snmpd import AGENT, Snmpd
from tests.support.words import words

HERE = Path(__file__).parent
RS_TABLE = f"{BASE}.22"  # lvsRsTable: 22 columns for a server that is not tunnelled


def processors() -> List[int]:
    """Return the processors this process may use, in ascending order."""
    return sorted(os.sched_getaffinity(0))


def stand_aside() -> None:
    """Keep this process and its future children off the last processor, which is for snmpd."""
    if len(processors()) > 1:
        os.sched_setaffinity(0, processors()[:-1])


def yardstick(folder: Path) -> Path:
    """Compile the bare responder in C and return its path."""
    program = folder / "responder"
    if not program.exists():
        source = HERE / "responder.c"
        subprocess.run(["gcc", "-O2", "-Wall", "-o", program, source], check=True)
    return program


def table(file: Path, snapshot: Snapshot) -> Path:
    """Write the varbinds of the agent's lvsRsTable to a file, in the format of responder.c."""
    with file.open("w", encoding="utf-8") as lines:
        for varbind in lvs.tree(snapshot, 0.0).walk():
            oid = f"{BASE}.{varbind.oid}"
            if oid.startswith(f"{RS_TABLE}."):
                keyword, value = words(varbind)
                lines.write(f"{oid}\t{keyword}\t{value}\n")
    return file


@contextmanager
def serving(folder: Path, pinned: bool = True, **commands: object) -> Iterator[Dict[str, Snmpd]]:
    """Run an snmpd for each command; pinned, they and their children use the last processor."""
    if not commands:
        yield {}
        return
    name, command = commands.popitem()
    everywhere = os.sched_getaffinity(1)
    with (
        serving(folder, pinned, **commands) as rest,
        snmpd.running(folder / f"snmpd-{name}", str(command)) as one,
    ):
        os.sched_setaffinity(one.pid, {max(everywhere)} if pinned else everywhere)
        yield {**rest, name: one}


@contextmanager
def replaying(folder: Path, recording: Path) -> Iterator[Tuple[Path, int]]:
    """Run lvs-agent collector on a recording; yield its socket and PID. It has no snapshot yet."""
    socket = folder / "collector.sock"
    words = [AGENT, "collector", "--replay", recording, "--listen", socket]
    with _collecting(socket, *words, "--state", folder / "state") as pid:
        yield socket, pid


@contextmanager
def making(folder: Path, services: int) -> Iterator[Tuple[Path, int]]:
    """Run made_collector.py; yield its socket and PID."""
    socket = folder / "collector.sock"
    module = "tests.bench.made_collector"
    with _collecting(
        socket, sys.executable, "-m", module, socket, folder / "state", services
    ) as pid:
        yield socket, pid


@contextmanager
def _collecting(socket: Path, *words: object) -> Iterator[int]:
    process = subprocess.Popen([str(word) for word in words])
    try:
        while not socket.exists():
            assert process.poll() is None
            time.sleep(0.01)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


@contextmanager
def handing_out(socket: Path, *snapshots: Snapshot) -> Iterator[None]:
    """Serve snapshots at a socket, in a separate process so that this one is not delayed."""

    def run() -> None:
        # Ctrl-C also reaches the bench, which kills this process
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with collectors.at(socket, directors.handing_out(*snapshots)):
            signal.pause()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    try:
        while not socket.exists():
            assert process.is_alive()
            time.sleep(0.01)
        yield
    finally:
        process.kill()
        process.join()


def walk(agent: Snmpd, expected: int) -> float:
    """Return the seconds that one snmpbulkwalk -Cr50 of lvsRsTable takes.

    Raise AssertionError if the number of varbinds is not the expected one.
    """
    options = ["-v2c", "-c", "public", "-On", "-Cr50", "-t", "60"]
    with walked(agent).open("w+") as file:
        began = time.monotonic()
        subprocess.run(
            ["snmpbulkwalk", *options, agent.address, RS_TABLE],
            stdout=file,
            env=agent.environment,
            check=True,
        )
        seconds = time.monotonic() - began
        file.seek(0)
        lines = sum(1 for _ in file)
    assert lines == expected, f"got {lines} varbinds, expected {expected}"
    return seconds


def walked(agent: Snmpd) -> Path:
    """Return the file with the output of the last walk."""
    return agent.config.parent / "walk"


def most_memory(pids: Sequence[int]) -> float:
    """Return the sum of the peak resident sets of processes in MiB: VmHWM of /proc/PID/status."""
    kilobytes = 0
    for pid in pids:
        status = Path(f"/proc/{pid}/status").read_text()
        kilobytes += next(int(s.split()[1]) for s in status.splitlines() if s.startswith("VmHWM"))
    return kilobytes / 1024


def children(pid: int) -> List[int]:
    """Return the PIDs of a process's children."""
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
