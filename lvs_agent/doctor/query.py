# SPDX-License-Identifier: GPL-3.0-or-later
"""A query to snmpd with net-snmp's own snmpget.

The community is passed in a file that only this user can read: every user can read arguments.
"""

from __future__ import annotations

import enum
import ipaddress
import os
import re
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from lvs_agent.doctor.access import Host, Reader
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
_LISTEN = "0A"  # TCP_LISTEN, include/net/tcp_states.h
_ADDRESS = re.compile(r"(?:(udp|tcp)((?:ipv|v)?6)?:)?(\[[^]]*\]|[^:]*)(?::([0-9]{1,5}))?")


class Address(NamedTuple):
    """An address that snmpd listens on, as net-snmp writes it. transport is udp or tcp."""

    transport: str
    host: Host
    port: int

    def rank(self) -> Tuple[bool, bool, int]:
        """Return a key that sorts addresses: loopback, UDP and IPv4 first."""
        return not self.host.is_loopback, self.transport != "udp", self.host.version

    def __str__(self) -> str:
        if self.host.version == 6:
            return f"{self.transport}6:[{self.host}]:{self.port}"
        return f"{self.transport}:{self.host}:{self.port}"


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


def ask(machine: Machine, address: Address, community: Optional[str]) -> Reply:
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
        command = ["snmpget", "-On", "-r0", f"-t{WAIT_SECONDS}", str(address), *ASKED]
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
        said = f"no answer within {WAIT_SECONDS} s: it hangs, or has not read the community"
        return Reply(Outcome.TIMEOUT, said=said)
    if "No Such Object" in done.out:
        said = "no such object: snmpd has not read the pass_persist line"
        return Reply(Outcome.NO_OBJECT, said=said)
    if "No Such Instance" in done.out:
        said = "no such instance: the pass_persist program does not start"
        return Reply(Outcome.NO_INSTANCE, said=said)
    if done.status != 0 or VERSION not in values:
        return Reply(Outcome.NOT_ASKED, said=done.err.strip().rpartition("\n")[2])
    return Reply(Outcome.ANSWERED, values, seconds)


def refusal(machine: Machine, address: Address, uid: int) -> Optional[str]:
    """Return the reason to send no community to an address; None if one may be sent.

    The address may be another machine's, such as a VIP that has moved there. At any port, the
    process that listens may belong to a user other than uid, the user of snmpd.
    """
    if not _is_local(address.host):
        return f"{address.host} is not an address of this machine"
    try:
        users = set(_listening(machine, address))
    except OSError as error:
        return str(error)
    if not users:
        return "no process listens there"
    names = ", ".join(user_name(each) for each in sorted(users - {0, uid}))
    return f"its port is in use by {names}, not by snmpd's user" if names else None


def _is_local(host: Host) -> bool:
    # not bind(2), which accepts any address if the sysctl ip_nonlocal_bind is set
    family = socket.AF_INET if host.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(host), 161))  # sends nothing, and chooses the source address
            source = probe.getsockname()[0]
    except OSError:
        return False
    return ipaddress.ip_address(source).packed == host.packed


def _listening(machine: Machine, address: Address) -> Iterator[int]:
    """Yield the user of each socket at a port (Documentation/networking/proc_net_tcp.rst)."""
    for file in (f"/proc/net/{address.transport}", f"/proc/net/{address.transport}6"):
        rows = machine.read(file).splitlines()[1:] if machine.exists(file) else []
        for _slot, local, _remote, state, _queue, _timer, _retries, uid, *_ in map(str.split, rows):
            here = int(local.rpartition(":")[2], 16) == address.port
            if here and (state == _LISTEN or address.transport == "udp"):
                yield int(uid)


def address(agentaddress: List[str]) -> Optional[Address]:
    """Return the address at which to query snmpd, on loopback if possible and by UDP if possible.

    It is None if snmpd listens on other transports only, or the addresses are names.
    """
    found = []
    for one in ",".join(agentaddress or ["udp:161"]).lower().split(","):
        match = _ADDRESS.fullmatch(one.strip())
        if match is None:
            continue
        host, port = match[3].strip("[]"), match[4] or "161"
        if re.fullmatch("[0-9]{1,5}", host):
            host, port = "", host
        if host in ("", "localhost", "0.0.0.0", "::"):
            host = "::1" if match[2] or host == "::" else "127.0.0.1"
        try:
            found.append(Address(match[1] or "udp", ipaddress.ip_address(host), int(port)))
        except ValueError:
            continue
    return min(found, key=Address.rank, default=None)


def choose(readers: List[Reader], address: Address) -> Optional[str]:
    """Return the community for queries to an address of this machine; None if no line has one."""
    for reader in readers:
        fits = reader.ipv6 == (address.host.version == 6) and not reader.old
        # a request to one of this machine's addresses comes from that address
        if fits and reader.community is not None and reader.admits(address.host):
            return reader.community
    return None
