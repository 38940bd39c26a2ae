# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of a director's name, and sockets that report a refusal by one of them.

net-snmp's snmpget uses only the first IPv4 address of a name.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import Any, List, Tuple

# level and name of the option: include/uapi/linux/in.h and in6.h, ip(7), ipv6(7)
_RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}


@dataclass(frozen=True)
class Address:
    """A destination of datagrams: an address family, and its address for sendto(2)."""

    family: int
    place: Tuple[Any, ...]

    def __str__(self) -> str:
        """Return the address: 192.0.2.1, 2001:db8::1."""
        return str(self.place[0])


def resolve(host: str, port: int) -> List[Address]:
    """Return the addresses of a host in the order of getaddrinfo(3), each once.

    Raises OSError, and UnicodeError for labels that are empty or too long.
    """
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return list(dict.fromkeys(Address(info[0], info[4]) for info in infos))


async def looked_up(host: str, port: int) -> List[Address]:
    """Return what resolve() returns, without blocking the loop.

    Raises as resolve() does. A lookup that hangs cannot be ended: its thread is a daemon, which
    does not delay the end of the process.
    """
    found: concurrent.futures.Future[List[Address]] = concurrent.futures.Future()
    found.set_running_or_notify_cancel()

    def look_up() -> None:
        try:
            found.set_result(resolve(host, port))
        except (OSError, UnicodeError) as error:
            found.set_exception(error)

    threading.Thread(target=look_up, daemon=True).start()
    return await asyncio.wrap_future(found)


def hearing(address: Address) -> socket.socket:
    """Return an unconnected UDP socket on which an ICMP error makes the next call fail.

    It can't be connected, since an answer may come from another address of the director. Raises
    OSError.
    """
    found = socket.socket(address.family, socket.SOCK_DGRAM)
    found.setsockopt(*_RECVERR[socket.AddressFamily(address.family)], 1)
    return found


def forget_errors(hearing: socket.socket) -> None:
    """Empty the socket's error queue: poll(2) reports an error until it is empty."""
    with contextlib.suppress(BlockingIOError):
        while True:
            hearing.recvmsg(0, 0, socket.MSG_ERRQUEUE)
