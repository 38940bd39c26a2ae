# SPDX-License-Identifier: GPL-3.0-or-later
"""A director's agent, its services, and its VIPs and RIPs, as records."""

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

# the columns that count the parts of a row: those that are up, present and lost
PARTS = {
    "lvsVs": ("RealServersUp", "RealServers", "RealServersLost"),
    "lvsVip": ("ServicesUp", "Services", "ServicesLost"),
    "lvsRip": ("Up", "Services", "Lost"),
}

Name = Union[naming.Service, naming.AddressRow]


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
    """A service or a real server that is lost or not up; age in s, None if unknown.

    alias is "" if it has none.
    """

    name: Union[naming.Service, naming.Server]
    age: Optional[int]
    alias: str = ""


@dataclass
class Lost:
    """Rows that are lost: services, and the real servers of services that are present."""

    services: List[Gone] = field(default_factory=list)
    servers: Dict[Name, List[Gone]] = field(default_factory=dict)


@dataclass
class Subject:
    """A service, a VIP or a RIP, with its values by column name.

    Its parts are the real servers of a service, the services of a VIP, and the rows of a RIP, one
    in each of its services. down has the parts that are present and not up, except for a RIP, and
    gone those that are lost and listed.
    """

    name: Name
    values: Dict[str, Value]
    down: List[Gone] = field(default_factory=list)
    gone: List[Gone] = field(default_factory=list)

    @property
    def up(self) -> Optional[int]:
        """The number of parts that are up; None if unknown."""
        return _number(self._part(0))

    @property
    def present(self) -> int:
        """The number of parts in the director's table; 0 if unknown."""
        return _number(self._part(1)) or 0

    @property
    def lost(self) -> int:
        """The number of parts that are lost; 0 if unknown."""
        return _number(self._part(2)) or 0

    @property
    def total(self) -> int:
        """The number of parts that are present or lost."""
        return self.present + self.lost

    @property
    def alias(self) -> str:
        """The name that the administrator has given; "" if there is none."""
        return _text(self.value("Alias"))

    @property
    def age(self) -> Optional[int]:
        """The time since a service went up or down, in seconds; None if unknown."""
        return _number(self.values.get("lvsVsStateAge"))

    def value(self, column: str) -> Value:
        """Return the value of a column, which is named without the prefix of its table."""
        return self.values[f"{self.name.table}{column}"]

    def _part(self, place: int) -> Value:
        return self.value(PARTS[self.name.table][place])


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
) -> Iterator[Union[Subject, DirectorError]]:
    """Yield the services of wanted, None for all, with these columns, without their prefix lvsVs.

    Yields an error for a row that names no service.
    """
    names = [f"lvsVs{name}" for name in (*PARTS["lvsVs"], "Alias", "StateAge", *columns)]
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
        service = Subject(row.service, dict(zip(names, values)))
        if service.up is not None and service.up < service.present:
            service.down = _down(client, row.service)
        yield service


def address_row(
    client: Client, wanted: naming.AddressRow, columns: Sequence[str]
) -> Optional[Subject]:
    """Return a VIP or a RIP with these columns, without the prefix of its table.

    Returns None if the director does not have it. Raises DirectorError, also if the agent has no
    such table.
    """
    names = [f"{wanted.table}{name}" for name in (*PARTS[wanted.table], "Alias", *columns)]
    values = client.get([(name, wanted.instance) for name in names])
    if values[1] is None:
        check_table(client, wanted)
        return None
    found = Subject(wanted, dict(zip(names, values)))
    if wanted.kind == naming.VIP and found.up is not None and found.up < found.present:
        found.down = _services_down(client, wanted)
    return found


def check_table(client: Client, wanted: naming.AddressRow) -> None:
    """Raise DirectorError if the agent has no table of VIPs and RIPs.

    The answers for a missing table and for an empty one are the same. But agents that have the
    table give each service an lvsVsAlias.
    """
    for _, (_, alias) in client.walk(["lvsVsName", "lvsVsAlias"]):
        if alias is None:
            raise client.error(
                f"the agent has no {wanted.table}Table; update lvs-agent on the director"
            )
        return


def lost(client: Client, wanted: Optional[Name]) -> Lost:
    """Return the rows that are lost, the last ones first, of wanted (None for all services).

    Of an address, returns the rows of the services at it.

    Omits rows that name nothing: the counts of the agent and the services have them.
    """
    found = Lost()
    within: Oid = wanted.instance if wanted else ()
    port = None
    if isinstance(wanted, naming.Service):
        # without the port, since a walk omits the row whose instance is its prefix
        port, within = wanted.port, replace(wanted, port=None).instance
    columns = ["lvsLostVsAge", "lvsLostRsAge", "lvsLostVsAlias", "lvsLostRsAlias"]
    for instance, (of_service, of_server, *aliases) in client.walk(columns, within):
        with contextlib.suppress(DirectorError):
            row = row_of(client, instance, server=of_service is None)
            if port not in (None, row.service.port):
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


def address_row_of(client: Client, kind: str, instance: Oid) -> naming.AddressRow:
    """Return the VIP or the RIP of an instance that a director listed.

    Raises DirectorError if it has none.
    """
    try:
        return naming.address_row_of(kind, instance)
    except naming.NamingError as error:
        raise client.error(str(error)) from error


def _down(client: Client, service: naming.Service) -> List[Gone]:
    found = []
    columns = ["lvsRsWeight", "lvsRsStateAge", "lvsRsAlias"]
    for instance, (weight, age, alias) in client.walk(columns, service.instance):
        with contextlib.suppress(DirectorError):  # still counted by lvsVsRealServers
            server = row_of(client, instance, server=True).server
            if weight == 0 and server is not None:
                found.append(_gone(server, age, alias))
    return found


def _services_down(client: Client, vip: naming.AddressRow) -> List[Gone]:
    found = []
    columns = ["lvsVsRealServersUp", "lvsVsStateAge", "lvsVsAlias"]
    for instance, (up, age, alias) in client.walk(columns, vip.instance):
        with contextlib.suppress(DirectorError):  # still counted by lvsVipServices
            service = row_of(client, instance, server=False).service
            if up == 0:
                found.append(_gone(service, age, alias))
    return found


def _gone(name: Union[naming.Service, naming.Server], age: Value, alias: Value) -> Gone:
    return Gone(name, _number(age), _text(alias))


def _number(value: Value) -> Optional[int]:
    """Return a number, None if it is unknown."""
    return value if isinstance(value, int) else None


def _text(value: Value) -> str:
    """Return a text, "" if it is unknown, as for agents without the object."""
    return value if isinstance(value, str) else ""
