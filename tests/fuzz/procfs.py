# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of files in /proc: recorded ones with words, lines or bytes altered."""

from __future__ import annotations

import re
import socket
from typing import Dict, List

from lvs_agent.codes import Family, IpProtocol, ServiceFlag
from lvs_agent.kernel import procfs
from lvs_agent.kernel.netlink import Request
from lvs_agent.services import RealServer, Traffic, VirtualService
from lvs_agent.snapshot import Cpu, Director, Snapshot
from tests.fuzz import served
from tests.fuzz.choices import Choices
from tests.support import recorded

FORWARDING = {0: "Masq", 1: "Local", 2: "Tunnel", 3: "Route"}
SWITCHES = ["run_estimation", "est_cpulist", "drop_entry", "drop_packet", "secure_tcp"]
WORDS = ["", "-1", "0", "1_0", "+5", "0x10", "FFFFFFFF", "100000000", "10000", "persistent", "ops"]
WORDS += ["[::1]:0050", "[::]:00", "00000000:0000", "FWM", "TCP", "UDP", "SCTP", "->", "Masq", "٣"]
WORDS += ["9" * 40, "F" * 17, "\0", "a\vb", "\x85", "7FFFFFFF:FFFFF", "[1.2.3.4]:0050", "80000000"]

# Lines as the kernel writes them, ip_vs_info_seq_show in ip_vs_ctl.c
_FOUR = r"[0-9A-F]{8}:[0-9A-F]{4}"
_SIX = r"\[([0-9a-f]{4}:){7}[0-9a-f]{4}\]:[0-9A-F]{4}"
_MASK, _BYTE = r"[0-9A-F]{6}00|F{8}", r"(0[1-9A-F]|[1-7][0-9A-F]|80)"
_LENGTH = rf"{_BYTE}0{{6}}|0{{6}}{_BYTE}"  # of a little-endian kernel, and of a big-endian one
KERNELS = re.compile(
    rf"(TCP|UDP|SCTP)  {_FOUR} [a-z]+ +(ops +)?(persistent [0-9]+ ({_MASK}))?"
    rf"|(TCP|UDP|SCTP)  {_SIX} [a-z]+ (persistent [0-9]+ ({_LENGTH}))?"
    rf"|FWM  [0-9A-F]{{8}} [a-z]+ +(ops +)?(persistent [0-9]+ ({_MASK}|{_LENGTH}))?"
    rf"|  -> ({_FOUR}|{_SIX}) +(Masq|Local|Tunnel|Route)( +([0-9]{{1,9}}|2147483647)){{3}} *"
)


def _texts(name: str) -> List[str]:
    every = {
        path.read_text() for folder in recorded.DIRECTORS for path in (folder / "proc").rglob(name)
    }
    return sorted(every)


TABLES, TOTALS, CPUS = (_texts(name) for name in ("ip_vs", "ip_vs_stats", "ip_vs_stats_percpu"))


def check(data: bytes) -> None:
    """Check one of the files, altered."""
    choices = Choices(data)
    share = served.is_due(choices)
    kind = choices.below(8)
    if kind < 5:
        _table(altered(choices, _part(choices, choices.pick(TABLES))), share)
    elif kind == 5:
        _totals(altered(choices, choices.pick(TOTALS)))
    elif kind == 6:
        _cpus(altered(choices, choices.pick(CPUS)))
    else:
        _switches({name: altered(choices, choices.pick(WORDS)) for name in SWITCHES})


def _part(choices: Choices, text: str) -> str:
    """Return a few services of a table."""
    lines = text.splitlines()
    start = 3 + choices.below(max(1, len(lines) - 3))
    return "\n".join([*lines[:3], *lines[start : start + 1 + choices.below(8)], ""])


def altered(choices: Choices, text: str) -> str:
    """Return a text with a few words, lines or bytes altered."""
    for _ in range(1 + choices.below(5)):
        lines = text.split("\n")
        place = choices.below(len(lines))
        change = choices.below(8)
        words = lines[place].split(" ")
        if change < 3:
            words[choices.below(len(words))] = choices.pick(WORDS)
            lines[place] = " ".join(words)
        elif change == 3:
            words.insert(choices.below(len(words) + 1), choices.pick(WORDS))
            lines[place] = " ".join(words)
        elif change == 4:
            del lines[place]
        elif change == 5:
            lines.insert(place, choices.pick(lines))
        elif change == 6:
            lines[place] = choices.splice(lines[place].encode()).decode("utf-8", "replace")
        else:
            text = choices.splice(text.encode()).decode("utf-8", "replace")
            continue
        text = "\n".join(lines)
    return text


def _table(text: str, share: bool) -> None:
    reports: List[str] = []
    services = procfs.services(text, reports.append)
    for service in services:
        _in_range(service)
    if share:
        served.check(Snapshot(1.0, services=services))
    lines = text.splitlines()
    bad = {int(re.findall(r"ip_vs:(\d+): ", report)[0]) for report in reports}
    for number in bad:
        assert not KERNELS.fullmatch(lines[number - 1]), f"{lines[number - 1]!r} is valid"
    # a bad line loses only itself; a bad service also its servers
    kept: List[str] = []
    lost = False
    for number, line in enumerate(lines, 1):
        if number > 3 and line.strip() and not line.startswith("  ->"):
            lost = number in bad
        if number not in bad and not lost:
            kept.append(line)
    assert procfs.services("\n".join(kept), _none) == services
    # the services read are the same after being written as the kernel writes them
    again = procfs.services("\n".join([*lines[:3], *_written(services)]), _none)
    assert sorted(map(_row, again)) == sorted(map(_row, services))


def _none(report: str) -> None:
    raise AssertionError(f"unexpected problem: {report}")


def _in_range(service: VirtualService) -> None:
    assert 0 <= service.port <= 65535
    assert 0 <= service.fwmark < 1 << 32
    for server in service.real_servers:
        assert 0 <= server.port <= 65535
        assert server.weight is not None
        assert -(1 << 31) <= server.weight < 1 << 31
        for count in (server.active_conns, server.inact_conns):
            assert count is not None
            assert 0 <= count < 1 << 32


def _row(service: VirtualService) -> str:
    """Return everything but the family, which for a mark may depend on the order of lines."""
    servers = [repr(server) for server in service.real_servers]
    return repr((service.protocol, service.fwmark, service.scheduler, service.flags, servers))


def _written(services: List[VirtualService]) -> List[str]:
    """Return lines of /proc/net/ip_vs, formatted like ip_vs_info_seq_show."""
    lines = []
    for service in services:
        if service.protocol == IpProtocol.FWMARK:
            line = f"FWM  {service.fwmark:08X} {service.scheduler} "
        else:
            line = f"{service.name.split()[0]:4} {_where(service)} {service.scheduler} "
        if service.flags & ServiceFlag.ONE_PACKET:
            line += "ops "
        if service.flags & ServiceFlag.PERSISTENT:
            line += f"persistent 36000 {_mask(service)}"
        lines.append(line)
        lines += [
            f"  -> {_end(server)}      {FORWARDING[server.forwarding]:7} {server.weight}"
            f" {server.active_conns} {server.inact_conns}"
            for server in service.real_servers
        ]
    return lines


def _where(service: VirtualService) -> str:
    return _endpoint(service.family, service.address, service.port)


def _end(server: RealServer) -> str:
    return _endpoint(server.family, server.address, server.port)


def _endpoint(family: int, address: str, port: int) -> str:
    if family == Family.INET6:
        return f"[{address}]:{port:04X}"
    return f"{socket.inet_aton(address).hex().upper()}:{port:04X}"


def _mask(service: VirtualService) -> str:
    assert service.netmask is not None
    if "." in service.netmask:
        return socket.inet_aton(service.netmask).hex().upper()
    return f"{socket.htonl(int(service.netmask)):08X}"


def _totals(text: str) -> None:
    try:
        every = procfs.totals(text)
    except ValueError:
        return
    for traffic in every:
        _counters(traffic)
    served.check(Snapshot(1.0, totals=every[0], total_rates=every[1]))


def _cpus(text: str) -> None:
    cpus = procfs.cpus(text)
    for cpu in cpus:
        assert 0 <= cpu.number < 1 << 32
        _counters(cpu.counters)
    unique: Dict[int, Cpu] = {cpu.number: cpu for cpu in cpus}
    served.check(Snapshot(1.0, cpus=list(unique.values())))


def _counters(traffic: Traffic) -> None:
    assert all(0 <= value < 1 << 64 for value in traffic), traffic


class _Files:
    def __init__(self, switches: Dict[str, str]) -> None:
        self._switches = switches

    def read(self, path: str) -> str:
        return self._switches[path.rpartition("/")[2]]

    def ask(self, request: Request) -> object:
        raise AssertionError

    def close(self) -> None:
        pass


def _switches(switches: Dict[str, str]) -> None:
    director = procfs.director(_Files(switches))  # type: ignore[arg-type]
    assert isinstance(director, Director)
    for name in SWITCHES[2:]:
        mode = getattr(director, name)
        assert mode is None or 0 <= mode < 1 << 31, mode
    _version, size = procfs.header(switches["drop_entry"])
    assert size is None or 0 <= size < 1 << 32
    served.check(Snapshot(1.0, director=director))
