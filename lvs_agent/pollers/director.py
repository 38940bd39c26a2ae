# SPDX-License-Identifier: GPL-3.0-or-later
"""Directors as named on command lines, and the error for one that can't be queried."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from lvs_agent.errors import CommandError, UsageError

MAX_PORT = 2**16 - 1
_DIRECTOR = r"""
    (?: \[ (?P<bracketed> [^]\s]+ ) \] | (?P<plain> [^][:,\s]+ ) ) (?: : (?P<port> \d{1,5} ) )?
    | (?P<ipv6> [^][,\s]* : [^][,\s]* : [^][,\s]* )
"""


class DirectorError(CommandError):
    """A director that can't be queried or does not answer; a one-line message, its name first."""


@dataclass(frozen=True)
class Director:
    """The host and port of a director's snmpd; port is None for the default."""

    host: str
    port: Optional[int] = None

    def __str__(self) -> str:
        """Return host, host:port or [address]:port."""
        host = f"[{self.host}]" if ":" in self.host and self.port is not None else self.host
        return host if self.port is None else f"{host}:{self.port}"


def parse_director(text: str) -> Director:
    """Parse host, host:port, [address]:port, or an IPv6 address. Raises UsageError."""
    match = re.fullmatch(_DIRECTOR, text, re.VERBOSE)
    if match is None or (match["port"] and not 0 < int(match["port"]) <= MAX_PORT):
        raise UsageError(f"not a director: {text!r}; write HOST, HOST:PORT or [ADDRESS]:PORT")
    host = match["bracketed"] or match["plain"] or match["ipv6"]
    return Director(host, int(match["port"]) if match["port"] else None)
