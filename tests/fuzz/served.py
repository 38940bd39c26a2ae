# SPDX-License-Identifier: GPL-3.0-or-later
"""A check that a snapshot, however it was read, can be sent to the responder and to snmpd."""

from __future__ import annotations

from typing import List, Optional, Tuple

from lvs_agent.boundary import wire
from lvs_agent.mib import lvs
from lvs_agent.mib.lookup import MibTree
from lvs_agent.responder.passpersist import NONE, PassPersist
from lvs_agent.snapshot import Snapshot
from tests.fuzz.choices import Choices
from tests.support.snmpd import numbers

# snmpd takes at most 128 sub-identifiers and 4094 bytes
MAX_PARTS = 128 - len(lvs.LVS)
MAX_BYTES = 4094
# One input in SHARE is also served: serving takes longer than everything else
SHARE = 4
KEYWORDS = {"string", "octet", "integer", "gauge", "counter", "counter64", "timeticks", "ipaddress"}


class Backend:
    """A backend for PassPersist with a single lookup tree."""

    def __init__(self, tree: MibTree) -> None:
        self._view = tree

    def tree(self) -> MibTree:
        return self._view

    def waiting(self) -> Tuple[()]:
        return ()

    def due(self) -> Optional[float]:
        return None

    def advance(self) -> None:
        pass


def is_due(choices: Choices) -> bool:
    """Return true if the result of this input is to be served."""
    return choices.below(SHARE) == 0


def check(snapshot: Snapshot) -> None:
    """Check that a snapshot is the same after transmission, and that all its objects are served."""
    sent = b"".join(wire.encode(snapshot))
    reader = read([sent])
    assert not reader.problems, reader.problems
    # compared as bytes: on the way, half of a surrogate pair becomes a question mark
    assert b"".join(wire.encode(reader.finish())) == sent
    walk(snapshot)


def read(portions: List[bytes]) -> wire.Reader:
    """Return a reader that has been fed these portions. Raises WireError."""
    reader = wire.Reader()
    for portion in portions:
        reader.feed(portion)
    return reader


def walk(snapshot: Snapshot) -> None:
    """Check that each answer is three lines that snmpd accepts, in the order of OIDs."""
    tree = lvs.tree(snapshot, 0.0)
    protocol = PassPersist(lvs.LVS, Backend(tree))
    last: Tuple[int, ...] = ()
    for varbind in tree.walk():
        here = numbers(varbind.oid)
        assert here > last, f"{here} after {last}"
        last = here
        assert len(last) <= MAX_PARTS
        assert all(0 <= part < 1 << 32 for part in last), last
        oid, keyword, value = protocol.get(last).split("\n")
        assert oid == f"{protocol.base_oid}{'.'.join(map(str, last))}"
        assert keyword in KEYWORDS, (oid, keyword)
        assert value.isprintable(), (oid, value)
        assert len(value.encode()) <= MAX_BYTES, (oid, value)
        assert value or keyword == "octet", oid
    assert protocol.get_next(last) == NONE
