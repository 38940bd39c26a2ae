# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the kernel: that ip_vs is loaded, and that its counters move."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import List, Optional, Tuple

from lvs_agent.doctor.finding import RECORD, Finding, note, ok, unseen, wrong
from lvs_agent.doctor.remedy import command
from lvs_agent.kernel import procfs
from lvs_agent.kernel.source import Kernel
from lvs_agent.services import VirtualService


@dataclass(frozen=True)
class Director:
    """The part of IPVS's tables that any user may see; services is None if it is unknown.

    rows is the number of services and real servers, which are in table.
    """

    loaded: bool
    services: Optional[int] = None
    rows: int = 0
    table: List[VirtualService] = field(default_factory=list, compare=False)


def look(kernel: Kernel) -> Tuple[Director, List[Finding]]:
    """Return findings on ip_vs and estimation. Reads /proc, since netlink would load ip_vs."""
    if not procfs.module_loaded(kernel):
        text = "ip_vs is not loaded; keepalived and ipvsadm load it, lvs-agent does not"
        return Director(False), [wrong("ip_vs", text, command("modprobe", "ip_vs"))]
    try:
        table = kernel.read(procfs.IP_VS)
    except OSError as error:
        text = f"ip_vs is loaded, but its tables cannot be read: {error.strerror}"
        director, first = Director(True), unseen("ip_vs", text)
    else:
        director, first = _tables(table)
    return director, [first, _estimation(kernel)]


def _tables(table: str) -> Tuple[Director, Finding]:
    problems: List[str] = []
    services = procfs.services(table, problems.append)
    version, _size = procfs.header(table)
    servers = sum(len(service.real_servers) for service in services)
    text = f"ip_vs is loaded ({version or 'unknown version'}): {count(len(services), servers)}"
    director = Director(True, len(services), len(services) + servers, services)
    if problems:
        text += f"; invalid lines: {len(problems)}, the first: {problems[0]}"
        return director, note("ip_vs", text, RECORD)
    return director, ok("ip_vs", text)


def _estimation(kernel: Kernel) -> Finding:
    if procfs.sysctl(kernel, "run_estimation") == "0":
        switch, text, value = "run_estimation", "0", "1"
    elif procfs.sysctl(kernel, "est_cpulist") == "":
        switch, text, value = "est_cpulist", "empty", f"0-{(os.cpu_count() or 1) - 1}"
    else:
        return ok("estimation", "estimation is on: counters and rates are updated")
    switch = f"net.ipv4.vs.{switch}"
    text = f"counters and rates are frozen: {switch} is {text}"
    return wrong("estimation", text, command("sysctl", "-w", f"{switch}={value}"))


def count(services: int, servers: int) -> str:
    """Return both numbers in words: 2 virtual services, 1 real server."""
    return (
        f"{services} virtual service{'s' * (services != 1)},"
        f" {servers} real server{'s' * (servers != 1)}"
    )
