# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP ports of loopback."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Return a port at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Return whether a program listens at a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
