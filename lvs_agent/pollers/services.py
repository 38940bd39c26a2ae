# SPDX-License-Identifier: GPL-3.0-or-later
"""A director's agent and its services, as records."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Union

from lvs_agent.codes import Source, Status
from lvs_agent.mib.smi import Oid, dotted
from lvs_agent.pollers import naming, ready
from lvs_agent.pollers.client import Client, Value
from lvs_agent.pollers.director import DirectorError

_FALSE = 2  # of TruthValue, RFC 2579


@dataclass(frozen=True)
class Agent:
    """lvsAgentStatus and related objects. age is in seconds, None if nothing was ever read.

    known is True if services that are not listed do not exist. services counts those present.
    lost_services and lost_servers are None if unknown, as for agents without these objects.
    """

    status: int
    text: str
    known: bool
    age: Optional[float]
    estimation: bool
    services: Optional[int]
    lost_services: Optional[int]
    lost_servers: Optional[int]


class Gone(NamedTuple):
    """A service or a real server that is lost, or one with weight 0; age in s, None if unknown.

    alias is "" if it has none.
    """

    name: Union[naming.Service, naming.Server]
    age: Optional[int]
    alias: str = ""


@dataclass
class Lost:
    """Rows that are lost: services, and the real servers of services that are present."""

    services: List[Gone] = field(default_factory=list)
    servers: Dict[naming.Service, List[Gone]] = field(default_factory=dict)


@dataclass
class Service:
    """A service with its values by column name.

    down has its real servers of weight 0, gone those that are lost and listed.
    """

    name: naming.Service
    values: Dict[str, Value]
    down: List[Gone] = field(default_factory=list)
    gone: List[Gone] = field(default_factory=list)

    @property
    def up(self) -> Optional[int]:
        """The number of real servers with a weight above 0; None if unknown."""
        return _number(self.values["lvsVsRealServersUp"])

    @property
    def present(self) -> int:
        """The number of real servers in the director's table; 0 if unknown."""
        return _number(self.values["lvsVsRealServers"]) or 0

    @property
    def lost(self) -> int:
        """The number of real servers that are lost; 0 if unknown."""
        return _number(self.values["lvsVsRealServersLost"]) or 0

    @property
    def total(self) -> int:
        """The number of real servers that are present or lost."""
        return self.present + self.lost

    @property
    def alias(self) -> str:
        """The name that the administrator has given the service; "" if there is none."""
        return _text(self.values["lvsVsAlias"])

    @property
    def age(self) -> Optional[int]:
        """The time since the service went up or down, in seconds; None if unknown."""
        return _number(self.values["lvsVsStateAge"])


def agent(client: Client) -> Agent:
    """Return the state of a director's agent, once it has a snapshot.

    Raises DirectorError, also if there is no agent.
    """
    names = (
        "lvsAgentStatus",
        "lvsAgentStatusText",
        "lvsAgentSource",
        "lvsAgentSnapshotAge",
        "lvsDirectorEstimation",
        "lvsAgentServices",
        "lvsAgentLostServices",
        "lvsAgentLostRealServers",
    )
    found = ready.get(client, [(name, (0,)) for name in names])
    status, text, source, age, estimation, *counts = found
    if not isinstance(status, int):
        raise client.unserved()
    known = is_known(status, source)
    seconds = age / 1000 if isinstance(age, int) and source != Source.NONE else None
    numbers = map(_number, counts)
    return Agent(status, str(text or ""), known, seconds, estimation != _FALSE, *numbers)


def is_known(status: Value, source: Value) -> bool:
    """Return whether rows that are not listed do not exist (lvsAgentStatus, lvsAgentSource)."""
    return source != Source.NONE or status == Status.NO_IPVS


def services(
    client: Client, wanted: Optional[naming.Service], columns: Sequence[str]
) -> Iterator[Union[Service, DirectorError]]:
    """Yield the services of wanted, None for all, with these columns and those of Service.

    Yields an error for a row that names no service.
    """
    names = [
        *("lvsVsRealServersUp", "lvsVsRealServers", "lvsVsRealServersLost"),
        *("lvsVsStateAge", "lvsVsAlias"),
        *columns,
    ]
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
        if service.up is not None and service.up < service.present:
            service.down = _down(client, service.name)
        yield service


def lost(client: Client, wanted: Optional[naming.Service]) -> Lost:
    """Return the rows that are lost, the last ones first, of wanted (None for all services).

    Omits rows that name nothing: the counts of the agent and the services have them.
    """
    found = Lost()
    within: Oid = ()
    if wanted is not None:
        # also with a port, since a walk omits the row whose instance is its prefix
        within = replace(wanted, port=None).instance
    columns = ["lvsLostVsAge", "lvsLostRsAge", "lvsLostVsAlias", "lvsLostRsAlias"]
    for instance, (of_service, of_server, *aliases) in client.walk(columns, within):
        with contextlib.suppress(DirectorError):
            row = row_of(client, instance, server=of_service is None)
            if wanted is not None and wanted.port not in (None, row.service.port):
                continue
            if row.server is None:
                found.services.append(_gone(row.service, of_service, aliases[0]))
            else:
                gone = _gone(row.server, of_server, aliases[1])
                found.servers.setdefault(row.service, []).append(gone)
    for rows in (found.services, *found.servers.values()):
        rows.sort(key=lambda row: row.age or 0)
    return found


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


def _down(client: Client, service: naming.Service) -> List[Gone]:
    found = []
    columns = ["lvsRsWeight", "lvsRsStateAge", "lvsRsAlias"]
    for instance, (weight, age, alias) in client.walk(columns, service.instance):
        with contextlib.suppress(DirectorError):  # still counted by lvsVsRealServers
            server = row_of(client, instance, server=True).server
            if weight == 0 and server is not None:
                found.append(_gone(server, age, alias))
    return found


def _gone(name: Union[naming.Service, naming.Server], age: Value, alias: Value) -> Gone:
    return Gone(name, _number(age), _text(alias))


def _number(value: Value) -> Optional[int]:
    """Return a number, None if it is unknown."""
    return value if isinstance(value, int) else None


def _text(value: Value) -> str:
    """Return a text, "" if it is unknown, as for agents without the object."""
    return value if isinstance(value, str) else ""
