# SPDX-License-Identifier: GPL-3.0-or-later
"""Random histories of a service, compared with a slow model that keeps every look."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, FrozenSet, List, Optional, Set

import pytest

from lvs_agent.collector import forgetting
from lvs_agent.collector.forgetting import ForgetFile, Order, append
from tests.support.watched import DAY, Watched, letters

LETTERS = "abcdef"
LOST_DAYS = 0.02  # 29 minutes: rows expire between looks. Otherwise the director also boots.


@dataclass
class Seen:
    """One look: when, which servers (None: no service), and whether they were complete."""

    now: float
    servers: Optional[FrozenSet[str]]
    complete: bool
    settled: bool
    first: bool  # of a collector


@dataclass
class Model:
    """All looks, and the orders to forget."""

    lost_days: float
    looks: List[Seen] = field(default_factory=list)
    forgotten: Dict[str, float] = field(default_factory=dict)

    def gone_since(self, server: str) -> Optional[float]:
        """Return when a complete, settled look first lacked a server since it was last seen."""
        since = None
        for each in self.looks:
            if each.servers is not None and server in each.servers:
                since = None
            elif each.servers is not None and each.complete and each.settled and since is None:
                since = each.now
        return since

    def lasting(self, server: str) -> bool:
        after = self.forgotten.get(server, float("-inf"))
        times = [
            each.now
            for each in self.looks
            if each.servers is not None and server in each.servers and each.now > after
        ]
        return bool(times) and times[-1] - times[0] >= 60

    def baseline(self, oldest: float) -> int:
        """Return the most servers in two looks running; looks are a minute apart or more."""
        held, before = 0, None
        for each in self.looks:
            if each.servers is None or each.first:
                before = None
            if each.servers is None or not each.complete:
                continue
            if before is not None and each.now >= oldest:
                held = max(held, min(before, len(each.servers)))
            before = len(each.servers)
        return held

    def lost(self) -> List[str]:
        """Return the lost servers at the last look, those that went last first."""
        oldest = self.looks[-1].now - self.lost_days * DAY
        known: Set[str] = set()
        for each in self.looks:
            known |= each.servers or frozenset()
        gone = {server: self.gone_since(server) for server in known}
        present = sum(since is None for since in gone.values())
        candidates = [
            (since, server)
            for server, since in gone.items()
            if since is not None and since >= oldest and self.lasting(server)
        ]
        ordered = [server for _since, server in sorted(candidates, reverse=True)]
        return ordered[: max(0, self.baseline(oldest) - present)]


@pytest.mark.parametrize("lost_days", [7, LOST_DAYS])
@pytest.mark.parametrize("seed", range(40))
def test_what_is_lost_is_what_the_model_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int, lost_days: float
) -> None:
    choice = random.Random(seed)
    one = Watched(monkeypatch, tmp_path / "state", lost_days)
    model = Model(lost_days)
    servers: Optional[Set[str]] = set(LETTERS[:4])
    first = True
    for step in range(60):
        if choice.random() < 0.05:
            servers = None if servers is not None else set(LETTERS[:4])
        if servers is not None:
            for letter in choice.sample(LETTERS, choice.choice([0, 0, 0, 1, 1, 2])):
                servers ^= {letter}
        event = choice.random()
        if step and event < 0.02 and lost_days > LOST_DAYS:
            one.reboot()
            first = True
        elif event < 0.04:
            one.load_module()
        after = choice.choice([60, 60, 61, 90, 300, 900])
        complete = choice.random() < 0.8
        farm = {} if servers is None else {443: "".join(sorted(servers))}
        look = one.look(farm, after, complete, [] if complete else [443])
        model.looks.append(
            Seen(
                one.now,
                None if servers is None else frozenset(servers),
                complete,
                one.uptime - one.loaded >= 300,
                first,
            )
        )
        first = False
        if servers is not None:
            assert letters(look, 443) == "".join(model.lost())
            assert look.services[0].lost == len(model.lost())


def test_the_model_and_the_code_agree_on_what_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Servers that are forgotten are not listed again until they were there for a minute."""
    choice = random.Random(1)
    path = forgetting.beside(tmp_path / "socket")
    one = Watched(monkeypatch, None, LOST_DAYS, [ForgetFile(path)])
    model = Model(LOST_DAYS)
    for step in range(300):
        farm = choice.sample(LETTERS, 3 + step % 3)
        look = one.look({443: "".join(farm)})
        model.looks.append(Seen(one.now, frozenset(farm), True, True, not step))
        found = letters(look, 443)
        assert set(found) <= {each for each in LETTERS if model.lasting(each)}
        if found and step % 4 == 0:
            named = choice.choice(found)
            number = ord(named) - ord("a") + 1
            append(path, [Order(one.now, "TCP 192.0.2.10:443", f"192.168.0.{number}:80")])
            model.forgotten[named] = one.now
