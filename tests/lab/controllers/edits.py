# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: lines for ipvsadm -R."""

from __future__ import annotations

from typing import List

from tests.lab.controllers.step import Table


def rules(table: Table) -> List[str]:
    """Return the lines that add a table."""
    lines = []
    for service, servers in table.items():
        lines.append(f"-A -t {_place(service)} -s rr")
        lines += [add(service, server) for server in servers]
    return lines


def add(service: str, server: str) -> str:
    """Return the line that adds a real server."""
    return f"-a -t {_place(service)} -r {server} -m"


def delete(service: str, server: str = "") -> str:
    """Return the line that deletes a real server, or a service."""
    return f"-d -t {_place(service)} -r {server}" if server else f"-D -t {_place(service)}"


def _place(service: str) -> str:
    return service.split()[1]
