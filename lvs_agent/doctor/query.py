# SPDX-License-Identifier: GPL-3.0-or-later
"""A query to snmpd with net-snmp's own snmpget.

The community is passed in a file that only this user can read: every user can read arguments.
"""

from __future__ import annotations

import enum
import os
import re
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, Optional

from lvs_agent.doctor.access import Reader
from lvs_agent.doctor.machine import Machine, user_name
from lvs_agent.mib.lvs import AGENT, LVS
from lvs_agent.mib.smi import dotted

_SCALARS = {scalar.name: f".{dotted((*LVS, *scalar.path, 0))}" for scalar in AGENT}
VERSION, STATUS = _SCALARS["lvsAgentVersion"], _SCALARS["lvsAgentStatus"]
TEXT = _SCALARS["lvsAgentStatusText"]
SERVICES, SERVERS = _SCALARS["lvsAgentServices"], _SCALARS["lvsAgentRealServers"]
ASKED = (VERSION, STATUS, TEXT, SERVICES, SERVERS)
WAIT_SECONDS = 3
NOT_INSTALLED = "snmpget is not installed"
_OTHERS = ("tcp", "tcp6", "unix", "tlstcp", "dtlsudp", "ssh")  # transports that may precede a colon
_ROOTS_PORTS = 1024  # lower ports are privileged, ip(7)
DEFAULT_ADDRESS = "udp:127.0.0.1:161"


class Outcome(enum.Enum):
    """The outcome of a query."""

    ANSWERED = "answered"
    TIMEOUT = "timeout"
    NO_OBJECT = "noSuchObject"
    NO_INSTANCE = "noSuchInstance"
    NOT_ASKED = "not asked"


@dataclass(frozen=True)
class Reply:
    """The outcome, the values as text by OID, the seconds it took, and the message printed."""

    outcome: Outcome
    values: Dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    said: str = ""


def ask(machine: Machine, address: str, community: Optional[str]) -> Reply:
    """Query the agent's status. Without a community, this user's snmp.conf applies."""
    with tempfile.TemporaryDirectory(prefix="lvs-agent-") as folder:
        # load no MIB files, and leave no files behind
        environment = {"MIBS": "", "SNMP_PERSISTENT_DIR": folder}
        if community is not None:
            file = Path(folder, "snmp.conf")
            file.touch(mode=0o600)
            quoted = re.sub(r'(["\\])', r"\\\1", community)
            file.write_bytes(os.fsencode(f'defVersion 2c\ndefCommunity "{quoted}"\n'))
            environment["SNMPCONFPATH"] = folder
        began = time.monotonic()
        command = ["snmpget", "-On", "-r0", f"-t{WAIT_SECONDS}", address, *ASKED]
        done = machine.run(command, environment)
        seconds = time.monotonic() - began
    if done is None:
        return Reply(Outcome.NOT_ASKED, said=NOT_INSTALLED)
    values = {}
    for line in done.out.splitlines():
        oid, _, value = line.partition(" = ")
        values[oid] = re.sub(r"^[A-Za-z0-9-]+: ", "", value).strip('"')
    # -1: machine.run has ended an snmpget that hung, a little after its own time-out
    if "Timeout" in done.err or done.status == -1:
        return Reply(Outcome.TIMEOUT, values, seconds)
    if "No Such Object" in done.out:
        return Reply(Outcome.NO_OBJECT, values, seconds)
    if "No Such Instance" in done.out:
        return Reply(Outcome.NO_INSTANCE, values, seconds)
    if done.status != 0 or VERSION not in values:
        said = done.err.strip().splitlines() or ["snmpget printed nothing"]
        return Reply(Outcome.NOT_ASKED, values, seconds, said[-1])
    return Reply(Outcome.ANSWERED, values, seconds)


def refusal(machine: Machine, address: str, uid: int) -> Optional[str]:
    """Return the reason to send no community to an address; None if one may be sent.

    The process that listens there may belong to a user other than uid, the user of snmpd.
    """
    port = int(address.rpartition(":")[2])
    if port < _ROOTS_PORTS:
        return None
    try:
        users = set(_listening(machine, port))
    except OSError as error:
        return str(error)
    if not users:
        return "no process listens there"
    names = ", ".join(user_name(each) for each in sorted(users - {0, uid}))
    return f"its port is in use by {names}, not by snmpd's user" if names else None


def _listening(machine: Machine, port: int) -> Iterator[int]:
    """Yield the user of each UDP socket at a port (Documentation/networking/proc_net_tcp.rst)."""
    for file in ("/proc/net/udp", "/proc/net/udp6"):
        if machine.exists(file):
            rows = [row.split() for row in machine.read(file).splitlines()[1:]]
            yield from (int(row[7]) for row in rows if int(row[1].rpartition(":")[2], 16) == port)


def address(agentaddress: List[str]) -> str:
    """Return the address at which to query snmpd: one on loopback if it has one, else the first."""
    found = []
    for one in (part.strip() for text in agentaddress for part in text.split(",")):
        match = re.fullmatch(
            r"(?:(udp6?|udpv6|udpipv6):)?(\[[^]]*\]|[^:]*)(?::([0-9]{1,5}))?", one.lower()
        )
        if match is None or match[2] in _OTHERS:
            continue
        transport, host, port = match[1] or "", match[2], match[3] or "161"
        if re.fullmatch("[0-9]{1,5}", host):
            host, port = "", host
        six = "6" in transport or host.startswith("[")
        if host in ("", "0.0.0.0", "[::]", "localhost"):
            host = "[::1]" if six else "127.0.0.1"
        found.append(f"{'udp6' if six else 'udp'}:{host}:{port}")
    loopback = [each for each in found if "127." in each or "[::1]" in each]
    four_first = sorted(loopback, key=lambda each: each.startswith("udp6"))
    return [*four_first, *found, DEFAULT_ADDRESS][0]


def choose(readers: List[Reader], address: str) -> Optional[str]:
    """Return the community for queries to an address; None if no line has one for it."""
    six = address.startswith("udp6")
    able = [each for each in readers if each.community is not None and each.ipv6 == six]
    for reader in sorted(able, key=lambda each: not each.local):
        return reader.community
    return None
