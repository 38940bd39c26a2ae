# SPDX-License-Identifier: GPL-3.0-or-later
"""The limit on remembered missing rows, services and real servers together."""

from __future__ import annotations

from typing import Iterator, Set, Tuple

from lvs_agent.collector.remembered import Numbering, ServiceState

# A sixteenth of the rows is forgotten at a time, because all rows must be looked at to find them.
PART = 16


def missing(services: Numbering[ServiceState]) -> int:
    """Return the number of missing services and real servers."""
    return services.missing + sum(row.servers.missing for row in services.rows.values())


def forget_missing(services: Numbering[ServiceState], keep: int) -> None:
    """Forget the rows that have been missing longest, so that keep missing rows remain.

    The servers of a missing service are forgotten before it, and rows that may be lost after all
    others.
    """
    count = missing(services) - keep
    if count > 0:
        for _lost, _since, _is_service, name, server in sorted(_missing_rows(services))[:count]:
            if name not in services.rows:
                continue  # forgotten with its service, which is older here if the clock was set
            if server:
                services.rows[name].servers.remove(server)
            else:
                services.remove(name)


def _missing_rows(
    services: Numbering[ServiceState],
) -> Iterator[Tuple[bool, float, bool, str, str]]:
    for name, service in services.rows.items():
        lost: Set[str] = set()
        if service.missing_since is not None:
            may_be_lost = service.lasting and service.gone_since is not None
            yield may_be_lost, service.missing_since, True, name, ""
        else:
            lost.update(service.lost_servers(oldest=float("-inf")))
        if service.servers.missing:
            for server, row in service.servers.rows.items():
                if row.missing_since is not None:
                    yield server in lost, row.missing_since, False, name, server
