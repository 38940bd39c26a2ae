# SPDX-License-Identifier: GPL-3.0-or-later
"""Services and real servers in ipvsadm's notation, and VIPs and RIPs.

Words are accepted as ipvsadm(8) accepts and prints them, with numbers or names:

    TCP 192.0.2.10:443    -t www.example.org:https    UDP [2001:db8::53]:53    --sctp-service ...
    FWM 5    FWM 5 IPv6    -f 5 -6    IP33 192.0.2.10:80
    TCP 192.0.2.10:443 -> 192.168.0.1:8080            -t 192.0.2.10:443 -r 192.168.0.1
    VIP 192.0.2.10    RIP 192.168.0.1    192.0.2.10    VIP [2001:db8::10]    2001:db8::10

A protocol without a name is IP and its number, as in lvsVsName; netlink accepts any, ipvsadm none.
An address without a port is all services at it; for ipvsadm it is port 0, which is written :0 here.
ipvsadm has no word for the sums over an address. VIP and RIP, in any case, are those of LVS-MIB.
"""

from __future__ import annotations

import re
import socket
from typing import List, Optional, Sequence, Tuple

from lvs_agent import names
from lvs_agent.codes import AF, PROTOCOL_NAMES, Family, IpProtocol
from lvs_agent.names import MAX_PORT
from lvs_agent.netsnmp import oids
from lvs_agent.pollers.naming import RIP, VIP, AddressRow, Named, NamingError, Row, Server, Service

UNSPECIFIED = {Family.INET: "0.0.0.0", Family.INET6: "::"}

SERVICE_FORMS = (
    "TCP 192.0.2.10:443, UDP [2001:db8::53]:53, SCTP, FWM 5, FWM 5 IPv6, or ipvsadm's options"
)


def parse_named(words: Sequence[str], alone: str = VIP) -> Named:
    """Return the row that words name, as parse() does, or a VIP or a RIP.

    alone is the kind of an address that has neither word; it must be a number.
    """
    first, *rest = " ".join(words).split() or [""]
    if first.upper() not in (VIP, RIP):
        number = None if rest else _number(first)
        return AddressRow(alone, *number) if number else parse(words)
    kind = first.upper()
    if len(rest) != 1:
        raise NamingError(f"{' '.join(words)}: write {kind} and an address")
    host, port = _split(rest[0])
    if port is not None:
        raise NamingError(f"{' '.join(words)}: a {kind} has no port")
    return AddressRow(kind, *_address(host))


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
    number = _number(host)
    if number:
        return number
    plain = host.strip("[]")
    for family in _families(host):
        found = _looked_up(plain, family)
        if len(found) > 1:
            raise NamingError(f"{plain}: has several addresses; name one: {', '.join(found)}")
        if found:
            return family, found[0]
    raise NamingError(f"{plain}: neither an address nor a known host")


def _number(host: str) -> Optional[Tuple[int, str]]:
    for family in _families(host):
        try:
            packed = socket.inet_pton(AF[family], host.strip("[]"))
        except (OSError, UnicodeError):  # UnicodeError: not a character
            continue
        return family, socket.inet_ntop(AF[family], packed)
    return None


def _families(host: str) -> List[int]:
    # ipvsadm prefers a host's IPv4 address
    return [Family.INET6] if host.startswith("[") else [Family.INET, Family.INET6]


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
