# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of a director's name, and sockets that hear when one of them is refused.

snmpget of net-snmp takes the first IPv4 address of a name and no other.
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from typing import Any, List, Tuple

# include/uapi/linux/in.h and in6.h, ip(7), ipv6(7): the level and the name of the option
_RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}


@dataclass(frozen=True)
class Address:
    """Where datagrams go: an address family, and what sendto(2) takes in it."""

    family: int
    place: Tuple[Any, ...]

    def __str__(self) -> str:
        """192.0.2.1, 2001:db8::1."""
        return str(self.place[0])


def resolve(host: str, port: int) -> List[Address]:
    """The addresses of a host in the order of getaddrinfo(3), each once.

    Raises OSError, and UnicodeError for labels that are empty or too long.
    """
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return list(dict.fromkeys(Address(info[0], info[4]) for info in infos))


def hearing(address: Address) -> socket.socket:
    """A UDP socket, not connected, at which an ICMP error is an error of the next call.

    An answer may come from another address of the director, so it can't be connected. Raises
    OSError.
    """
    found = socket.socket(address.family, socket.SOCK_DGRAM)
    found.setsockopt(*_RECVERR[socket.AddressFamily(address.family)], 1)
    return found


def forget_errors(hearing: socket.socket) -> None:
    """Empty its error queue: while something is there, poll(2) reports it."""
    with contextlib.suppress(BlockingIOError):
        while True:
            hearing.recvmsg(0, 0, socket.MSG_ERRQUEUE)
