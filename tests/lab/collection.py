# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: time collecting and ipvsadm alternately, and measure the agent's memory.

Prints JSON: the seconds of each `ipvsadm -Ln --stats --exact`; of each collection, as timed by the
collector (lvsAgentCollectionTime); of the same until a client of its socket has the last byte; and
the peak resident sets of collector and responder in kB, after some snapshots.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Tuple

ROUNDS = 7
SHARED = 1.1  # seconds after which the next client gets a new snapshot
SOCKET = "/run/collector.sock"
SERVICES = ".1.3.6.1.4.1.8225.4711.26.7.0"


def ipvsadm() -> float:
    """Return the seconds of one listing."""
    began = time.monotonic()
    subprocess.run(["ipvsadm", "-Ln", "--stats", "--exact"], stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


def snapshot() -> Tuple[float, float]:
    """Return the seconds from connecting to the last byte of a snapshot, and of collecting it."""
    began = time.monotonic()
    data = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(SOCKET)
        while portion := connection.recv(1 << 20):
            data = data or portion
    seconds = time.monotonic() - began
    header = json.loads(data[: data.index(b"\n")])
    took = header["lvs-agent snapshot"]["snapshot"].index("took")
    return seconds, header["snapshot"][took]


def listens() -> bool:
    """Return True if the collector accepts connections. The file of its socket exists earlier."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        return connection.connect_ex(SOCKET) == 0


def memory(pid: int) -> int:
    """Return the peak resident set of a process in kB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1])


def ask(responder: subprocess.Popen[str], oid: str) -> str:
    """Return the value of an OID, requested as snmpd does."""
    assert responder.stdin
    assert responder.stdout
    responder.stdin.write(f"PING\nget\n{oid}\n")
    responder.stdin.flush()
    lines = [responder.stdout.readline().rstrip() for _ in range(4)]
    assert lines[:2] == ["PONG", oid], lines
    return lines[3]


def main(agent: str) -> None:
    """Measure and print."""
    collector = subprocess.Popen([agent, "collector", "--listen", SOCKET, "--state", "/tmp/state"])
    while not listens():
        assert collector.poll() is None
    snapshot()  # the first snapshot numbers every row and saves the numbers
    seconds: Dict[str, List[float]] = {"ipvsadm": [], "collection": [], "snapshot": []}
    for _ in range(ROUNDS):
        seconds["ipvsadm"].append(ipvsadm())
        time.sleep(SHARED)
        whole, collection = snapshot()
        seconds["snapshot"].append(whole)
        seconds["collection"].append(collection)
    responder = subprocess.Popen(
        [agent, "pass-persist", "--collector", SOCKET, "--deadline", "30", "--max-age", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    # many new snapshots, so that an old and a new one are in memory at once
    services = [ask(responder, SERVICES) for _ in range(200)]
    kilobytes = {"collector": memory(collector.pid), "responder": memory(responder.pid)}
    print(json.dumps({"seconds": seconds, "kilobytes": kilobytes, "services": services[-1]}))
    for process in (responder, collector):
        process.terminate()
        process.wait()


main(sys.argv[1])
