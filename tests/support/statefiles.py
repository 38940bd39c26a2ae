# SPDX-License-Identifier: GPL-3.0-or-later
"""A history to save in tests, and the state file it is saved in."""

from __future__ import annotations

import json
import os
import resource
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, List

from lvs_agent.collector.remembered import Numbering, RealServerState, ServiceState, resume
from lvs_agent.collector.statefile import StateFile, boot_id
from lvs_agent.collector.sums import Sums
from tests.support.builders import traffic

NAMES = ["TCP 192.0.2.10:443", "TCP [2001:db8::10]:443", "FWM 5 IPv6"]
LOOKED = 1795914200.0  # the time of the last complete snapshot of changed()
# what differs between numbering() and changed()
CHANGES = {NAMES[0]: {"192.168.0.1:80", "192.168.0.9:80"}, "TCP 192.0.2.99:80": {"10.0.0.1:80"}}


def lines(folder: Path) -> List[bytes]:
    return (folder / "history.jsonl").read_bytes().splitlines(keepends=True)


def write(folder: Path, data: bytes) -> None:
    (folder / "history.jsonl").write_bytes(data)


def edit_header(folder: Path, **values: object) -> None:
    header, *rows = lines(folder)
    header = json.dumps({**json.loads(header), **values}).encode() + b"\n"
    write(folder, b"".join([header, *rows]))


def other_boot(folder: Path) -> None:
    """Change the boot that the file was written in, of all its parts."""
    old = f'"boot":"{boot_id()}"'.encode()
    data = b"".join(lines(folder))
    assert old in data
    write(folder, data.replace(old, b'"boot":"00000000-0000-0000-0000-000000000000"'))


@contextmanager
def held(folder: Path) -> Iterator[StateFile]:
    """Yield a state file that is locked and has numbering() in it."""
    file = StateFile(folder)
    file.hold()
    file.replace(numbering())
    yield file
    file.close()


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Limit the size of files, so that writing fails in the middle, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def kill_while(folder: Path, save: Callable[[StateFile], None]) -> None:
    """Save again and again in a process, and kill it once it has saved some times."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        file = StateFile(folder)
        file.hold()
        while True:
            save(file)
            os.write(write, b".")
    os.close(write)
    os.read(read, 20)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(read)


def numbering() -> Numbering[ServiceState]:
    """Return three services with numbers 2, 3 and 5; 7 numbers were given. Two have servers."""
    services: Numbering[ServiceState] = Numbering(next_number=8)
    services.add(NAMES[0], ServiceState(2, 1234.5, None, traffic(10), traffic(2**64 - 5)))
    services.add(NAMES[1], ServiceState(3, 0.0, 1700000000.25, traffic(20), None))
    services.add(NAMES[2], ServiceState(5, 7.0))
    first, second = (services.rows[name].servers for name in NAMES[:2])
    for number in (1, 3):
        server = RealServerState(number, continuous_since=5.5, counters=traffic(number))
        first.add(f"192.168.0.{number}:80", server)
    first.next_number = 4
    second.add("[2001:db8:1::1]:443", RealServerState(2, missing_since=1.5))
    second.next_number = 3
    services.attach(Sums(4.5))
    return services


def changed() -> Numbering[ServiceState]:
    """Return numbering() with a new service, two new servers, other counters, and a lost server.

    A server has been forgotten, and a service at the address of the first one.
    """
    services = numbering()
    first = services.rows[NAMES[0]]
    first.counters = traffic(99)
    first.servers.rows["192.168.0.1:80"].counters = traffic(2**64 - 9)
    first.lasting, first.up, first.changed = True, True, 1795914000.5
    first.baseline = [(3, 1795914100.0), (2, LOOKED)]
    lost = RealServerState(4, 77.5, LOOKED, lasting=True, last_seen=1795914000.5, gone_since=LOOKED)
    first.servers.add("192.168.0.9:80", lost)
    first.servers.next_number = 5
    added = ServiceState(8, 77.5)
    added.servers.add("10.0.0.1:80", RealServerState(1, 77.5, first_seen=LOOKED, up=False))
    added.servers.next_number = 2
    services.add("TCP 192.0.2.99:80", added)
    services.rows[NAMES[1]].servers.remove("[2001:db8:1::1]:443")
    services.add("TCP 192.0.2.10:81", ServiceState(6, 6.25, 1.5, traffic(7), traffic(2**64 - 50)))
    services.remove("TCP 192.0.2.10:81")
    services.next_number = 9
    resume(services, LOOKED)
    return services
