# SPDX-License-Identifier: GPL-3.0-or-later
"""Responder and collector run without the cycle collector, so they must not leave any cycles."""

from __future__ import annotations

import gc
import os
import shutil
import socket
from pathlib import Path
from typing import Callable, Dict, Iterator

import pytest

from lvs_agent.aliases import AliasFile
from lvs_agent.boundary import wire
from lvs_agent.collector.forgetting import ForgetFile, Order, append
from lvs_agent.collector.history import History
from lvs_agent.collector.server import Collector
from lvs_agent.kernel.recording import ReplayedKernel
from lvs_agent.mib import lvs
from lvs_agent.responder.backend import LvsBackend
from lvs_agent.responder.feed import Feed, Patience
from lvs_agent.responder.passpersist import PassPersist
from tests.support.lvsmib import BASE

RECORDING = Path(__file__).parent / "data" / "directors" / "small"
TIMES = 3


def data(folder: Path | None = None) -> bytes:
    """Return a snapshot of the recording, from a collector that is closed."""
    collector = Collector(ReplayedKernel(RECORDING), History(folder))
    found = collector.snapshot()
    collector.served()
    collector.close()
    return found


def collects(folder: Path) -> None:
    data(folder)


def collects_without_a_folder(folder: Path) -> None:
    (folder / "file").touch()
    data(folder / "file")


def collects_after_damage(folder: Path) -> None:
    data(folder)
    with (folder / "history.jsonl").open("a") as file:
        file.write("damage\n")
    data(folder)


def forgets(folder: Path) -> None:
    file = folder / "forget"
    append(file, [Order(0.0, "", ""), Order(0.0, "TCP 10.2.0.1:80", "")])
    with file.open("a") as lines:
        lines.write("nonsense\n")
    history = History(folder, forget_files=[ForgetFile(file), ForgetFile(folder)])
    collector = Collector(ReplayedKernel(RECORDING), history)
    collector.snapshot()
    collector.close()


def misses_a_recorded_answer(folder: Path) -> None:
    shutil.copy(RECORDING / "recording.json", folder)
    first = (RECORDING / "netlink.jsonl").read_text().splitlines(keepends=True)[:3]
    (folder / "netlink.jsonl").write_text("".join(first))
    stats = folder / "proc" / "self" / "net"
    stats.mkdir(parents=True, exist_ok=True)
    (stats / "ip_vs_stats").write_text("nonsense")
    collector = Collector(ReplayedKernel(folder), History(None))
    collector.snapshot()
    collector.close()


def reads_damaged_rows(folder: Path) -> None:
    reader = wire.Reader()
    reader.feed(data().replace(b'"rr"', b"7"))
    reader.finish()
    assert reader.problems


def reads_no_snapshot(folder: Path) -> None:
    with pytest.raises(wire.WireError):
        wire.Reader().feed(b"nonsense\n")


def reads_aliases(folder: Path) -> None:
    reader = wire.Reader()
    reader.feed(data())
    file = AliasFile(folder / "aliases")
    for content in (b"10.2.0.1 shop\n", b"nonsense\nTCP a:b c\nFWM a b\n\xff\n", bytes(2 << 20)):
        (folder / "aliases").write_bytes(content)
        file.fill_in(reader.finish())


def feeds_and_answers(folder: Path) -> None:
    """Answer each kind of request, an unfinished walk, and requests after the collector is gone."""
    snapshots = [data(), b"nonsense\n"]

    def connect() -> socket.socket:
        if not snapshots:
            raise OSError("nobody there")
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.sendall(snapshots.pop(0))
        ours.setblocking(False)
        return ours

    feed = Feed(connect, Patience(max_age=0.0, deadline=0.2, expire=0.0))
    requests = [f"get\n{BASE}.26.2.0", f"getnext\n{BASE}.21.1.5", "getnext\nnonsense", "nonsense"]
    requests += [f"set\n{BASE}.1.0\ninteger 1", f"getnext\n{BASE}.99", f"getnext\n{BASE}.17.1.2"]
    to, from_ = os.pipe(), os.pipe()
    os.set_blocking(from_[0], False)
    responder = PassPersist(lvs.LVS, LvsBackend(feed, None, 0.0, True), to[0], from_[1], True)
    for request in requests * 2:
        os.write(to[1], f"PING\n{request}\n".encode())
        responder.main_passpersist()
        os.read(from_[0], 65536)
    os.close(to[1])
    responder.run()
    feed.close()
    for descriptor in (to[0], *from_):
        os.close(descriptor)


PATHS: Dict[str, Callable[[Path], None]] = {
    path.__name__: path
    for path in (
        collects,
        collects_without_a_folder,
        collects_after_damage,
        forgets,
        misses_a_recorded_answer,
        reads_damaged_rows,
        reads_no_snapshot,
        reads_aliases,
        feeds_and_answers,
    )
}


@pytest.fixture(autouse=True)
def _no_cycle_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def left_by(path: Callable[[Path], None], folder: Path) -> int:
    """Return the number of objects that a path leaves in cycles after its first run."""
    for time in range(TIMES + 1):
        if time == 1:
            gc.collect()
        (folder / str(time)).mkdir()
        path(folder / str(time))
    return gc.collect()


@pytest.mark.parametrize("name", PATHS)
def test_no_path_leaves_a_cycle(tmp_path: Path, name: str) -> None:
    assert left_by(PATHS[name], tmp_path) == 0


def test_a_cycle_is_found(tmp_path: Path) -> None:
    def cyclic(_folder: Path) -> None:
        found: list[object] = []
        found.append(found)

    assert left_by(cyclic, tmp_path) == TIMES
