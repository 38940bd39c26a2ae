#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add IPv4 TCP services and real servers by the old socket option (structs of linux/ip_vs.h).

ipvsadm has no option for some forwarding methods, and takes 14 s for 11,000 rules in the lab's
guest, as ipvsadm -R opens a netlink socket for each line. This adds thousands of rules in a second.
Reads lines from standard input::

    service ADDRESS:PORT SCHEDULER
    server SERVICE-ADDRESS:PORT ADDRESS:PORT masq|local|tunnel|route|bypass WEIGHT
"""

import socket
import struct
import sys

IP_VS_SO_SET_ADD = 0x480 + 2
IP_VS_SO_SET_ADDDEST = 0x480 + 7
METHODS = {"masq": 0, "local": 1, "tunnel": 2, "route": 3, "bypass": 4}
NO_MASK = b"\xff" * 4


def endpoint(text: str) -> tuple[bytes, int]:
    address, _, port = text.partition(":")
    return socket.inet_aton(address), socket.htons(int(port))


def main() -> None:
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    service = struct.Struct("=H2x4sHxxI16sII4s")
    server = struct.Struct("=4sHxxIiII")
    for line in sys.stdin:
        kind, virtual, *rest = line.split()
        key = (socket.IPPROTO_TCP, *endpoint(virtual), 0)
        if kind == "service":
            request = service.pack(*key, rest[0].encode(), 0, 0, NO_MASK)
            raw.setsockopt(socket.IPPROTO_IP, IP_VS_SO_SET_ADD, request)
        else:
            request = service.pack(*key, b"", 0, 0, NO_MASK) + server.pack(
                *endpoint(rest[0]), METHODS[rest[1]], int(rest[2]), 0, 0
            )
            raw.setsockopt(socket.IPPROTO_IP, IP_VS_SO_SET_ADDDEST, request)


if __name__ == "__main__":
    main()
