# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the state directory, as a user of snmpd sees them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from lvs_agent.codes import Status
from lvs_agent.collector.history import History
from lvs_agent.collector.server import Collector
from tests.support import collectors
from tests.support.lvsmib import split
from tests.support.made_kernel import MadeKernel
from tests.support.site import Walk, collector, collector_of, expected, site

ALL = expected()


@contextmanager
def mounted(folder: Path, *options: object) -> Iterator[None]:
    """Mount something at a folder, which is created."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", *map(str, options), folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_state_directory_that_is_missing_is_made(tmp_path: Path) -> None:
    state = tmp_path / "var" / "lib" / "state"
    with site(tmp_path) as director, collector(director.path, "--state", state):
        director.until(Status.OK, ALL)
        assert (state / "history.jsonl").exists()


def test_a_state_directory_that_is_removed_meanwhile(tmp_path: Path) -> None:
    kernel, state = MadeKernel(3), tmp_path / "state"
    with site(tmp_path) as director, collector_of(director.path, kernel, state):
        director.until(Status.OK, ALL)
        shutil.rmtree(state)
        says = "row numbers are not saved"
        director.until(Status.DEGRADED, ALL, says)
        kernel.services.append(4)
        director.until(Status.DEGRADED, expected(range(1, 5)), says)


def test_a_state_directory_that_becomes_read_only(tmp_path: Path) -> None:
    """As on a disk with errors: it is writable, then read-only, then writable again."""
    state = tmp_path / "state"
    kernel = MadeKernel(3)
    with site(tmp_path) as director:
        with collector_of(director.path, kernel, state):
            director.until(Status.OK, ALL)
            with mounted(state, "--bind", state):
                subprocess.run(["mount", "-o", "remount,bind,ro", state], check=True)
                director.until(Status.DEGRADED, ALL, "Read-only file system")
                kernel.services.append(4)
                director.until(Status.DEGRADED, expected(range(1, 5)), "Read-only file system")
            director.until(Status.OK, expected(range(1, 5)))
        kernel.services.reverse()
        with collector_of(director.path, kernel, state):
            director.until(Status.OK, expected(range(1, 5)))


def test_a_state_directory_that_is_read_only_from_the_beginning(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with mounted(state, "-t", "tmpfs", "-o", "ro", "none"), site(tmp_path) as director:
        for _ in range(2):
            with collector(director.path, "--state", state):
                director.until(Status.DEGRADED, ALL, "Read-only file system")


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    state = tmp_path / "state"
    kernel = MadeKernel(3)
    with mounted(state, "-t", "tmpfs", "-o", "size=64k", "none"), site(tmp_path) as director:
        with collector_of(director.path, kernel, state):
            director.until(Status.OK, ALL)
            whole = (state / "history.jsonl").read_text()
            with open(state / "ballast", "wb") as ballast:
                fill(ballast.fileno())
            kernel.services.append(4)
            director.until(Status.DEGRADED, expected(range(1, 5)), "No space left on device")
            assert (state / "history.jsonl").read_text().startswith(whole.splitlines()[0])
            (state / "ballast").unlink()
            director.until(Status.OK, expected(range(1, 5)))
        kernel.services.reverse()
        with collector_of(director.path, kernel, state):
            director.until(Status.OK, expected(range(1, 5)))


def fill(file: int) -> None:
    """Write until the disk is full."""
    try:
        while True:
            os.write(file, bytes(4096))
    except OSError:
        return


def test_a_file_that_is_cut_off_at_each_byte(tmp_path: Path) -> None:
    """A lost row loses its number and its counter offset, but takes no other row's number."""
    kernel, state = MadeKernel(2, 1), tmp_path / "state"
    first = Collector(kernel, History(state))
    first.snapshot()
    first.served()
    first.close()
    data = (state / "history.jsonl").read_bytes()
    cuts = iter(range(len(data)))
    done = []

    def answer(connection: collectors.Connection) -> None:
        cut = next(cuts, None)
        if cut is None:
            return  # all cuts are done
        shutil.rmtree(state)
        state.mkdir()
        (state / "history.jsonl").write_bytes(data[:cut])
        one = Collector(kernel, History(state))
        connection.sendall(one.snapshot())
        one.close()
        done.append(cut)

    with site(tmp_path) as director, collectors.at(director.path, answer):
        while len(done) < len(data):
            walk = director.walk()
            assert names(walk) == ["TCP 10.0.0.1:80", "TCP 10.0.0.2:80"]
            assert len(set(numbers(walk))) == 2
            assert walk.status in (Status.OK, Status.NO_COLLECTOR)


def names(walk: Walk) -> list[str]:
    """Return the names of a walk's services."""
    return [
        value.partition(": ")[2].strip('"')
        for oid, value in walk.values.items()
        if split(oid)[0] == "lvsVsName"
    ]


def numbers(walk: Walk) -> list[str]:
    """Return the numbers of a walk's services."""
    return [value for oid, value in walk.values.items() if split(oid)[0] == "lvsVsNumber"]


def test_a_file_of_a_newer_version(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    newer = json.dumps({"lvs-agent history": 3, "more": "than is known"}) + "\n"
    (state / "history.jsonl").write_text(newer)
    with site(tmp_path) as director, collector_of(director.path, MadeKernel(3), state):
        director.until(Status.DEGRADED, ALL, "upgrade lvs-agent, or move the file away")
        assert (state / "history.jsonl").read_text() == newer
        (state / "history.jsonl").unlink()
        director.until(Status.OK, ALL)
