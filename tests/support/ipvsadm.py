# SPDX-License-Identifier: GPL-3.0-or-later
"""ipvsadm's output as plain records: the tests' oracle, independent of lvs_agent.

Reads the files that tests/lab/ipvsadm.sh saves (ipvsadm 1.31). No single listing is complete, and
each has its oddities:

- ``-Ln`` and its variants list no tunnel settings; ``-Sn`` has them, but no thresholds.
- A firewall mark of 2^31 and more is printed as a negative number, by ``-Sn`` too (which
  ``ipvsadm -R`` then refuses). It also sorts first, before all services with an address.
- Only "IPv6" after a mark tells the two families apart; ``-Sn`` has ``-6`` instead.
- A mask is printed only if it is shorter than the address: dotted for IPv4, a length for IPv6.
- The forwarding method bypass is printed as ``(null)``, also by ``-Sn``; ``-Sn`` prints local as
  ``-g``. A real server that is the director itself is listed with the method it was added with.
- Without ``--exact``, counters of more than eight digits are cut to thousands, millions and so on.
  With it, a long number or a long IPv6 address widens its column, so columns have no fixed place.
- The fields between the scheduler and the end of a service's line come in no obvious order.
- The listings are taken one after the other, so under traffic they do not agree with each other.
"""

import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable, NamedTuple, Optional, Union


class ServiceKey(NamedTuple):
    """A virtual service: address and port, or (protocol ``FWM``) a mark and its family."""

    protocol: str  # TCP, UDP, SCTP or FWM
    address: str  # empty for FWM
    port: int  # 0..65535; for FWM the mark, 1..2^32-1
    family: int  # 4 or 6


class ServerKey(NamedTuple):
    """A real server of a service."""

    address: str
    port: int  # 0..65535


class Counters(NamedTuple):
    """Counters, or their rates per second."""

    conns: int
    inpkts: int
    outpkts: int
    inbytes: int
    outbytes: int


class Tunnel(NamedTuple):
    """The encapsulation of packets to a real server with the forwarding method Tunnel."""

    kind: str  # ipip, gue or gre
    port: int  # 0 except for gue
    flags: tuple[str, ...]  # csum, remcsum; empty for "nocsum"


@dataclass
class Server:
    """A real server's row."""

    forwarding: str = ""  # Masq, Local, Tunnel, Route or Bypass
    weight: int = 0
    active: int = 0
    inactive: int = 0
    persistent: int = 0
    upper: int = 0
    lower: int = 0
    tunnel: Optional[Tunnel] = None
    stats: Optional[Counters] = None
    rates: Optional[Counters] = None


@dataclass
class Service:
    """A virtual service and its real servers."""

    scheduler: str = ""
    persistence: int = 0  # seconds, 0 if not persistent
    prefix: int = 0  # length of the persistence mask; 0 if not persistent
    engine: str = ""
    one_packet: bool = False
    scheduler_flags: tuple[int, ...] = ()  # of 1, 2, 3
    servers: dict[ServerKey, Server] = field(default_factory=dict)
    stats: Optional[Counters] = None
    rates: Optional[Counters] = None


class Daemon(NamedTuple):
    """A connection synchronisation daemon."""

    state: str  # master or backup
    interface: str
    sync_id: int
    max_length: int
    group: str
    port: int
    ttl: int


@dataclass
class Director:
    """Everything that was saved of one director."""

    services: dict[ServiceKey, Service]
    timeouts: tuple[int, int, int]  # tcp, tcp after FIN, udp; seconds
    table_size: int  # buckets of the connection table
    daemons: list[Daemon]
    totals: Counters
    rates: Counters
    cpus: dict[int, Counters]


SCHEDULER_FLAGS = {"flag-1": 1, "flag-2": 2, "flag-3": 3}
SCHEDULER_FLAGS.update({"sh-fallback": 1, "sh-port": 2, "mh-fallback": 1, "mh-port": 2})
SAVED_PROTOCOLS = {"-t": "TCP", "-u": "UDP", "--sctp-service": "SCTP"}
NAME_WORDS = 2  # of a service: protocol and address, or FWM and mark


def endpoint(text: str) -> ServerKey:
    """Split ``192.0.2.1:80`` or ``[2001:db8::1]:80``."""
    address, _, port = text.rpartition(":")
    return ServerKey(address.strip("[]"), int(port))


def _family(address: str) -> int:
    return 6 if ":" in address else 4


def service_key(name: str) -> ServiceKey:
    """Parse a name as ipvsadm prints it: ``TCP [::1]:80``, ``FWM 5``, ``FWM 5 IPv6``."""
    protocol, where, *rest = name.split()
    if protocol == "FWM":
        return ServiceKey("FWM", "", int(where) % 2**32, 6 if rest == ["IPv6"] else 4)
    server = endpoint(where)
    return ServiceKey(protocol, *server, _family(server.address))


def _prefix(mask: str) -> int:
    if "." not in mask:
        return int(mask)
    return sum(bin(int(byte)).count("1") for byte in mask.split("."))


def _describe(service: Service, key: ServiceKey, words: list[str]) -> None:
    """Read the words after a service's name in any listing but those of counters."""
    left = iter(words)
    service.scheduler = next(left)
    for word in left:
        if word == "persistent":
            service.persistence = int(next(left))
            service.prefix = 32 if key.family == 4 else 128
        elif word == "mask":
            service.prefix = _prefix(next(left))
        elif word == "pe":
            service.engine = next(left)
        elif word == "ops":
            service.one_packet = True
        elif word.startswith("("):
            flags = word.strip("()").split(",")
            service.scheduler_flags = tuple(sorted(SCHEDULER_FLAGS[flag] for flag in flags))
        else:
            raise ValueError(f"unknown word {word} in {words}")


def _counters(words: list[str]) -> Counters:
    return Counters(*(int(word) for word in words))


Services = dict[ServiceKey, Service]


def _walk(
    text: str,
    services: Services,
    on_service: Callable[[Service, ServiceKey, list[str]], None],
    on_server: Callable[[Server, list[str]], None],
) -> None:
    """Call back for each row of a listing, with the words after the row's name."""
    service = Service()
    for line in text.splitlines()[3:]:
        words = line.split()
        if words[0] == "->":
            on_server(service.servers.setdefault(endpoint(words[1]), Server()), words[2:])
            continue
        name = NAME_WORDS + (words[NAME_WORDS : NAME_WORDS + 1] == ["IPv6"])
        key = service_key(" ".join(words[:name]))
        service = services.setdefault(key, Service())
        on_service(service, key, words[name:])


def parse_list(text: str, services: Services) -> int:
    """Read ``ipvsadm -Ln`` into services; return the size of the connection table."""

    def on_server(server: Server, words: list[str]) -> None:
        server.forwarding = {"(null)": "Bypass"}.get(words[0], words[0])
        server.weight, server.active, server.inactive = (int(word) for word in words[1:])

    _walk(text, services, _describe, on_server)
    return int(text.partition("(size=")[2].partition(")")[0])


def parse_thresholds(text: str, services: Services) -> None:
    """Read ``ipvsadm -Ln --thresholds`` into services."""

    def on_server(server: Server, words: list[str]) -> None:
        server.upper, server.lower, server.active, server.inactive = (int(word) for word in words)

    _walk(text, services, _describe, on_server)


def parse_persistent(text: str, services: Services) -> None:
    """Read ``ipvsadm -Ln --persistent-conn`` into services."""

    def on_server(server: Server, words: list[str]) -> None:
        server.persistent = int(words[1])

    _walk(text, services, _describe, on_server)


def parse_counters(text: str, services: Services, which: str) -> None:
    """Read ``--stats --exact`` (``which`` is ``stats``) or ``--rate --exact`` (``rates``)."""

    def on_row(row: Union[Service, Server], words: list[str]) -> None:
        setattr(row, which, _counters(words))

    _walk(text, services, lambda service, key, words: on_row(service, words), on_row)


def parse_save(text: str, services: Services) -> None:
    """Read the tunnel settings of ``ipvsadm -Sn`` into services."""
    for line in text.splitlines():
        words = shlex.split(line)
        if "--tun-type" not in words:
            continue
        if words[1] == "-f":
            key = service_key(f"FWM {words[2]} {'IPv6' if '-6' in words else ''}")
        else:
            key = service_key(f"{SAVED_PROTOCOLS[words[1]]} {words[2]}")
        options = dict(zip(words, words[1:]))
        services[key].servers[endpoint(options["-r"])].tunnel = Tunnel(
            options["--tun-type"],
            int(options.get("--tun-port", "0")),
            tuple(flag for flag in ("csum", "remcsum") if f"--tun-{flag}" in words),
        )


def parse_daemons(text: str) -> list[Daemon]:
    """Read ``ipvsadm -Ln --daemon``: none, one or two lines."""
    daemons = []
    for line in text.splitlines():
        state, _, settings = line.partition(" sync daemon ")
        value = dict(item.split("=") for item in settings.strip("()").split(", "))
        numbers = {name: int(value[name]) for name in ("port", "ttl")}
        sync_id, max_length = int(value["syncid"]), int(value["maxlen"])
        daemons.append(
            Daemon(state, value["mcast"], sync_id, max_length, value["group"], **numbers)
        )
    return daemons


def parse_timeouts(text: str) -> tuple[int, int, int]:
    """Read ``ipvsadm -Ln --timeout``."""
    tcp, fin, udp = text.partition(":")[2].split()
    return int(tcp), int(fin), int(udp)


def parse_percpu(text: str) -> tuple[dict[int, Counters], Counters, Counters]:
    """Read /proc/net/ip_vs_stats_percpu: the CPUs' counters, the totals and the rates."""
    rows = [line.split() for line in text.splitlines()]
    counts = {row[0]: Counters(*(int(word, 16) for word in row[1:])) for row in rows[2:-3]}
    totals = counts.pop("~")
    rates = Counters(*(int(word, 16) for word in rows[-1]))
    return {int(cpu, 16): count for cpu, count in counts.items()}, totals, rates


def read(folder: Path) -> Director:
    """Read everything that tests/lab/ipvsadm.sh saved in a folder."""

    def text(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    services: Services = {}
    table_size = parse_list(text("list"), services)
    parse_thresholds(text("thresholds"), services)
    parse_persistent(text("persistent-conn"), services)
    parse_counters(text("stats"), services, "stats")
    parse_counters(text("rate"), services, "rates")
    parse_save(text("save"), services)
    cpus, totals, rates = parse_percpu(text("proc-ip_vs_stats_percpu"))
    timeouts = parse_timeouts(text("timeout"))
    daemons = parse_daemons(text("daemon"))
    return Director(services, timeouts, table_size, daemons, totals, rates, cpus)


def without_rates(director: Director) -> Director:
    """Return the director without rates, which decay between readings unless estimation is off."""

    def server(row: Server) -> Server:
        return replace(row, rates=None)

    def service(row: Service) -> Service:
        servers = {key: server(each) for key, each in row.servers.items()}
        return replace(row, rates=None, servers=servers)

    services = {key: service(row) for key, row in director.services.items()}
    return replace(director, services=services, rates=Counters(0, 0, 0, 0, 0))
