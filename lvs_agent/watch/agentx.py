# SPDX-License-Identifier: GPL-3.0-or-later
"""Notifications to snmpd, sent with net-snmp's agentxtrap, and their queue.

snmpd sends them to the receivers in its configuration.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import time
from typing import Callable, List, Optional

from lvs_agent.stopping import wait
from lvs_agent.watch import notifying
from lvs_agent.watch.told import MAX_WAITING, Told

log = logging.getLogger(__name__)

PROGRAM = "agentxtrap"
SECONDS = 10.0  # after which a program that does not end is killed
AT_ONCE = 50  # notifications that are sent after one look: half a second of processor time
_ERRORS = 4096  # the last bytes of a program's errors


class AgentXError(Exception):
    """A notification that snmpd did not accept; the text gives the reason."""


class AgentX:
    """The notifications for snmpd. Only add() and send() change the queue in told."""

    def __init__(self, told: Told, save: Callable[[], None], address: Optional[str]) -> None:
        self._told = told
        self._save = save
        self._address = address
        # True if the last message said that agentxtrap is missing, or that notifications wait
        self._missing = False
        self._waiting = False

    def add(self, notifications: List[List[str]]) -> None:
        """Add to the queue. When it is full, count the rest. Without agentxtrap, add nothing."""
        told = self._told
        missing = shutil.which(PROGRAM) is None
        if missing and not self._missing:
            log.warning("no notifications: %s is not installed (Debian: package snmp)", PROGRAM)
        self._missing = missing
        if missing:
            return
        # once some were left out, the following ones are too, to keep the order
        room = 0 if told.left_out else MAX_WAITING - len(told.waiting)
        told.waiting += notifications[:room]
        told.left_out += len(notifications[room:])

    def send(self, stop: socket.socket) -> None:
        """Send at most AT_ONCE notifications from the queue. Stop if snmpd does not accept one."""
        told = self._told
        for _ in range(AT_ONCE):
            if not told.waiting and told.left_out:
                text = f"{told.left_out} more events; see journalctl -t lvs-agent on the director"
                told.waiting, told.left_out = [notifying.summary(text, told.status)], 0
            if not told.waiting:
                break
            try:
                self._run(told.waiting[0], stop)
            except AgentXError as error:
                if not self._waiting:
                    log.warning("notifications wait until snmpd accepts them: %s", error)
                self._waiting = True
                return
            told.waiting.pop(0)
            self._save()
        if self._waiting:
            log.info("snmpd accepts notifications again")
            self._waiting = False

    def _run(self, notification: List[str], stop: socket.socket) -> None:
        """Run agentxtrap to its end. Raises AgentXError."""
        address = ["-x", self._address] if self._address else []
        words = [PROGRAM, "-m", "", *address, *notification]
        try:
            process = subprocess.Popen(
                [word.encode("utf-8", "replace") for word in words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise AgentXError(f"{PROGRAM}: {error.strerror}") from error
        assert process.stderr is not None
        with process.stderr as errors:
            try:
                said = _read(errors.fileno(), stop)
                status = process.wait(SECONDS)
            except subprocess.TimeoutExpired as error:
                raise AgentXError(f"{PROGRAM} does not end") from error
            finally:
                process.kill()
                process.wait()
        if status != 0:
            raise AgentXError(f"{PROGRAM}: {said or f'exit status {status}'}")


def _read(file: int, stop: socket.socket) -> str:
    """Return the last line of a program's errors. Raises AgentXError if it does not end in time."""
    until = time.monotonic() + SECONDS
    said = b""
    while wait(stop, until - time.monotonic(), file):
        data = os.read(file, _ERRORS)
        if not data:
            return said.strip().rpartition(b"\n")[2].decode("utf-8", "replace")
        said = (said + data)[-_ERRORS:]
    raise AgentXError(f"{PROGRAM} did not end within {SECONDS:.0f} s")
