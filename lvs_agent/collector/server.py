# SPDX-License-Identifier: GPL-3.0-or-later
"""The privileged side, which sends a snapshot to each client and does nothing else.

There are no commands: nothing is read from a client. A connection gets one snapshot and is
closed. One thread serves all clients, and a slow client does not delay the others.
"""

from __future__ import annotations

import io
import logging
import os
import selectors
import socket
import time
from typing import Dict, Optional, Sequence

from lvs_agent.boundary import wire
from lvs_agent.boundary.connections import Listener
from lvs_agent.collector.history import History
from lvs_agent.kernel.source import Kernel
from lvs_agent.kernel.survey import Survey
from lvs_agent.stopping import stop_signals

log = logging.getLogger(__name__)

# Clients that connect within this time share a snapshot: the kernel refreshes its counters every
# 2 s, so two pollers at once need not cost the director two snapshots.
SHARE_SECONDS = 0.5
# A client is dropped when it has read nothing for IDLE_SECONDS, and after CLIENT_SECONDS in all:
# a responder on a busy machine needs a quarter of a minute for 60,000 services.
IDLE_SECONDS = 10
CLIENT_SECONDS = 60
# Further clients wait in the listening queue. Each takes a file descriptor, of which a look at the
# kernel, the state file and the log need some too.
MAX_CLIENTS = 256
OTHER_FILES = 32
# Each client holds its snapshot until it has read it. While clients are still reading this many
# snapshots, further clients get the last one again, however old: up to CLIENT_SECONDS.
MAX_SNAPSHOTS = 4
# The pause after a client could not be served, for instance because all descriptors were in use.
# Such failures are logged when there was none for QUIET_SECONDS.
RETRY_SECONDS = 1
QUIET_SECONDS = 60


class Collector:
    """The snapshots of one kernel, numbered and encoded."""

    def __init__(self, kernel: Kernel, history: History) -> None:
        self._kernel = kernel
        self._history = history
        self._survey = Survey(kernel)
        # the last snapshot, and its time.monotonic(); changed only in snapshot()
        self._data = b""
        self._taken = float("-inf")

    def snapshot(self, again: bool = False) -> bytes:
        """Return an encoded snapshot: at most SHARE_SECONDS old, or the last one again.

        Raises OSError if the kernel can't be read now.
        """
        age = time.monotonic() - self._taken
        if not self._data or (age > SHARE_SECONDS and not again):
            # Free the old bytes first, and don't join() lines, which would hold each of them
            # twice: this saves 1 to 5 MiB with 10,000 real servers.
            self._data = b""
            snapshot = self._survey.take()
            self._history.annotate(snapshot)
            lines = io.BytesIO()
            lines.writelines(wire.encode(snapshot))
            self._data = lines.getvalue()
            self._taken = time.monotonic()
        return self._data

    def served(self) -> None:
        """Save what has been served, now that no client waits."""
        self._history.keep()

    def close(self) -> None:
        """Release the state directory and the kernel."""
        self._history.close()
        self._kernel.close()


class _Client:
    """A connection that has not received its whole snapshot yet."""

    def __init__(self, connection: socket.socket, data: bytes) -> None:
        self.connection = connection
        self.data = data
        now = time.monotonic()
        self._end = now + CLIENT_SECONDS
        self.deadline = now + IDLE_SECONDS
        self._rest = memoryview(data)

    def send(self) -> bool:
        """Send what the socket accepts now. Return True when there is nothing more to do."""
        try:
            while self._rest:
                self._rest = self._rest[self.connection.send(self._rest) :]
                self.deadline = min(time.monotonic() + IDLE_SECONDS, self._end)
        except BlockingIOError:
            return False
        except OSError as error:
            log.debug("client disconnected: %s", error)
        return True


class _Server:
    def __init__(self, collector: Collector, listeners: Sequence[Listener]) -> None:
        self._collector = collector
        self._listeners = listeners
        # unfinished clients by file descriptor: those that the selector watches for writing
        self._clients: Dict[int, _Client] = {}
        # not getrlimit(2), which old versions of systemd deny with SystemCallFilter=~@resources
        files = os.sysconf("SC_OPEN_MAX")
        self._max_clients = max(1, min(MAX_CLIENTS, files - OTHER_FILES))
        self._selector = selectors.DefaultSelector()
        # True while the selector watches the listeners; changed only in _listen()
        self._listening = False
        # the time.monotonic() at which a client could not be served
        self._failed = float("-inf")
        # the latest time to save what was served; None if there is nothing to save
        self._keep_by: Optional[float] = None

    def run(self, stop: socket.socket) -> None:
        self._selector.register(stop, selectors.EVENT_READ)
        while True:
            self._listen()
            for key, _events in self._selector.select(self._patience()):
                if key.fileobj is stop:
                    return
                if key.data is not None:
                    try:
                        self._accept(key.data)
                    except EOFError:
                        return
                elif self._clients[key.fd].send():
                    self._drop(key.fd)
            for fd, client in list(self._clients.items()):
                if client.deadline < time.monotonic():
                    log.warning("client dropped: it did not read its snapshot in time")
                    self._drop(fd)
            self._keep()

    def close(self) -> None:
        for fd in list(self._clients):
            self._drop(fd)
        self._keep()
        self._selector.close()

    def _listen(self) -> None:
        """Watch the listeners, except while no client can be served."""
        room = len(self._clients) < self._max_clients
        wanted = room and time.monotonic() - self._failed > RETRY_SECONDS
        if wanted == self._listening:
            return
        self._listening = wanted
        for listener in self._listeners:
            if wanted:
                self._selector.register(listener, selectors.EVENT_READ, listener)
            else:
                self._selector.unregister(listener)

    def _patience(self) -> Optional[float]:
        """Return the seconds after which something is due though nothing happens, or None."""
        now = time.monotonic()
        due = [client.deadline - now for client in self._clients.values()]
        if not self._listening:
            due.append(RETRY_SECONDS)
        return max(0.0, min(due)) if due else None

    def _accept(self, listener: Listener) -> None:
        try:
            connection = listener.accept()
        except BlockingIOError:  # another process has accepted it
            return
        except OSError as error:
            self._fail(error)
            return
        try:
            self._serve(connection)
        except OSError as error:
            connection.close()
            self._fail(error)

    def _serve(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        held = {id(client.data) for client in self._clients.values()}
        client = _Client(connection, self._collector.snapshot(again=len(held) >= MAX_SNAPSHOTS))
        if client.send():
            connection.close()
        else:
            self._selector.register(connection, selectors.EVENT_WRITE)
            self._clients[connection.fileno()] = client
        if self._keep_by is None:
            self._keep_by = client.deadline

    def _fail(self, error: OSError) -> None:
        """Stop serving new clients for RETRY_SECONDS."""
        now = time.monotonic()
        if now - self._failed > QUIET_SECONDS:
            log.error("cannot serve clients: %s", error.strerror or error)
        self._failed = now

    def _keep(self) -> None:
        """Save what was served once no client waits, or once clients have delayed it too long.

        Saving 60,000 services takes seconds, in which no client is served.
        """
        if self._keep_by is None or (self._clients and time.monotonic() < self._keep_by):
            return
        self._keep_by = None
        self._collector.served()

    def _drop(self, fd: int) -> None:
        client = self._clients.pop(fd)
        self._selector.unregister(client.connection)
        client.connection.close()


def serve(collector: Collector, *listeners: Listener) -> None:
    """Send snapshots to clients until SIGTERM or SIGINT, or until a listener ends."""
    server = _Server(collector, listeners)
    try:
        with stop_signals() as stop:
            server.run(stop)
    finally:
        server.close()
        for listener in listeners:
            listener.close()
        collector.close()
