# SPDX-License-Identifier: GPL-3.0-or-later
"""Outages of the simulated director, and the problems that Zabbix must report for each.

Of every outage one problem is reported, however many triggers it could concern.
"""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable, ContextManager, Iterator, List

from lvs_agent.codes import Status
from tests.support.directors import SimulatedDirector
from tests.zabbix.director import Farm

HTTP, HTTPS, DNS = "TCP 192.0.2.10:80", "TCP 192.0.2.10:443", "UDP 192.0.2.53:53"
MARK, IPV6 = "FWM 5", "TCP [2001:db8::10]:443"


@dataclass(frozen=True)
class Outage:
    """What goes wrong while the context lasts, and regular expressions of the problems' names."""

    title: str
    context: Callable[[Farm, SimulatedDirector], ContextManager[None]]
    problems: List[str]


@contextmanager
def several(farm: Farm, director: SimulatedDirector) -> Iterator[None]:
    """Let each service have another outage."""
    farm.gone = {farm.servers(HTTP)[0], *farm.servers(HTTPS), IPV6}
    farm.quiesced = {farm.servers(DNS)[0], *farm.servers(MARK)}
    yield
    farm.gone, farm.quiesced = set(), set()


@contextmanager
def no_services(farm: Farm, director: SimulatedDirector) -> Iterator[None]:
    """Delete all services, as ipvsadm -C does."""
    farm.gone = {service.name for service in farm.make(0)}
    yield
    farm.gone = set()


@contextmanager
def frozen(farm: Farm, director: SimulatedDirector) -> Iterator[None]:
    """Stop the kernel's estimation, so that counters stand still."""
    farm.stopped, director.status = time.monotonic(), Status.COUNTERS_FROZEN
    yield
    farm.began += time.monotonic() - farm.stopped
    farm.stopped, director.status = 0.0, Status.OK


@contextmanager
def unloaded(farm: Farm, director: SimulatedDirector) -> Iterator[None]:
    """Unload ip_vs."""
    director.status = Status.NO_IPVS
    yield
    director.status = Status.OK


@contextmanager
def dead(farm: Farm, director: SimulatedDirector) -> Iterator[None]:
    """Let the collector send nothing."""
    farm.dead = True
    yield
    farm.dead = False


@contextmanager
def silent(farm: Farm, director: SimulatedDirector) -> Iterator[None]:
    """Stop snmpd, so that it does not answer."""
    os.kill(director.snmpd.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(director.snmpd.pid, signal.SIGCONT)


def _of(service: str, text: str) -> str:
    return rf"\[{re.escape(service)}\b.*{text}"


OUTAGES = [
    Outage(
        "one server, all servers and a service are gone; one server and all have weight 0",
        several,
        [
            _of(HTTP, "Real servers are lost: 1, up: 1"),
            _of(HTTPS, r"Too few real servers are up: 0 \(.*\), lost: 2"),
            _of(DNS, "Real servers have weight 0: 1 of 2 are up"),
            _of(MARK, r"Too few real servers are up: 0 \(.*\), lost: 0"),
            rf"Services are lost \(1\): {re.escape(IPV6)}",
        ],
    ),
    Outage("all services are gone", no_services, [r"Services are lost \(5\)"]),
    Outage("the counters are frozen", frozen, ["Counters are frozen"]),
    Outage("ip_vs is unloaded", unloaded, ["not ok: noIpvs"]),
    Outage("the collector sends nothing", dead, ["not ok: (noCollector|expired)"]),
    Outage("the director does not answer", silent, ["No SNMP answer"]),
]
