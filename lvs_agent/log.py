# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging to syslog or to a file, and never to fd 2 in a child of snmpd.

snmpd gives its pass_persist children one pipe as both fd 1 and fd 2, so it would take anything
written to stderr for an answer.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Optional, Type

from lvs_agent import regular
from lvs_agent.errors import printable

SYSLOG = "/dev/log"

log = logging.getLogger("lvs_agent")


def start(file: Optional[Path], stderr: Optional[int] = None) -> None:
    """Send messages to a file, to stderr from that level on, or, with neither, to syslog.

    Raises OSError if the file can't be opened or is not a regular file: a FIFO, for instance, would
    block the process. Messages that can't be delivered are dropped, such as those to syslog on a
    machine without it.
    """
    logging.raiseExceptions = False
    layout = "lvs-agent[%(process)d]: %(message)s"
    log.setLevel(logging.INFO)
    log.propagate = False
    sys.excepthook = _log_exception
    # before the file, so that an error in opening it is reported
    if stderr is not None:
        _add(logging.StreamHandler(), "lvs-agent: %(message)s", stderr)
    if file is not None:
        lines = os.fdopen(regular.append(file), "a", encoding="utf-8", errors="backslashreplace")
        _add(logging.StreamHandler(lines), "%(asctime)s " + layout)
    elif stderr is None:
        _add(_syslog(), layout)


class _OneLine(logging.Formatter):
    """Escapes what is not printable, which names of files may contain."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the message, without the traceback that may follow it."""
        return printable(super().formatMessage(record))


def _add(handler: logging.Handler, layout: str, level: int = logging.INFO) -> None:
    handler.setFormatter(_OneLine(layout))
    handler.setLevel(level)
    log.addHandler(handler)


def silence_stderr() -> None:
    """Point fd 2 at /dev/null."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


class _SysLogHandler(logging.handlers.SysLogHandler):
    """Drops messages for which syslog has no room: snmpd must not wait for a syslog that hangs."""

    def _connect_unixsocket(self, address: str) -> None:  # at the start and after each failure
        super()._connect_unixsocket(address)  # type: ignore[misc]
        self.socket.setblocking(False)  # type: ignore[attr-defined]


def _syslog() -> logging.Handler:
    try:
        return _SysLogHandler(SYSLOG, logging.handlers.SysLogHandler.LOG_DAEMON)
    except OSError:
        return logging.NullHandler()


def _log_exception(
    kind: Type[BaseException], error: BaseException, trace: Optional[TracebackType]
) -> None:
    log.critical("internal error; please report it", exc_info=(kind, error, trace))
