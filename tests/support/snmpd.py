# SPDX-License-Identifier: GPL-3.0-or-later
"""A private snmpd on loopback with one pass_persist line, and net-snmp's tools to query it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Tuple

from tests.support import lvsmib
from tests.support.lvsmib import BASE

SYS_UP_TIME = ".1.3.6.1.2.1.1.3.0"
AGENT = Path(sys.executable).with_name("lvs-agent")

# columns and scalars that differ from one walk to the next
VOLATILE = tuple(
    f"{lvsmib.oid(name)}."
    for name in (
        "lvsVsDiscontinuityTime",
        "lvsRsDiscontinuityTime",
        "lvsVipDiscontinuityTime",
        "lvsRipDiscontinuityTime",
        "lvsRsLastChange",
        "lvsRsStateAge",
        "lvsAgentVersion",
        "lvsAgentSnapshotAge",
        "lvsAgentCollectionTime",
    )
)


@dataclass(frozen=True)
class Snmpd:
    """A running snmpd and its configuration."""

    address: str
    pid: int
    config: Path
    log: Path
    environment: Dict[str, str]

    def ask(self, tool: str, *arguments: str, community: str = "public") -> str:
        """Return the output and errors of one of net-snmp's tools."""
        done = subprocess.run(
            self.command(tool, *arguments, community=community),
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return done.stdout

    def command(self, tool: str, *arguments: str, community: str = "public") -> List[str]:
        """Return the command that runs one of net-snmp's tools."""
        command = [tool, "-v2c", "-c", community, "-On", "-t", "10", "-r", "0"]
        options = [argument for argument in arguments if argument.startswith("-")]
        rest = [argument for argument in arguments if not argument.startswith("-")]
        return [*command, *options, self.address, *rest]

    def walk(self, oid: str = BASE) -> List[str]:
        """Return the lines of snmpbulkwalk."""
        return self.ask("snmpbulkwalk", "-Cr50", oid).splitlines()

    def column(self, oid: str) -> Dict[str, str]:
        """Return the values of a column by instance, without their types and quotes."""
        return {name[len(oid) + 1 :]: value for name, value in values(self.walk(oid)).items()}

    def get(self, *oids: str) -> List[str]:
        """Return the lines of snmpget."""
        return self.ask("snmpget", *oids).splitlines()

    def get_next(self, *oids: str) -> List[str]:
        """Return the lines of snmpgetnext."""
        return self.ask("snmpgetnext", *oids).splitlines()

    def value(self, oid: str) -> str:
        """Return the value of one OID, with its type."""
        return self.ask("snmpget", oid).strip().partition(" = ")[2]


@contextmanager
def running(folder: Path, command: str, *lines: str) -> Iterator[Snmpd]:
    """Run snmpd with two communities, `pass_persist BASE command`, and these lines."""
    communities = ("rocommunity public 127.0.0.1", "rwcommunity private 127.0.0.1")
    every = (*communities, f"pass_persist {BASE} {command}", *lines)
    with configured(folder, *every) as snmpd:
        yield snmpd


@contextmanager
def configured(
    folder: Path,
    *lines: str,
    community: str = "public",
    port: int = 0,
    transport: str = "udp",
    options: Sequence[str] = (),
) -> Iterator[Snmpd]:
    """Run snmpd on loopback with these lines and its files in folder; end it afterwards.

    A surrogate in a line stands for a byte, as in file names. snmpd is up when a request with the
    community is answered.
    """
    folder.mkdir(exist_ok=True)
    port = port or free_port()
    config = folder / "snmpd.conf"
    address = f"{transport}:127.0.0.1:{port}"
    config.write_bytes(os.fsencode("\n".join([*lines, f"agentaddress {address}", ""])))
    environment = {
        **os.environ,
        "MIBS": "",
        "SNMPCONFPATH": str(folder),
        "SNMP_PERSISTENT_DIR": str(folder / "persistent"),
    }
    log = folder / "snmpd.log"
    with log.open("a") as output:
        process = subprocess.Popen(
            ["/usr/sbin/snmpd", "-f", "-Lf", str(log), "-C", "-c", str(config), *options],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    snmpd = Snmpd(address.replace("udp:", ""), process.pid, config, log, environment)
    try:
        while "Timeticks" not in snmpd.ask("snmpget", "-t0.2", SYS_UP_TIME, community=community):
            assert process.poll() is None, log.read_text()
        yield snmpd
    finally:
        process.terminate()
        process.wait(timeout=20)


def steady(lines: List[str]) -> List[str]:
    """Return the lines without the values that differ from one walk to the next."""
    return [line.partition(" = ")[0] if line.startswith(VOLATILE) else line for line in lines]


def oids(lines: List[str]) -> List[str]:
    """Return the OIDs of lines."""
    return [line.partition(" = ")[0] for line in lines]


def values(lines: List[str]) -> Dict[str, str]:
    """Return the values of lines by OID, without their types and quotes."""
    parts = (line.partition(" = ") for line in lines)
    return {oid: value.partition(": ")[2].strip('"') for oid, _, value in parts}


def numbers(oid: str) -> Tuple[int, ...]:
    """Return an OID as numbers, to compare."""
    return tuple(int(part) for part in oid.lstrip(".").split("."))


def free_port() -> int:
    """Return a UDP port of loopback that nobody uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
