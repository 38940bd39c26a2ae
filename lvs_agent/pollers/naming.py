# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual services and real servers in ipvsadm's notation, and as lvsVsTable, lvsRsTable instances.

Words are accepted as ipvsadm(8) accepts and prints them, with numbers or names:

    TCP 192.0.2.10:443    -t www.example.org:https    UDP [2001:db8::53]:53    --sctp-service ...
    FWM 5    FWM 5 IPv6    -f 5 -6    IP33 192.0.2.10:80
    TCP 192.0.2.10:443 -> 192.168.0.1:8080            -t 192.0.2.10:443 -r 192.168.0.1

A protocol without a name is IP and its number, as in lvsVsName; netlink accepts any, ipvsadm none.
An address without a port is all services at it; for ipvsadm it is port 0, which is written :0 here.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import List, NamedTuple, NoReturn, Optional, Sequence, Tuple

from lvs_agent import names, services
from lvs_agent.codes import AF, PROTOCOL_NAMES, Family, Forwarding, IpProtocol
from lvs_agent.errors import UsageError
from lvs_agent.mib.index import INET_ADDRESS_TYPE
from lvs_agent.mib.smi import Oid, dotted
from lvs_agent.names import MAX_MARK, MAX_PORT, MAX_PROTOCOL
from lvs_agent.netsnmp import oids

FAMILY = {number: family for family, number in INET_ADDRESS_TYPE.items()}
UNSPECIFIED = {Family.INET: "0.0.0.0", Family.INET6: "::"}

SERVICE_FORMS = (
    "TCP 192.0.2.10:443, UDP [2001:db8::53]:53, SCTP, FWM 5, FWM 5 IPv6, or ipvsadm's options"
)


class NamingError(UsageError):
    """Words or an instance that name nothing; a one-line message with the accepted forms."""


@dataclass(frozen=True, order=True)
class Service:
    """A virtual service; its address is as inet_ntop(3) writes it.

    A firewall mark has protocol FWMARK, the unspecified address of its family, and the mark in
    port. port is None for all services of that protocol at that address.
    """

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
    def instance(self) -> Oid:
        """The sub-identifiers of the row."""
        return self.service.instance + (self.server.instance if self.server else ())

    def __str__(self) -> str:
        """Return the names: TCP 192.0.2.10:443 -> 192.168.0.1:8080."""
        return f"{self.service} -> {self.server}" if self.server else str(self.service)


def parse(words: Sequence[str]) -> Row:
    """Return the row that words name. Each may hold several words; options may be in any order.

    Raises NamingError, also for a host or port name that is unknown or ambiguous.
    """
    text = " ".join(words)
    left = re.sub(r"(?<!\S)(--[\w-]+)=", r"\1 ", text).split()
    protocol: Optional[int] = None
    where, server, ipv6 = "", "", ""
    while left:
        word = left.pop(0)
        if word.upper() in names.IPV6_WORDS:
            ipv6 = word
        elif word in names.SERVER_WORDS and not server:
            server = _next(left, f"{text}: real server missing after {word}")
        elif names.protocol(word) is not None and protocol is None:
            protocol = names.protocol(word)
            where = _next(left, f"{text}: address or mark missing after {word}")
        else:
            raise NamingError(f"{text}: {_surplus(word)}")
    if protocol is None:
        raise NamingError(f"not a service: {text!r}; write {SERVICE_FORMS}")
    service = _service(protocol, where, ipv6)
    return Row(service, parse_server(server, service) if server else None)


def parse_service(text: str) -> Service:
    """Return the service that a text names; see parse()."""
    row = parse([text])
    if row.server:
        raise NamingError(f"{text}: name a service only, without a real server")
    return row.service


def parse_server(text: str, service: Optional[Service] = None) -> Server:
    """Return the real server that host:port names; the port defaults to that of its service."""
    protocol = service.protocol if service else IpProtocol.FWMARK
    if service and service.port is None:
        raise NamingError(f"{service}: port missing; a real server needs the port of its service")
    host, port = _split(text)
    family, address = _address(host)
    if port is not None:
        return Server(family, address, _port(port, protocol))
    same = service.port if service and protocol != IpProtocol.FWMARK else None
    return Server(family, address, same or 0)


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


def _take_service(instance: Oid) -> Tuple[Service, Oid]:
    family, address, rest = _take_address(instance, instance)
    if not rest or rest[0] > MAX_PROTOCOL:
        _no_instance(instance)
    highest = MAX_MARK if rest[0] == IpProtocol.FWMARK else MAX_PORT
    if rest[1:] and rest[1] > highest:
        _no_instance(instance)
    return Service(family, address, rest[0], rest[1] if rest[1:] else None), rest[2:]


def _take_address(instance: Oid, rest: Oid) -> Tuple[int, str, Oid]:
    if len(rest) < 2 or rest[0] not in FAMILY:
        _no_instance(instance)
    family, length = FAMILY[rest[0]], rest[1]
    packed = rest[2 : 2 + length]
    if length != (4 if family == Family.INET else 16) or len(packed) != length or max(packed) > 255:
        _no_instance(instance)
    return family, socket.inet_ntop(AF[family], bytes(packed)), rest[2 + length :]


def _no_instance(instance: Oid) -> NoReturn:
    raise NamingError(f"{dotted(instance)}: not an instance of lvsVsTable or lvsRsTable")


def _address_index(family: int, address: str) -> Oid:
    packed = socket.inet_pton(AF[family], address)
    return (INET_ADDRESS_TYPE[family], len(packed), *packed)


def _next(left: List[str], otherwise: str) -> str:
    if not left:
        raise NamingError(otherwise)
    return left.pop(0)


def _surplus(word: str) -> str:
    if word == "-":
        return 'the shell took the > of -> as a redirection; write "->" or -r'
    return f"unexpected {word!r}; write {SERVICE_FORMS}"


def _service(protocol: int, where: str, ipv6: str) -> Service:
    if protocol == IpProtocol.FWMARK:
        marked = Family.INET6 if ipv6 else Family.INET
        try:
            mark = names.mark(where)
        except ValueError as error:
            raise NamingError(str(error)) from error
        return Service(marked, UNSPECIFIED[marked], IpProtocol.FWMARK, mark)
    host, port = _split(where)
    family, address = _address(host)
    if ipv6 and family != Family.INET6:
        raise NamingError(f"{where}: {ipv6} requires a mark or an IPv6 address")
    return Service(family, address, protocol, None if port is None else _port(port, protocol))


def _split(text: str) -> Tuple[str, Optional[str]]:
    """Return host and port. An IPv6 address that is followed by a port needs brackets."""
    if text.startswith("["):
        host, bracket, port = text.partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise NamingError(f"not [ADDRESS] or [ADDRESS]:PORT: {text}")
        return f"{host}]", port[1:] if port else None
    if text.count(":") > 1:
        return text, None
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _address(host: str) -> Tuple[int, str]:
    plain = host.strip("[]")
    # ipvsadm prefers a host's IPv4 address
    families = [Family.INET6] if host.startswith("[") else [Family.INET, Family.INET6]
    for family in families:
        try:
            return family, socket.inet_ntop(AF[family], socket.inet_pton(AF[family], plain))
        except (OSError, UnicodeError):  # UnicodeError: not a character
            continue
    for family in families:
        found = _looked_up(plain, family)
        if len(found) > 1:
            raise NamingError(f"{plain}: has several addresses; name one: {', '.join(found)}")
        if found:
            return family, found[0]
    raise NamingError(f"{plain}: neither an address nor a known host")


def _looked_up(host: str, family: int) -> List[str]:
    try:
        infos = socket.getaddrinfo(host, None, AF[family], socket.SOCK_DGRAM)
    except (OSError, UnicodeError):  # UnicodeError: a label is empty or too long
        return []
    return sorted({str(info[4][0]) for info in infos})


def _port(text: str, protocol: int) -> int:
    if text.isdecimal():
        port = oids.number(text)
        if port is None or port > MAX_PORT:
            raise NamingError(f"not a port from 0 to {MAX_PORT}: {text}")
        return port
    protocols = [[PROTOCOL_NAMES.get(protocol, "").lower()], []]
    for known in protocols:  # many names exist for TCP and UDP only
        try:
            return socket.getservbyname(text, *known)
        except (OSError, UnicodeError):
            continue
    raise NamingError(f"not a port from 0 to {MAX_PORT}, or a name in /etc/services: {text!r}")
