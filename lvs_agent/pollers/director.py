# SPDX-License-Identifier: GPL-3.0-or-later
"""Directors as they are named on command lines, and what is said of one that can't be asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from lvs_agent.errors import CommandError, UsageError

MAX_PORT = 2**16 - 1
_DIRECTOR = r"""
    (?: \[ (?P<bracketed> [^]\s]+ ) \] | (?P<plain> [^][:,\s]+ ) ) (?: : (?P<port> \d+ ) )?
    | (?P<ipv6> [^][,\s]* : [^][,\s]* : [^][,\s]* )
"""


class DirectorError(CommandError):
    """A director that can't be asked, or does not answer; one line that begins with its name."""


@dataclass(frozen=True)
class Director:
    """Where a director's snmpd listens; port is None for the usual one."""

    host: str
    port: Optional[int] = None

    def __str__(self) -> str:
        """As it is written: host, host:port, [address]:port."""
        host = f"[{self.host}]" if ":" in self.host and self.port is not None else self.host
        return host if self.port is None else f"{host}:{self.port}"


def parse_director(text: str) -> Director:
    """host, host:port, [address]:port, or an IPv6 address. Raises UsageError."""
    match = re.fullmatch(_DIRECTOR, text, re.VERBOSE)
    if match is None or (match["port"] and not 0 < int(match["port"]) <= MAX_PORT):
        raise UsageError(f"{text or 'nothing'}: a director is HOST, HOST:PORT or [ADDRESS]:PORT")
    host = match["bracketed"] or match["plain"] or match["ipv6"]
    return Director(host, int(match["port"]) if match["port"] else None)
