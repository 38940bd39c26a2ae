# SPDX-License-Identifier: GPL-3.0-or-later
"""The pass_persist protocol over pipes, with a table that a test changes."""

from __future__ import annotations

import os
import socket
import threading
from typing import List, Optional, Sequence

from lvs_agent.mib.lookup import MibTree
from lvs_agent.mib.smi import Column, Counter64, Index, Integer32, Oid, Table, at
from lvs_agent.responder.passpersist import PassPersist

BASE: Oid = (1, 3, 6, 1, 3, 99)


COLUMN = ".1.3.6.1.3.99.1.1.2"


class Row:
    def __init__(self, value: int) -> None:
        self.value = value


class Rows:
    """A backend with one column whose rows come and go: .1.1.2.INSTANCE = Counter64."""

    def __init__(self, *instances: int) -> None:
        self.instances = list(instances)
        self.watched: List[socket.socket] = []
        self.advanced = 0

    def tree(self) -> MibTree:
        table = Table(
            (1,),
            "table",
            "entry",
            [Index(1, "index", Integer32)],
            lambda rows: [((number,), Row(number)) for number in rows],
            [Column(2, "column", Counter64, at("value"))],
        )
        return MibTree([], [table], self.instances, 0.0)

    def waiting(self) -> Sequence[socket.socket]:
        return self.watched

    def due(self) -> Optional[float]:
        return None

    def advance(self) -> None:
        self.advanced += 1


class Snmpd:
    """The snmpd end of the two pipes."""

    def __init__(self, backend: Rows, early_pong: bool = False) -> None:
        read_fd, self._to_child = os.pipe()
        self._from_child, write_fd = os.pipe()
        child = PassPersist(BASE, backend, read_fd, write_fd, early_pong)
        self._thread = threading.Thread(target=child.run)
        self._thread.start()
        self._lines = os.fdopen(self._from_child, "r")

    def write(self, text: str) -> None:
        os.write(self._to_child, text.encode())

    def line(self) -> str:
        return self._lines.readline().rstrip("\n")

    def ask(self, command: str, oid: str) -> List[str]:
        """Ask as snmpd does: write PING, read PONG, write the request, read the answer."""
        self.write("PING\n")
        assert self.line() == "PONG"
        self.write(f"{command}\n{oid}\n")
        first = self.line()
        return [first] if first == "NONE" else [first, self.line(), self.line()]

    def close(self) -> None:
        os.close(self._to_child)
        self._thread.join(timeout=10)
        assert not self._thread.is_alive()
        self._lines.close()
