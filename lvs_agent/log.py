# SPDX-License-Identifier: GPL-3.0-or-later
"""Where messages go: syslog, or a file. Never fd 2 of a child of snmpd.

snmpd gives its pass_persist children one pipe as both fd 1 and fd 2, so a byte on stderr is an
answer to snmpd, and the wrong one.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Optional, Type

SYSLOG = "/dev/log"

log = logging.getLogger("lvs_agent")


def start(file: Optional[Path], stderr: Optional[int] = None) -> None:
    """Send messages to a file, to stderr from that level on, or else to syslog.

    Raises OSError for the file. A machine without syslog goes without; a message that can't be
    delivered is dropped.
    """
    logging.raiseExceptions = False
    layout = "lvs-agent[%(process)d]: %(message)s"
    if file is not None:
        _add(logging.FileHandler(file), "%(asctime)s " + layout)
    if stderr is not None:
        _add(logging.StreamHandler(), "lvs-agent: %(message)s", stderr)
    elif file is None:
        _add(_syslog(), layout)
    log.setLevel(logging.INFO)
    log.propagate = False
    sys.excepthook = _log_exception


def _add(handler: logging.Handler, layout: str, level: int = logging.INFO) -> None:
    handler.setFormatter(logging.Formatter(layout))
    handler.setLevel(level)
    log.addHandler(handler)


def silence_stderr() -> None:
    """Point fd 2 at /dev/null."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


def _syslog() -> logging.Handler:
    try:
        return logging.handlers.SysLogHandler(SYSLOG, logging.handlers.SysLogHandler.LOG_DAEMON)
    except OSError:
        return logging.NullHandler()


def _log_exception(
    kind: Type[BaseException], error: BaseException, trace: Optional[TracebackType]
) -> None:
    log.critical("ended by an error of its own; please report it", exc_info=(kind, error, trace))
