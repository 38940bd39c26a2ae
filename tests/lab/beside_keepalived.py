# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: walk keepalived's realServerTable and lvsRsTable alternately, and time it.

A round walks one column of keepalived's table, since all of it takes minutes, and the whole
lvsRsTable. Prints JSON: for each round, the number of varbinds and the seconds of both walks.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import Tuple

REAL_SERVER = ".1.3.6.1.4.1.9586.100.5.3.4.1"
# Weight, StatsConns, StatsInBytes, RateOutBPS, RateInBPSLow and ForwardingMethod
COLUMNS = [7, 14, 20, 26, 36, 40]
LVS_RS = ".1.3.6.1.4.1.8225.4711.22"
LVS_RS_VARBINDS = 2000 * 20


def walk(oid: str) -> Tuple[int, float]:
    """Return the number of varbinds and the seconds of one walk."""
    command = ["snmpbulkwalk", "-v2c", "-c", "public", "-On", "-Cr50", "-t60", "-r0"]
    began = time.monotonic()
    done = subprocess.run([*command, "127.0.0.1:16161", oid], stdout=subprocess.PIPE, check=True)
    return done.stdout.count(b"\n"), time.monotonic() - began


def main() -> None:
    """Measure and print."""
    while walk(LVS_RS)[0] < LVS_RS_VARBINDS or walk(f"{REAL_SERVER}.{COLUMNS[0]}")[0] < 2000:
        time.sleep(0.5)
    rounds = [
        {"keepalived": walk(f"{REAL_SERVER}.{column}"), "agent": walk(LVS_RS)} for column in COLUMNS
    ]
    print(json.dumps(rounds))


main()
