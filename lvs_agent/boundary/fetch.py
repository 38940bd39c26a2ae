# SPDX-License-Identifier: GPL-3.0-or-later
"""The fetch of one snapshot from a collector, decoded in portions."""

from __future__ import annotations

import socket
import time
from typing import List, Optional

from lvs_agent.boundary import wire
from lvs_agent.codes import Status
from lvs_agent.snapshot import Snapshot

# A responder decodes this much after each answer, in less than a millisecond: a GETBULK has a
# hundred answers, and snmpd serves nobody else before the last.
RECEIVE_BYTES = 16384
# 60,000 services with one real server each are 15 MiB. Decoded, a snapshot of this size takes
# 400 MiB, which are freed in half a second.
MAX_SNAPSHOT_BYTES = 64 << 20


class Fetch:
    """The fetch of one snapshot over a connection to the collector."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.began = time.monotonic()
        self._reader = wire.Reader()
        self._received = 0

    def step(self) -> Optional[Snapshot]:
        """Decode the next portion. Return the snapshot once it is complete, else None.

        Raises BlockingIOError if no data is there, OSError or WireError if none will come.
        """
        data = self.connection.recv(RECEIVE_BYTES)
        self._received += len(data)
        if self._received > MAX_SNAPSHOT_BYTES:
            raise wire.WireError(f"the snapshot is longer than {MAX_SNAPSHOT_BYTES} bytes")
        if data:
            self._reader.feed(data)
            return None
        snapshot = self._reader.finish()
        if self.problems and snapshot.status == Status.OK:
            snapshot.status, snapshot.text = Status.DEGRADED, self.problems[0]
        return snapshot

    @property
    def problems(self) -> List[str]:
        """The rows that could not be read."""
        return self._reader.problems
