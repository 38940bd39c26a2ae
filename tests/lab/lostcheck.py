# SPDX-License-Identifier: GPL-3.0-or-later
"""A check of the lost rows in walks of a director that is edited meanwhile, see past.py."""

from __future__ import annotations

import ipaddress
from typing import Dict, Iterable, List, Sequence, Set, Tuple

from tests.lab.past import SETTLE_SECONDS, Past, Range
from tests.lab.walkcheck import SLACK_SECONDS, Fault, MayHave, Path, Row, read
from tests.support.lvsmib import TABLE_OF, split

FIXED, FALSELY, NOT_LOST = "fixed row lost", "row falsely lost", "lost row not reported"
KINDS = (FIXED, FALSELY, NOT_LOST)
MAX_OF_SERVICE, MAX_ROWS = 100, 1000  # in the tables

PROTOCOLS = {0: "FWM", 6: "TCP", 17: "UDP"}
WAITING = "; they are lost if they are still missing 5 minutes after the boot or the load of ip_vs"


class LostChecker:
    """Compares the lost rows of walks with the past. Nobody deletes the fixed rows."""

    def __init__(self, past: Past, fixed: Iterable[Row]) -> None:
        self._past = past
        self._fixed = set(fixed)
        self._first = set(past.services)
        self.fixed_checked = self.fixed_lost = 0  # in all walks
        # rows that were certainly lost during a walk, and those of them that a walk had
        self.due: Set[Row] = set()
        self.reported: Set[Row] = set()

    def may_have(self, began: float, ended: float) -> MayHave:
        """Return whether a walk may have an object of a row that was added after those at rest."""

        def may_have(path: Path, value: str) -> bool:
            name, at = split(path)
            table = TABLE_OF.get(name, "")
            if table in ("lvsServiceTable", "lvsRealTable"):
                return len(self._first) < at[0] <= len(self._past.services)
            if table in ("lvsVsTable", "lvsRsTable"):
                row = _row(at)
                throughout = self._past.timeline.throughout
                return row[0] not in self._first and (
                    throughout(row, began - SLACK_SECONDS, ended) is not False
                )
            if name == "lvsAgentStatusText":
                return WAITING in value and began < SETTLE_SECONDS + SLACK_SECONDS
            return table in ("lvsLostVsTable", "lvsLostRsTable")

        return may_have

    def check(self, lines: Sequence[str], began: float, ended: float) -> List[Fault]:
        """Return the faults of a walk that was made between two times."""
        try:
            walk = read(lines)
        except ValueError:
            return []  # walkcheck reports it
        self._past.absorb()
        faults: List[Fault] = []
        lost: Dict[str, Set[str]] = {}  # the names of lost servers, by service; "" is itself
        counts: Dict[Tuple[str, str], int] = {}
        for path, value in walk:
            name, at = split(path)
            if name in ("lvsLostVsName", "lvsLostRsName"):
                service, server = _row(at)
                lost.setdefault(service, set()).add(server)
                if value != f'STRING: "{" -> ".join(filter(None, (service, server)))}"':
                    faults.append(Fault(FALSELY, f"{service} {server}: {value}"))
            elif name == "lvsVsRealServersLost":
                counts[name, _row(at)[0]] = int(value.partition(": ")[2])
            elif name in ("lvsAgentLostServices", "lvsAgentLostRealServers"):
                counts[name, ""] = int(value.partition(": ")[2])

        listed = {service for service, servers in lost.items() if "" in servers}
        services = self._past.lost_services(began, ended)
        faults += _listed("services", services, listed, MAX_ROWS)
        faults += _counted("lvsAgentLostServices", services, counts)
        self._note({(name, "") for name in services.must_be}, lost)
        least = most = 0
        for service in {*self._past.services, *lost}:
            found = self._past.lost_servers(service, began, ended)
            least, most = least + found.least, most + found.most
            faults += _listed(service, found, lost.get(service, set()) - {""}, MAX_OF_SERVICE)
            if ("lvsVsRealServersLost", service) in counts:
                faults += _counted("lvsVsRealServersLost", found, counts, service)
            self._note({(service, name) for name in found.must_be}, lost)
        total = Range(least, most, set(), set())
        faults += _counted("lvsAgentLostRealServers", total, counts)
        return faults + self._check_fixed(lost, counts)

    def _check_fixed(
        self, lost: Dict[str, Set[str]], counts: Dict[Tuple[str, str], int]
    ) -> List[Fault]:
        faults = []
        for service, server in sorted(self._fixed):
            count = 0 if server else counts.get(("lvsVsRealServersLost", service), -1)
            if server in lost.get(service, set()) or count:
                faults.append(Fault(FIXED, f"{service} {server}: lvsVsRealServersLost {count}"))
        self.fixed_checked += len(self._fixed)
        self.fixed_lost += len(faults)
        return faults

    def _note(self, rows: Set[Row], lost: Dict[str, Set[str]]) -> None:
        """Note the rows that must be lost."""
        self.due |= rows
        self.reported |= {row for row in rows if row[1] in lost.get(row[0], set())}


def _listed(where: str, expected: Range, names: Set[str], limit: int) -> List[Fault]:
    faults = [
        Fault(FALSELY, f"{where}: {name}, expected others, {expected}")
        for name in sorted(names - expected.may_be)
    ]
    if len(names) > expected.most:
        faults.append(Fault(FALSELY, f"{where}: {len(names)} rows, expected {expected}"))
    missing = expected.must_be - names if len(names) < limit else set()
    if missing or len(names) < min(expected.least, limit):
        faults.append(
            Fault(NOT_LOST, f"{where}: {sorted(missing)}, {len(names)} rows, expected {expected}")
        )
    return faults


def _counted(
    name: str, expected: Range, counts: Dict[Tuple[str, str], int], service: str = ""
) -> List[Fault]:
    count = counts.get((name, service), -1)
    text = f"{name} of {service or 'all'} is {count}, expected {expected}"
    if count > expected.most:
        return [Fault(FALSELY, text)]
    return [Fault(NOT_LOST, text)] if count < expected.least else []


def _row(at: Path) -> Row:
    """Return the names of a row, by its instance in a table that is indexed by addresses."""
    address, (protocol, port, *rest) = _address(at)
    if protocol:
        service = f"{PROTOCOLS[protocol]} {_endpoint(address, port)}"
    else:
        service = f"FWM {port}" + (" IPv6" if ":" in address else "")
    if not rest:
        return service, ""
    address, (port,) = _address(tuple(rest))
    return service, _endpoint(address, port)


def _address(at: Path) -> Tuple[str, Path]:
    _kind, length, *rest = at
    return str(ipaddress.ip_address(bytes(rest[:length]))), tuple(rest[length:])


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
