# SPDX-License-Identifier: GPL-3.0-or-later
"""Packet counts in the lab's network namespaces, by the rules of IPVS."""

import ctypes
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP, "sctp": socket.IPPROTO_SCTP}
ETH_P_ALL = 3
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33
BUFFER_BYTES = 64 << 20

Endpoint = tuple[int, str, int]  # protocol number, address, port


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Enter a network namespace ("-": the director's), and return to the director's at the end."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(path: str) -> None:
        with open(path) as handle:
            if libc.setns(handle.fileno(), 0):
                raise OSError(ctypes.get_errno(), f"setns {path}")

    if namespace != "-":
        enter(f"/run/netns/{namespace}")
    try:
        yield
    finally:
        enter("/proc/1/ns/net")


@dataclass
class Count:
    """The five counters of IPVS, counted on the wire."""

    inpkts: int = 0
    outpkts: int = 0
    inbytes: int = 0
    outbytes: int = 0
    ops: bool = False
    peers: set[tuple[str, int]] = field(default_factory=set)

    def as_dict(self) -> dict[str, int]:
        """Return the counters by ipvsadm's names.

        A connection is a client address and port; with one-packet scheduling, a packet.
        """
        return {
            "conns": self.inpkts if self.ops else len(self.peers),
            "inpkts": self.inpkts,
            "outpkts": self.outpkts,
            "inbytes": self.inbytes,
            "outbytes": self.outbytes,
        }


class Tap:
    """A packet socket that counts the packets of known endpoints in one network namespace."""

    def __init__(self, namespace: str) -> None:
        self.outside = namespace == "client"
        self.counts: dict[Endpoint, Count] = {}
        with inside(namespace):
            self.socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)
            )
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        self.socket.setblocking(False)

    def drain(self) -> bool:
        """Count the queued packets; return True if any was of a known endpoint."""
        seen = False
        while True:
            try:
                packet, (_, _, kind, *_) = self.socket.recvfrom(65536)
            except BlockingIOError:
                return seen
            seen |= self.count(packet, leaving=kind == PACKET_OUTGOING)

    def count(self, packet: bytes, leaving: bool) -> bool:
        if packet[0] >> 4 == 4:
            family, protocol = socket.AF_INET, packet[9]
            source, target, body = packet[12:16], packet[16:20], (packet[0] & 15) * 4
        else:
            family, protocol = socket.AF_INET6, packet[6]
            source, target, body = packet[8:24], packet[24:40], 40
        if protocol not in PROTOCOLS.values():
            return False
        ends = [
            (protocol, socket.inet_ntop(family, raw), int.from_bytes(packet[at : at + 2], "big"))
            for raw, at in ((source, body), (target, body + 2))
        ]
        to_server = leaving == self.outside
        server, peer = (ends[1], ends[0]) if to_server else (ends[0], ends[1])
        count = self.counts.get(server)
        if count is None:
            return False
        if to_server:
            count.inpkts += 1
            count.inbytes += len(packet)
            count.peers.add(peer[1:])
        else:
            count.outpkts += 1
            count.outbytes += len(packet)
        return True
