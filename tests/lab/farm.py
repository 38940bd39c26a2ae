# SPDX-License-Identifier: GPL-3.0-or-later
"""The director that is edited while it is walked: services and real servers that all differ.

Each row has two settings, A and B, and in both it has values that no other row has: a service's
persistence time-out, a real server's weight and thresholds. The sum of a service's weights also
identifies the service, whichever of its real servers exist. Each table of these services
fits in one message of the kernel's dump, so an edit cannot make the kernel itself skip a row.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import List, Tuple

CHURNED, STEADY, KEPT, SERVERS = 12, 4, 3, 3
# the addresses of keepalived's services begin so
KEPT_ADDRESSES = ("10.5.", "10.6.", "fd00:5:")
SCHEDULERS = ("rr", "wrr", "wlc", "lc")
B = 8192  # setting B adds this to a weight: more than any sum of weights in setting A


@dataclass(frozen=True)
class Server:
    """A real server: its name in ipvsadm, and its options in settings A and B."""

    name: str
    settings: Tuple[str, str]


@dataclass(frozen=True)
class Service:
    """A virtual service: its name, ipvsadm's option for it, and its options in settings A and B."""

    name: str
    where: str
    settings: Tuple[str, str]
    servers: List[Server]

    def add(self, setting: int) -> str:
        """Return a line for ipvsadm -R."""
        return f"-A {self.where} {self.settings[setting]}"

    def edit(self, setting: int) -> str:
        """Return a line for ipvsadm -R."""
        return f"-E {self.where} {self.settings[setting]}"

    def delete(self) -> str:
        """Return a line for ipvsadm -R."""
        return f"-D {self.where}"

    def add_server(self, server: Server, setting: int) -> str:
        """Return a line for ipvsadm -R."""
        return f"-a {self.where} -r {server.name} {server.settings[setting]}"

    def edit_server(self, server: Server, setting: int) -> str:
        """Return a line for ipvsadm -R."""
        return f"-e {self.where} -r {server.name} {server.settings[setting]}"

    def delete_server(self, server: Server) -> str:
        """Return a line for ipvsadm -R."""
        return f"-d {self.where} -r {server.name}"


def churned() -> List[Service]:
    """Return the services that are edited: TCP, UDP and marks, of both families."""
    return [_churned(number) for number in range(1, CHURNED + 1)]


def steady() -> List[Service]:
    """Return the services that nobody edits, whose real servers answer tests/lab/traffic.py."""
    found = []
    for number in range(CHURNED + 1, CHURNED + STEADY + 1):
        port = 1000 + number
        ends = [f"10.1.1.21:{port}", f"10.1.2.22:{port}"]
        servers = [_server(number, place, end) for place, end in enumerate(ends)]
        options = f"-s {SCHEDULERS[number % 2]}"
        found.append(
            Service(f"UDP 10.2.0.1:{port}", f"-u 10.2.0.1:{port}", (options, options), servers)
        )
    return found


def kept() -> List[Service]:
    """Return the services of keepalived's configuration; of the settings, it uses the weights."""
    found = []
    for number in range(CHURNED + STEADY + 1, CHURNED + STEADY + KEPT + 1):
        six = number % 2
        address = f"[fd00:5::{number:x}]:80" if six else f"10.5.0.{number}:80"
        servers = []
        for place in range(1, SERVERS + 1):
            end = f"[fd00:5:1::{number:x}:{place:x}]:80" if six else f"10.5.{number}.{place}:80"
            # higher than any sum of the weights of other services
            weight = 4 * B + number * 64 + 2**place
            servers.append(Server(end, (f"-w {weight}", f"-w {weight + B}")))
        found.append(Service(f"TCP {address}", f"-t {address}", ("", ""), servers))
    return found


def plan() -> List[str]:
    """Return traffic.py's input for the steady services: flows and sizes differ for each."""
    return [
        f"{service.name}  flows={2 * place + 3} rounds={place + 1} size={place * 100 + 50}  "
        + " ".join(f"rs{n}/{server.name}" for n, server in enumerate(service.servers, 1))
        for place, service in enumerate(steady())
    ]


def _churned(number: int) -> Service:
    scheduler = SCHEDULERS[number // 4]
    kind = number % 4
    six = kind in (2, 3)
    if kind == 0:
        name, where = f"TCP 10.2.0.{number}:80", f"-t 10.2.0.{number}:80"
    elif kind == 1:
        name, where = f"UDP 10.2.0.{number}:53", f"-u 10.2.0.{number}:53"
    elif kind == 2:
        name, where = f"TCP [fd00:2::{number:x}]:80", f"-t [fd00:2::{number:x}]:80"
    else:
        name, where = f"FWM {number} IPv6", f"-f {number} -6"
    mask = 64 + number if six else f"255.255.255.{256 - 2 ** (number // 2)}"
    options = tuple(f"-s {scheduler} -p {base + number} -M {mask}" for base in (1000, 2000))
    servers = [
        _server(
            number,
            place,
            f"[fd00:1::{number:x}:{place:x}]:80" if six else f"10.1.{number}.{place}:80",
        )
        for place in range(1, SERVERS + 1)
    ]
    return Service(name, where, (options[0], options[1]), servers)


def _server(number: int, place: int, name: str) -> Server:
    # the powers of 2 in a sum of weights tell its servers, and so how often it contains number
    weight = number * 64 + 2**place
    options = f"-m -x {20000 + number * 64 + place} -y {10000 + number * 64 + place}"
    return Server(name, (f"{options} -w {weight}", f"{options} -w {weight + B}"))


def rules() -> List[str]:
    """Return the whole farm in setting A, as lines for ipvsadm -R."""
    lines = []
    for service in (*churned(), *steady()):
        lines.append(service.add(0))
        lines += [service.add_server(server, 0) for server in service.servers]
    return lines


if __name__ == "__main__":
    print("\n".join({"rules": rules, "plan": plan}[sys.argv[1]]()))
