# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: request keepalived's tables and the agent's alternately, and measure it.

A round walks the same column of realServerTable and of lvsRsTable, which have 2000 rows, and polls
four columns of each of the 200 services from both, in GETs of 40 OIDs. Prints JSON: for each round,
the number of varbinds and the seconds of both walks, and the seconds of processor time that snmpd
and its extension used for both polls.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import Callable, Dict, List, Tuple

from tests.support import processes

KEEPALIVED = ".1.3.6.1.4.1.9586.100.5.3"
LVS = ".1.3.6.1.4.1.8225.4711"
REAL_SERVERS = 2000
# the columns of realServerTable and lvsRsTable with the weight, connections, bytes received, their
# rate, that of bytes sent, and the forwarding method
COLUMNS = [(7, 6), (14, 12), (20, 15), (25, 20), (26, 21), (40, 5)]
SERVICES = 200
SERVICES_A_GET = 10


def snmp(program: str, *words: str) -> int:
    """Run an SNMP program; return the number of varbinds with a value, up to an error."""
    command = [program, "-v2c", "-c", "public", "-On", "-t60", "-r0", *words]
    printed = subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout
    return printed.count(b"\n") - printed.count(b"No Such")


def walk(oid: str) -> Tuple[int, float]:
    """Return the number of varbinds and the seconds of one walk."""
    began = time.monotonic()
    return snmp("snmpbulkwalk", "-Cr50", "127.0.0.1:16161", oid), time.monotonic() - began


def columns(theirs: int, ours: int) -> Tuple[str, str]:
    """Return the OIDs of a column of realServerTable and of one of lvsRsTable."""
    return f"{KEEPALIVED}.4.1.{theirs}", f"{LVS}.22.1.{ours}"


def keepalived(number: int) -> List[str]:
    """Return the OIDs of StatsConns, StatsInPkts, StatsInBytes and StatsOutBytes of a service."""
    return [f"{KEEPALIVED}.3.1.{column}.{number}" for column in (27, 28, 30, 31)]


def agent(number: int) -> List[str]:
    """Return the OIDs of lvsVsConns, lvsVsInPkts, lvsVsInBytes and lvsVsOutBytes of a service."""
    return [f"{LVS}.21.1.{column}.1.4.10.8.0.{number}.6.80" for column in (17, 18, 20, 21)]


def poll(oids: Callable[[int], List[str]], *programs: str) -> float:
    """Return the processor time that some programs use for one poll, and until they are at rest."""
    pids = processes.named(*programs)
    before = processes.cpu_seconds(pids)
    for first in range(1, SERVICES + 1, SERVICES_A_GET):
        some = [oid for n in range(first, first + SERVICES_A_GET) for oid in oids(n)]
        assert snmp("snmpget", "127.0.0.1:16161", *some) == len(some)
    processes.until_at_rest(pids)
    return processes.cpu_seconds(pids) - before


def main() -> None:
    """Measure and print."""
    # keepalived answers neither soon after its start nor while it connects again
    while any(walk(oid)[0] < REAL_SERVERS for oid in columns(*COLUMNS[0])):
        time.sleep(0.5)
    rounds: List[Dict[str, object]] = []
    for pair in COLUMNS:
        theirs, ours = columns(*pair)
        rounds.append(
            {
                "keepalived": walk(theirs),
                "agent": walk(ours),
                "keepalived-poll": poll(keepalived, "snmpd", "keepalived"),
                "agent-poll": poll(agent, "snmpd", "lvs-agent"),
            }
        )
    print(json.dumps(rounds))


main()
