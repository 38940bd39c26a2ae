# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: take snapshots of services that nobody edits, while others come and go.

    python -m tests.kernels.edits SECONDS

Prints JSON: for each rate of edits, the number of edits made in so many seconds, of snapshots, and
of snapshots that lack a row of the fixed services, and the statuses of the snapshots.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from typing import Dict, Iterator

from lvs_agent.kernel.source import LiveKernel
from lvs_agent.kernel.survey import Survey
from lvs_agent.snapshot import Snapshot
from tests.support.paths import TESTS

FIXED, OTHERS = 400, 400
RATES = (2, 20, 200)
IP_VS_SO_SET_ADD, IP_VS_SO_SET_DEL = 0x480 + 2, 0x480 + 4


def fixed() -> Iterator[str]:
    """Yield the addresses of the services that nobody edits."""
    for number in range(1, FIXED + 1):
        yield f"10.8.{number // 250}.{number % 250 + 1}:80"


def add_fixed() -> None:
    """Add the fixed services, with one real server each."""
    lines = [f"service {each} rr\nserver {each} 10.1.1.21:80 masq 1\n" for each in fixed()]
    rules = [sys.executable, "-ISB", str(TESTS / "lab" / "rules.py")]
    subprocess.run(rules, input="".join(lines), text=True, check=True)


def edit(rate: float, seconds: float) -> int:
    """Add and delete other services at random by the old socket option; return the edits made."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    service = struct.Struct("=H2x4sHxxI16sII4s")
    there: Dict[int, bytes] = {}
    chosen = random.Random(rate)
    edits = 0
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        number = chosen.randrange(OTHERS)
        address = socket.inet_aton(f"10.9.{number // 250}.{number % 250 + 1}")
        key = (socket.IPPROTO_TCP, address, socket.htons(80), 0)
        request = there.pop(number, None)
        if request is not None:
            raw.setsockopt(socket.IPPROTO_IP, IP_VS_SO_SET_DEL, request)
        else:
            there[number] = service.pack(*key, b"rr", 0, 0, b"\xff" * 4)
            raw.setsockopt(socket.IPPROTO_IP, IP_VS_SO_SET_ADD, there[number])
        edits += 1
        time.sleep(max(0.0, began + edits / rate - time.monotonic()))
    for request in there.values():
        raw.setsockopt(socket.IPPROTO_IP, IP_VS_SO_SET_DEL, request)
    return edits


def lacks(snapshot: Snapshot) -> bool:
    """Return True if a fixed service or its real server is not in a snapshot."""
    servers = {service.name: len(service.real_servers) for service in snapshot.services}
    return any(servers.get(f"TCP {each}") != 1 for each in fixed())


def measure(rate: int, seconds: float) -> Dict[str, object]:
    """Take snapshots while another process edits."""
    survey = Survey(LiveKernel())
    survey.take()
    statuses: Counter[str] = Counter()
    lacking = 0
    command = [sys.executable, "-EsSB", "-m", "tests.kernels.edits", str(seconds), str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as editor:
        while editor.poll() is None:
            snapshot = survey.take()
            statuses[snapshot.status.name] += 1
            lacking += lacks(snapshot)
        assert editor.stdout
        edits = int(editor.stdout.read())
    return {"rate": rate, "edits": edits, "lacking": lacking, "statuses": statuses}


def main(seconds: float, *rates: str) -> None:
    """Measure and print; with a rate, only edit and print the number of edits."""
    if rates:
        print(edit(float(rates[0]), seconds))
    else:
        add_fixed()
        print(json.dumps([measure(rate, seconds) for rate in RATES]))


if __name__ == "__main__":
    main(float(sys.argv[1]), *sys.argv[2:])
