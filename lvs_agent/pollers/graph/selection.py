# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a picture, and the groups of them that are added up in it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, FrozenSet, List, Optional, Sequence

from lvs_agent.codes import IpProtocol
from lvs_agent.errors import CommandError
from lvs_agent.pollers.graph.files import File, FileError, Last, folder_of, last, listed
from lvs_agent.pollers.graph.rrdtool import Rrdtool
from lvs_agent.pollers.naming import VIP, AddressRow, NamingError, Row, Service
from lvs_agent.pollers.parsing import parse_named, parse_server, parse_service

SERVICE, SERVER, DIRECTOR = "service", "server", "director"


@dataclass(frozen=True)
class Selection:
    """A selection of files; an empty set selects all services, or all their real servers.

    sums has VIPs and RIPs; if there are any, no other rows are selected. vips and servers are
    addresses. stack is SERVICE, SERVER or DIRECTOR for a colour each, None for one sum.
    """

    directors: FrozenSet[str] = frozenset()
    services: FrozenSet[Service] = frozenset()
    vips: FrozenSet[str] = frozenset()
    ports: FrozenSet[int] = frozenset()
    servers: FrozenSet[str] = frozenset()
    server_ports: FrozenSet[int] = frozenset()
    stack: Optional[str] = None
    sums: FrozenSet[AddressRow] = frozenset()

    @property
    def of_servers(self) -> bool:
        """True if rows of real servers are selected, instead of those of services."""
        return bool(self.servers or self.server_ports or self.stack == SERVER)

    def takes(self, file: File) -> bool:
        """Return whether a file is selected."""
        row = file.row
        if self.directors and file.director not in self.directors:
            return False
        if isinstance(row, AddressRow) or self.sums:
            return row in self.sums
        if (row.server is not None) != self.of_servers:
            return False
        if row.server is not None:
            if self.servers and row.server.address not in self.servers:
                return False
            if self.server_ports and row.server.port not in self.server_ports:
                return False
        return self._takes_service(row.service)

    def takes_address(self, file: File) -> bool:
        """Return whether a file is of a VIP or a RIP whose rows are all selected.

        The sum over an address contains all its rows, so it is not shown for a selection of some.
        """
        row = file.row
        if not isinstance(row, AddressRow):
            return False
        if self.sums:
            return self.takes(file)
        if self.directors and file.director not in self.directors:
            return False
        if self.services or self.ports or self.server_ports:
            return False
        own, others = (self.vips, self.servers) if row.kind == VIP else (self.servers, self.vips)
        return not others and (not own or row.address in own)

    def _takes_service(self, service: Service) -> bool:
        every = Service(service.family, service.address, service.protocol, None)
        if self.services and not self.services & {service, every}:
            return False
        if not self.vips and not self.ports:
            return True
        if service.protocol == IpProtocol.FWMARK:
            return False
        return (not self.vips or service.address in self.vips) and (
            not self.ports or service.port in self.ports
        )


@dataclass(frozen=True)
class Group:
    """Files whose values are added up under one name."""

    name: str
    files: List[File]

    @property
    def is_one_row(self) -> bool:
        """True if all files are of one row, even on several directors."""
        return len({file.row for file in self.files}) == 1


@dataclass
class Files:
    """Files that can be used, with the last update of each, and the errors of the others."""

    last: Dict[File, Last] = field(default_factory=dict)
    errors: List[str] = field(default_factory=list)


def look_at(rrdtool: Rrdtool, folder: Path, takes: Callable[[File], bool]) -> Files:
    """Return the files of a folder for which takes() is true. Raises OSError."""
    found = Files()
    for file in filter(takes, listed(folder)):
        try:
            found.last[file] = last(rrdtool, file)
        except FileError as error:
            found.errors.append(f"{folder}/{error}")
    return found


def nothing(folder: Path, errors: Sequence[str]) -> CommandError:
    """Return the error that no file was selected, or that none of them can be used."""
    return CommandError("; ".join(errors) or f"{folder}: no file matches the selection")


def selection(args: argparse.Namespace) -> Selection:
    """Return the selection that the options make. Raises NamingError."""
    stack = getattr(args, "stack", None)
    rows = [parse_named([text]) for text in args.service]
    sums = frozenset(row for row in rows if isinstance(row, AddressRow))
    if sums:
        others = [args.vip, args.port, args.real_server, args.real_port, stack == SERVER]
        if len(sums) < len(set(rows)) or any(others):
            raise NamingError(f"{min(map(str, sums))}: cannot be drawn together with services")
        return Selection(frozenset(map(folder_of, args.director)), stack=stack, sums=sums)
    return Selection(
        frozenset(map(folder_of, args.director)),
        frozenset(map(parse_service, args.service)),
        frozenset(parse_server(text).address for text in args.vip),
        frozenset(map(_port, args.port)),
        frozenset(parse_server(text).address for text in args.real_server),
        frozenset(map(_port, args.real_port)),
        stack,
    )


def grouped(files: Sequence[File], stack: Optional[str]) -> List[Group]:
    """Return the groups in which selected files are drawn, in their order."""
    if stack is None:
        return [Group("sum", list(files))] if files else []
    found: Dict[str, List[File]] = {}
    rows = [file.row for file in files if isinstance(file.row, Row)]
    one_service = len({row.service for row in rows}) == 1
    for file in files:
        found.setdefault(_name(file, stack, one_service), []).append(file)
    return [Group(_titled(name, its[0], stack), its) for name, its in found.items()]


def title(files: Sequence[File]) -> str:
    """Return a title: the name of the only row, or the number of rows of a kind."""
    found = {file.row for file in files}
    if len(found) == 1:
        return files[0].titled(files[0].row)
    rows = sorted((row for row in found if isinstance(row, Row)), key=lambda row: row.instance)
    if len(rows) < len(found):
        return f"{len(found)} addresses"
    services = {row.service for row in rows}
    if rows and rows[0].server is None:
        return f"{len(rows)} virtual services"
    of = str(services.pop()) if len(services) == 1 else f"{len(services)} virtual services"
    return f"{len(rows)} real servers of {of}"


def _name(file: File, stack: str, one_service: bool) -> str:
    if stack == DIRECTOR:
        return file.director
    if isinstance(file.row, AddressRow):
        return str(file.row)
    if stack == SERVER and one_service:
        return str(file.row.server)
    return str(file.row.service if stack == SERVICE else file.row)


def _titled(name: str, file: File, stack: str) -> str:
    """Return a group's name with the alias of its row, unless the name is not that of the row."""
    of_service = stack == SERVICE and isinstance(file.row, Row) and file.row.server is not None
    return name if of_service or stack == DIRECTOR else file.titled(name)


def _port(text: str) -> int:
    port = parse_service(f"TCP 0.0.0.0:{text}").port
    assert port is not None
    return port
