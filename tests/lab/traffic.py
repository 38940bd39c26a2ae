#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send known traffic through the director, and write the counters that IPVS must show.

Reads one line per service from standard input, with the name that ipvsadm prints::

    UDP 10.2.0.1:53  flows=6 rounds=3 size=100  rs1/10.1.1.21:53 rs2/10.1.2.22:53
    FWM 7 IPv6  to=tcp/[fd00:2::7]:80 flows=2 size=9 hold=1  rs1/[fd00:1:1::21]:80
    UDP 10.2.0.3:9  flows=2 size=50 oneway=1  rs1/10.1.1.21:9@10.2.0.3:9

Each flow has its own port in the network namespace ``client`` and does ``rounds`` exchanges of
``size`` bytes with an echo server; ``hold`` of the flows stay open as long as this process lives;
with ``oneway`` nothing is answered; ``ops`` means that the service schedules each packet (answers
would not be translated, so there are none). A real server is NAMESPACE/ADDRESS:PORT, followed by
@ADDRESS:PORT if packets arrive with another destination (direct routing, tunnels, port 0). The
namespace ``-`` is the director itself.

Packet sockets in the client's and the real servers' namespaces count the traffic. The counts are
checked by arithmetic where that is exact (flows; packets and bytes of UDP). IPVS counts whole IP
packets. When the kernel's totals have reached the counts, they are written to the file named on
the command line. If connections are held, this process then waits to be killed.
"""

import json
import os
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

from tests.lab.tap import PROTOCOLS, Count, Endpoint, Tap, inside

SETTLE_SECONDS = 300.0
QUIET_SECONDS = 0.5


class Service:
    """A service and its traffic: one line of the input."""

    def __init__(self, line: str) -> None:
        words = line.split()
        first = next(at for at, word in enumerate(words) if "=" in word)
        self.name = " ".join(words[:first])
        options = dict(word.split("=") for word in words[first:] if "=" in word)
        to = options.pop("to", None) or "/".join(words[:2]).lower()
        protocol, _, target = to.partition("/")
        self.target: Endpoint = (PROTOCOLS[protocol], *endpoint(target))
        numbers = {name: int(value) for name, value in options.items()}
        self.flows = numbers.pop("flows")
        self.size = numbers.pop("size")
        self.rounds = numbers.pop("rounds", 1)
        self.hold = numbers.pop("hold", 0)
        self.ops = bool(numbers.pop("ops", 0))
        self.oneway = self.ops or bool(numbers.pop("oneway", 0))
        if numbers:
            raise ValueError(f"unknown options {numbers} in: {line}")
        self.servers: list[tuple[str, str, Endpoint]] = []
        for word in words[first:]:
            if "=" not in word:
                namespace, _, rest = word.partition("/")
                name, _, listen = rest.partition("@")
                self.servers.append((namespace, name, (self.target[0], *endpoint(listen or name))))

    def check(self, seen: Count, arrived: int) -> None:
        """Raise ValueError if the counts differ from this line.

        ``arrived`` is the number of packets that reached the real servers.
        """
        if arrived != seen.inpkts:
            raise ValueError(f"{self.name}: {arrived} of {seen.inpkts} packets arrived")
        if len(seen.peers) != self.flows:
            raise ValueError(f"{self.name}: {len(seen.peers)} flows on the wire")
        if self.target[0] == socket.IPPROTO_UDP:
            packets = self.flows * self.rounds
            length = (40 if ":" in self.target[1] else 20) + 8 + self.size
            sent = (packets, packets * length)
            back = (0, 0) if self.oneway else sent
            if (seen.inpkts, seen.inbytes) != sent or (seen.outpkts, seen.outbytes) != back:
                raise ValueError(f"{self.name}: sent {sent}, back {back}, seen {seen.as_dict()}")


def endpoint(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return address.strip("[]"), int(port)


def family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def new_socket(protocol: int, address: str) -> socket.socket:
    kind = socket.SOCK_DGRAM if protocol == socket.IPPROTO_UDP else socket.SOCK_STREAM
    if protocol == socket.IPPROTO_SCTP:
        # Disable heartbeats: on connections that stay open they would count as traffic.
        with open("/proc/sys/net/sctp/hb_interval", "w") as interval:
            interval.write("86400000")
    return socket.socket(family(address), kind, protocol)


class EchoServers:
    """All echo servers, in one thread."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.silent: set[socket.socket] = set()

    def add(self, namespace: str, where: Endpoint, silent: bool) -> None:
        with inside(namespace):
            server = new_socket(where[0], where[1])
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Not the wildcard address: SCTP would offer every address of the machine.
        server.bind(where[1:])
        listening = where[0] != socket.IPPROTO_UDP
        if listening:
            server.listen(64)
        if silent:
            self.silent.add(server)
        self.selector.register(server, selectors.EVENT_READ, listening)

    def run(self) -> None:
        while True:
            for key, _ in self.selector.select():
                server = key.fileobj
                assert isinstance(server, socket.socket)
                if key.data:
                    self.selector.register(server.accept()[0], selectors.EVENT_READ, False)
                    continue
                data, peer = server.recvfrom(65536)
                if not data:
                    self.selector.unregister(server)
                    server.close()
                elif server in self.silent:
                    continue
                elif peer:
                    server.sendto(data, peer)
                else:
                    server.sendall(data)


def send(service: Service) -> Iterator[socket.socket]:
    """Do the exchanges of one service; yield the sockets that must stay open."""
    protocol, address, port = service.target
    finished = []  # closed at the end, so that no flow reuses a port
    for number in range(service.flows):
        with inside("client"):
            client = new_socket(protocol, address)
        client.settimeout(10)
        if protocol == socket.IPPROTO_SCTP:
            client.bind(("10.3.0.10" if family(address) == socket.AF_INET else "fd00:3::10", 0))
        client.connect((address, port))
        for _ in range(service.rounds):
            client.sendall(bytes(service.size))
            left = 0 if service.oneway else service.size
            while left:
                part = client.recv(65536)
                if not part:
                    raise ConnectionError(f"{service.name}: closed by the server")
                left -= len(part)
        if number >= service.flows - service.hold:
            yield client
            continue
        if protocol == socket.IPPROTO_TCP:
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
        finished.append(client)
    for client in finished:
        client.close()


def director_totals() -> list[int]:
    """Return Conns, InPkts, OutPkts, InBytes and OutBytes of the whole director."""
    with open("/proc/net/ip_vs_stats") as stats:
        return [int(word, 16) for word in stats.read().splitlines()[2].split()]


def settle(services: list[Service], taps: dict[str, Tap], before: list[int]) -> None:
    """Wait until the kernel's counters, which lag by up to 2 s, match those of the wire."""
    deadline = time.monotonic() + SETTLE_SECONDS
    quiet_since = time.monotonic()
    while True:
        drained = [tap.drain() for tap in taps.values()]
        if any(drained):
            quiet_since = time.monotonic()
        wanted = before
        for service in services:
            seen = taps["client"].counts[service.target].as_dict().values()
            wanted = [a + b for a, b in zip(wanted, seen)]
        shown = director_totals()
        if shown == wanted and time.monotonic() - quiet_since > QUIET_SECONDS:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"on the wire {wanted}, but the director shows {shown}")
        time.sleep(0.1)


def main() -> None:
    services = [Service(line) for line in sys.stdin if line.strip()]
    taps = {"client": Tap("client")}
    echo = EchoServers()
    for service in services:
        taps["client"].counts[service.target] = Count(ops=service.ops)
        for namespace, _, where in service.servers:
            taps.setdefault(namespace, Tap(namespace)).counts[where] = Count(ops=service.ops)
            echo.add(namespace, where, service.oneway)
    threading.Thread(target=echo.run, daemon=True).start()

    before = director_totals()
    held: list[socket.socket] = []
    for service in services:
        held += send(service)
        for tap in taps.values():
            tap.drain()
    settle(services, taps, before)

    expected = {}
    for service in services:
        seen = taps["client"].counts[service.target]
        servers = {
            name: taps[namespace].counts[where].as_dict()
            for namespace, name, where in service.servers
        }
        service.check(seen, sum(server["inpkts"] for server in servers.values()))
        expected[service.name] = {**seen.as_dict(), "servers": servers}
    with open(sys.argv[1] + ".new", "w") as out:
        json.dump({"services": expected}, out, indent=1)
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    if held:
        signal.pause()


if __name__ == "__main__":
    main()
