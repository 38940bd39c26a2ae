# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection from a responder to its collector."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Optional

from lvs_agent.boundary.child import ChildCollector
from lvs_agent.boundary.connections import connect_to

log = logging.getLogger(__name__)


class Connector:
    """A connector to the responder's collector, which is looked for before each snapshot.

    path is tried first. If nothing is there, or this user may not connect, the child collector is
    used if there is one. It is ended when a collector listens at path: only one of the two could
    write the state directory.
    """

    def __init__(self, path: Optional[Path], child: Optional[ChildCollector]) -> None:
        self._path = path
        self._child = child
        self._refused = False

    def connect(self) -> socket.socket:
        """Return a connection that delivers a snapshot. Raises OSError."""
        if self._path is not None:
            try:
                connection = connect_to(self._path)
            except (FileNotFoundError, PermissionError) as error:
                if self._child is None:
                    raise
                if isinstance(error, PermissionError) and not self._refused:
                    self._refused = True
                    log.warning("%s: %s; starting a collector instead", self._path, error.strerror)
            else:
                if self._child is not None:
                    self._child.let_go()
                return connection
        assert self._child is not None
        return self._child.connect()

    def close(self) -> None:
        """End the child, if there is one."""
        if self._child is not None:
            self._child.close()
