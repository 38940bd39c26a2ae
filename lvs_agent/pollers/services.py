# SPDX-License-Identifier: GPL-3.0-or-later
"""A director's agent and its services, as records."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Optional, Sequence, Union

from lvs_agent.codes import Source, Status
from lvs_agent.mib.smi import Oid, dotted
from lvs_agent.pollers import naming
from lvs_agent.pollers.client import Client, Value
from lvs_agent.pollers.director import DirectorError

_FALSE = 2  # of TruthValue, RFC 2579


@dataclass(frozen=True)
class Agent:
    """lvsAgentStatus and related objects. age is in seconds, None if nothing was ever read.

    known is True if services that are not listed do not exist.
    """

    status: int
    text: str
    known: bool
    age: Optional[float]
    estimation: bool


@dataclass
class Service:
    """A service with its values by column name; down has its real servers of weight 0."""

    name: naming.Service
    values: Dict[str, Value]
    down: List[naming.Server] = field(default_factory=list)

    @property
    def up(self) -> Optional[int]:
        """The number of real servers with a weight above 0; None if unknown."""
        value = self.values["lvsVsRealServersUp"]
        return value if isinstance(value, int) else None

    @property
    def total(self) -> int:
        """The number of real servers; 0 if unknown."""
        value = self.values["lvsVsRealServers"]
        return value if isinstance(value, int) else 0


def agent(client: Client) -> Agent:
    """Return the state of a director's agent. Raises DirectorError, also if there is no agent."""
    status, text, source, age, estimation = client.scalars(
        "lvsAgentStatus",
        "lvsAgentStatusText",
        "lvsAgentSource",
        "lvsAgentSnapshotAge",
        "lvsDirectorEstimation",
    )
    if not isinstance(status, int):
        raise client.unserved()
    known = is_known(status, source)
    seconds = age / 1000 if isinstance(age, int) and source != Source.NONE else None
    return Agent(status, str(text or ""), known, seconds, estimation != _FALSE)


def is_known(status: Value, source: Value) -> bool:
    """Return whether rows that are not listed do not exist (lvsAgentStatus, lvsAgentSource)."""
    return source != Source.NONE or status == Status.NO_IPVS


def services(
    client: Client, wanted: Optional[naming.Service], columns: Sequence[str]
) -> Iterator[Union[Service, DirectorError]]:
    """Yield the services of wanted, None for all, with these columns and those of Service.

    Yields an error for a row that names no service.
    """
    names = ["lvsVsRealServersUp", "lvsVsRealServers", *columns]
    if wanted is not None and wanted.port is not None:
        values = client.get([(name, wanted.instance) for name in names])
        rows = [(wanted.instance, values)] if values[1] is not None else []
    else:
        rows = list(client.walk(names, wanted.instance if wanted else ()))
    for instance, values in rows:
        try:
            row = row_of(client, instance, server=False)
        except DirectorError as error:
            yield error
            continue
        service = Service(row.service, dict(zip(names, values)))
        if service.up is not None and service.up < service.total:
            service.down = _down(client, service.name)
        yield service


def row_of(client: Client, instance: Oid, server: bool) -> naming.Row:
    """Return the row of an instance that a director listed, of a real server or of a service.

    Raises DirectorError if it has none.
    """
    try:
        row = naming.row_of(instance)
    except naming.NamingError as error:
        raise client.error(str(error)) from error
    if row.service.port is None or (row.server is not None) != server:
        table = "lvsRsTable" if server else "lvsVsTable"
        raise client.error(f"{dotted(instance)}: not an instance of {table}")
    return row


def _down(client: Client, service: naming.Service) -> List[naming.Server]:
    found = []
    for instance, (weight,) in client.walk(["lvsRsWeight"], service.instance):
        with contextlib.suppress(DirectorError):  # still counted by lvsVsRealServers
            server = row_of(client, instance, server=True).server
            if weight == 0 and server is not None:
                found.append(server)
    return found
