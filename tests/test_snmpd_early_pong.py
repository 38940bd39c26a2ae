# SPDX-License-Identifier: GPL-3.0-or-later
"""Early PONGs through a real snmpd: its clients get the same bytes as without."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Iterator, List

import pytest

from tests.support import lvsmib, snmpd
from tests.support.lvsmib import BASE
from tests.support.recorded import DIRECTORS
from tests.support.snmpd import AGENT, Snmpd, numbers
from tests.support.watch import gone

NAT = next(folder for folder in DIRECTORS if folder.name == "nat")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[List[Snmpd]]:
    """Run two snmpds: one without early PONGs, and one with them."""
    folder = tmp_path_factory.mktemp("snmpd")
    agent = f"{AGENT} pass-persist --replay {NAT}"
    with (
        snmpd.running(folder / "plain", f"{agent} --no-early-pong") as plain,
        snmpd.running(folder / "early", agent) as early,
    ):
        yield [plain, early]


def same(both: List[Snmpd], tool: str, *arguments: str, community: str = "public") -> List[str]:
    """Return the lines that both print, without the values of snmpd's objects after the subtree."""
    plain, early = (
        snmpd.steady(each.ask(tool, *arguments, community=community).splitlines()) for each in both
    )
    beyond = re.compile(rf"(?!{re.escape(BASE)})(\.[0-9.]+ = ).*")
    plain, early = ([beyond.sub(r"\1", line) for line in said] for said in (plain, early))
    assert early == plain
    return early


def children(agent: Snmpd) -> List[int]:
    return list(map(int, Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()))


def test_walks_are_the_same(both: List[Snmpd]) -> None:
    for tool, *options in (
        ("snmpbulkwalk", "-Cr50"),
        ("snmpbulkwalk", "-Cr1"),
        ("snmpwalk",),
        ("snmpwalk", "-v1"),
    ):
        assert len(same(both, tool, *options, BASE)) > 500


def test_requests_are_the_same(both: List[Snmpd]) -> None:
    oids = snmpd.oids(both[0].walk())
    for start in range(0, len(oids), 40):
        some = oids[start : start + 40]
        same(both, "snmpget", *some)
        same(both, "snmpget", *(f"{oid}.0" for oid in some))
        same(both, "snmpgetnext", *some)
        same(both, "snmpbulkget", "-Cr7", *some[:5])
    odd = [".1.3", BASE, f"{BASE}.4294967295", f"{BASE}.999.1", oids[0] + ".1" * 90]
    same(both, "snmpget", *odd)
    same(both, "snmpgetnext", *odd)
    same(both, "snmpbulkget", "-Cr3", *odd)


def test_sets_are_refused_in_the_same_way(both: List[Snmpd]) -> None:
    for oid in (
        lvsmib.oid("lvsAgentVersion", 0),
        lvsmib.oid("lvsNumServices", 0),
        f"{BASE}.999.0",
    ):
        for kind, value in (("i", "5"), ("s", "text with\nlines"), ("x", "00ff")):
            said = same(both, "snmpset", oid, kind, value, community="private")
            assert "notWritable" in " ".join(said) or "noAccess" in " ".join(said)
            assert " = " in same(both, "snmpget", lvsmib.oid("lvsAgentStatus", 0))[0]


def test_a_killed_child_is_replaced_as_without(both: List[Snmpd]) -> None:
    first, *_, last = sorted(snmpd.oids(both[0].walk()), key=numbers)
    for request in (
        ["snmpget", lvsmib.oid("lvsAgentStatus", 0)],
        ["snmpgetnext", first, last],
        ["snmpbulkwalk", "-Cr50", BASE],
        ["snmpget", f"{BASE}.999.0"],
    ):
        expected = same(both, *request)
        for agent in both:
            (child,) = children(agent)
            os.kill(child, signal.SIGKILL)
            # otherwise snmpd might write to a child that is exiting, and take this for a lost
            # answer
            assert gone([child])
        assert same(both, *request) == expected
        assert same(both, *request) == expected


def test_it_is_used(both: List[Snmpd]) -> None:
    """A responder writes once for each varbind, not twice."""
    writes = []
    for agent in both:
        agent.walk()
        (child,) = children(agent)
        before = written(child)
        varbinds = len(agent.walk())
        writes.append((written(child) - before) / varbinds)
    assert 1.9 < writes[0] < 2.1
    assert 0.9 < writes[1] < 1.1


def written(pid: int) -> int:
    """Return the number of write(2) calls of a process (syscw, proc(5))."""
    counts = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(counts["syscw"])
