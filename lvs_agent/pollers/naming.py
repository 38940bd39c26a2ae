# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of services, real servers, VIPs and RIPs, and the instances of their rows."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, NoReturn, Optional, Tuple, Union

from lvs_agent import services
from lvs_agent.codes import AF, Family, Forwarding, IpProtocol
from lvs_agent.errors import UsageError
from lvs_agent.mib.index import INET_ADDRESS_TYPE
from lvs_agent.mib.smi import Oid, dotted
from lvs_agent.names import MAX_MARK, MAX_PORT, MAX_PROTOCOL

FAMILY = {number: family for family, number in INET_ADDRESS_TYPE.items()}

VIP, RIP = "VIP", "RIP"

_BY_SERVICE = "lvsVsTable or lvsRsTable"


class NamingError(UsageError):
    """Words or an instance that name nothing; a one-line message with the accepted forms."""


@dataclass(frozen=True, order=True)
class Service:
    """A virtual service; its address is as inet_ntop(3) writes it.

    A firewall mark has protocol FWMARK, the unspecified address of its family, and the mark in
    port. port is None for all services of that protocol at that address.
    """

    table: ClassVar[str] = "lvsVs"

    family: int
    address: str
    protocol: int
    port: Optional[int]

    @property
    def instance(self) -> Oid:
        """The sub-identifiers in lvsVsTable; if port is None, the prefix of those of its rows."""
        port = () if self.port is None else (self.port,)
        return (*_address_index(self.family, self.address), self.protocol, *port)

    def __str__(self) -> str:
        """Return the lvsVsName: TCP 192.0.2.10:443, FWM 5 IPv6."""
        mark = self.port if self.protocol == IpProtocol.FWMARK else 0
        name = services.VirtualService(
            self.family, self.protocol, self.address, self.port or 0, mark or 0, "", 0
        ).name
        return name.rpartition(":")[0] if self.port is None else name


@dataclass(frozen=True, order=True)
class Server:
    """A real server; its address is as inet_ntop(3) writes it."""

    family: int
    address: str
    port: int

    @property
    def instance(self) -> Oid:
        """The sub-identifiers in lvsRsTable that follow those of its service."""
        return (*_address_index(self.family, self.address), self.port)

    def __str__(self) -> str:
        """Return the lvsRsName: 192.168.0.1:8080, [2001:db8::2]:443."""
        return services.RealServer(self.address, self.port, Forwarding.MASQ, None).name


class Row(NamedTuple):
    """A row of lvsVsTable or, with a server, of lvsRsTable."""

    service: Service
    server: Optional[Server] = None

    @property
    def table(self) -> str:
        """The prefix of the names of its objects."""
        return "lvsRs" if self.server else self.service.table

    @property
    def instance(self) -> Oid:
        """The sub-identifiers of the row."""
        return self.service.instance + (self.server.instance if self.server else ())

    def __str__(self) -> str:
        """Return the names: TCP 192.0.2.10:443 -> 192.168.0.1:8080."""
        return f"{self.service} -> {self.server}" if self.server else str(self.service)


@dataclass(frozen=True)
class AddressRow:
    """A row of lvsVipTable or lvsRipTable, by its kind, VIP or RIP: the sums over an address.

    The address is as inet_ntop(3) writes it.
    """

    kind: str
    family: int
    address: str

    @property
    def table(self) -> str:
        """The prefix of the names of its objects."""
        return f"lvs{self.kind.capitalize()}"

    @property
    def instance(self) -> Oid:
        """The sub-identifiers of the row; also the prefix of those of a VIP's services."""
        return _address_index(self.family, self.address)

    def __str__(self) -> str:
        """Return the kind and the address: VIP 192.0.2.10, RIP [2001:db8:1::1]."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.kind} {address}"


Named = Union[Row, AddressRow]


def service_of(instance: Oid) -> Service:
    """Return the service of an instance of lvsVsTable; without the port, that of all ports."""
    service, rest = _take_service(instance)
    return service if not rest else _no_instance(instance)


def row_of(instance: Oid) -> Row:
    """Return the row of lvsRsTable, or of lvsVsTable if the instance ends with the service."""
    service, rest = _take_service(instance)
    if not rest:
        return Row(service)
    family, address, rest = _take_address(instance, rest)
    if len(rest) != 1 or rest[0] > MAX_PORT:
        _no_instance(instance)
    return Row(service, Server(family, address, rest[0]))


def address_row_of(kind: str, instance: Oid) -> AddressRow:
    """Return the row of lvsVipTable or lvsRipTable, by its kind."""
    table = f"lvs{kind.capitalize()}Table"
    family, address, rest = _take_address(instance, instance, table)
    return AddressRow(kind, family, address) if not rest else _no_instance(instance, table)


def _take_service(instance: Oid) -> Tuple[Service, Oid]:
    family, address, rest = _take_address(instance, instance)
    if not rest or rest[0] > MAX_PROTOCOL:
        _no_instance(instance)
    highest = MAX_MARK if rest[0] == IpProtocol.FWMARK else MAX_PORT
    if rest[1:] and rest[1] > highest:
        _no_instance(instance)
    return Service(family, address, rest[0], rest[1] if rest[1:] else None), rest[2:]


def _take_address(instance: Oid, rest: Oid, tables: str = _BY_SERVICE) -> Tuple[int, str, Oid]:
    if len(rest) < 2 or rest[0] not in FAMILY:
        _no_instance(instance, tables)
    family, length = FAMILY[rest[0]], rest[1]
    packed = rest[2 : 2 + length]
    if length != (4 if family == Family.INET else 16) or len(packed) != length or max(packed) > 255:
        _no_instance(instance, tables)
    return family, socket.inet_ntop(AF[family], bytes(packed)), rest[2 + length :]


def _no_instance(instance: Oid, tables: str = _BY_SERVICE) -> NoReturn:
    raise NamingError(f"{dotted(instance)}: not an instance of {tables}")


def _address_index(family: int, address: str) -> Oid:
    packed = socket.inet_pton(AF[family], address)
    return (INET_ADDRESS_TYPE[family], len(packed), *packed)
