# SPDX-License-Identifier: GPL-3.0-or-later
"""A PONG sent along with the reply before: to snmpd the dialogue is the same as without."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path
from typing import Iterator, List

import pytest

from lvs_agent.responder.passpersist import RECEIVE_BYTES, PassPersist
from tests.support.pipes import BASE, COLUMN, Rows, Snmpd
from tests.support.recorded import SMALL
from tests.support.snmpd import AGENT

PING = b"PING\n"
REQUESTS = [
    *(f"{command}\n{COLUMN}.{row}\n" for command in ("get", "getnext") for row in (0, 1, 5, 33)),
    "get\n.1.3.6.1.3.98\n",
    "getnext\n.1.3\n",
    "getnext\nno OID\n",
    f"set\n{COLUMN}.1\n",
]


class Both:
    """The pipes of a responder, both ends in one process."""

    def __init__(self, early_pong: bool) -> None:
        self._request, self._to_child = os.pipe()
        self._from_child, self._reply = os.pipe()
        backend = Rows(1, 2, 10, 33)
        self._child = PassPersist(BASE, backend, self._request, self._reply, early_pong)

    def say(self, data: bytes) -> bytes:
        """Send data; return what the responder writes at once."""
        os.write(self._to_child, data)
        self._child.main_passpersist()
        os.write(self._reply, b"\0")
        return os.read(self._from_child, 1 << 16)[:-1]

    def close(self) -> None:
        for fd in (self._request, self._to_child, self._from_child, self._reply):
            os.close(fd)


@pytest.fixture
def plain() -> Iterator[Both]:
    both = Both(False)
    yield both
    both.close()


@pytest.fixture
def early() -> Iterator[Both]:
    both = Both(True)
    yield both
    both.close()


def test_a_reply_brings_the_next_pong_and_the_next_ping_nothing(early: Both) -> None:
    for row in (1, 2):
        assert early.say(PING) == (b"PONG\n" if row == 1 else b"")
        reply = f"{COLUMN}.{row}\ncounter64\n{row}\nPONG\n".encode()
        assert early.say(f"get\n{COLUMN}.{row}\n".encode()) == reply


def test_pings_with_no_request_between_are_answered_each(early: Both) -> None:
    said = [early.say(data) for data in (PING, PING, b"get\n.1\n", PING, PING, PING)]
    assert said == [b"PONG\n", b"PONG\n", b"NONE\nPONG\n", b"", b"PONG\n", b"PONG\n"]


def test_nothing_but_a_pong_comes_before_it_is_asked_for(early: Both, plain: Both) -> None:
    chance = random.Random(5)
    expected = said = b""
    for _ in range(500):
        for data in (PING, chance.choice(REQUESTS).encode()):
            expected += plain.say(data)
            said += early.say(data)
            assert said in (expected, expected + b"PONG\n")


@pytest.mark.parametrize("seed", range(20))
def test_the_stream_is_the_plain_one_and_a_pong_at_most(
    early: Both, plain: Both, seed: int
) -> None:
    """The data is cut anywhere. It has partial and long lines, garbage, and SETs of any snmpd."""
    chance = random.Random(seed)
    rests = ["", "\n", "integer 5\n", "integer 5\n\n", "integer 5", 'string "a\nget\nb"\n']
    odd = ["\n", "garbage\n", "get\n" + "." * 70000 + "\n"]
    streams = [b"", b""]
    for _ in range(40):
        request = chance.choice([*REQUESTS, *odd])
        if request.startswith("set"):
            request += chance.choice(rests)
        data = PING + request.encode()
        while data:
            size = chance.choice([1, 5, 13, RECEIVE_BYTES]) if len(data) < 500 else RECEIVE_BYTES
            portion, data = data[:size], data[size:]
            for place, both in enumerate((plain, early)):
                streams[place] += both.say(portion)
    assert streams[1] in (streams[0], streams[0] + b"PONG\n")


@pytest.mark.parametrize("early_pong", [False, True])
def test_snmpd_may_go_at_any_moment(early_pong: bool) -> None:
    for requests in ("", "PING\n", f"PING\nget\n{COLUMN}.1\n", "PING\nset\n", "PING\nge"):
        snmpd = Snmpd(Rows(1), early_pong)
        snmpd.write(requests)
        snmpd.close()


def said_under(parent: Path, *options: str) -> List[str]:
    """Return the answers to one request of an agent whose parent runs a program of that name."""
    parent.symlink_to("/bin/bash")
    agent = f"{AGENT} pass-persist --replay {SMALL} {' '.join(options)}"
    done = subprocess.run(
        [parent, "-c", f"printf 'PING\\nget\\n.1.3\\n' | {agent}; true"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_only_a_parent_that_is_snmpd_gets_an_early_pong(tmp_path: Path) -> None:
    assert said_under(tmp_path / "snmpd") == ["PONG", "NONE", "PONG"]
    for name in ("snmptrapd", "snmpd2", "sh"):
        assert said_under(tmp_path / name) == ["PONG", "NONE"]


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    assert said_under(tmp_path / "snmpd", "--no-early-pong") == ["PONG", "NONE"]
