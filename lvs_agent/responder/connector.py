# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a responder finds its collector."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Optional

from lvs_agent.boundary.child import ChildCollector
from lvs_agent.boundary.connections import connect_to

log = logging.getLogger(__name__)


class Connector:
    """Where a responder finds its collector, looked for anew for each snapshot.

    path is tried first. Where nothing is there, or it is closed to this user, the child is used,
    if there is one, until a collector listens at path: only one of two could write the state
    directory.
    """

    def __init__(self, path: Optional[Path], child: Optional[ChildCollector]) -> None:
        self._path = path
        self._child = child
        self._refused = False

    def connect(self) -> socket.socket:
        """A connection, on which a snapshot is on its way. Raises OSError naming the place."""
        if self._path is not None:
            try:
                connection = connect_to(self._path)
            except (FileNotFoundError, PermissionError) as error:
                if self._child is None:
                    raise OSError(error.errno, error.strerror, str(self._path)) from error
                if isinstance(error, PermissionError) and not self._refused:
                    self._refused = True
                    log.warning("%s: %s; using /proc instead", self._path, error.strerror)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(self._path)) from error
            else:
                if self._child is not None:
                    self._child.let_go()
                return connection
        assert self._child is not None
        return self._child.connect()

    def close(self) -> None:
        """End what was started."""
        if self._child is not None:
            self._child.close()
