# SPDX-License-Identifier: GPL-3.0-or-later
"""Names for the numbers that the kernel and LVS-MIB use."""

from __future__ import annotations

import enum
import socket
from typing import Dict


class Code(enum.IntEnum):
    """A number with a name. It prints as the number, on every version of Python."""

    def __str__(self) -> str:
        return int.__repr__(self)

    def __format__(self, form: str) -> str:
        return int.__format__(self, form)


class Family(Code):
    """An address family, by its IP version."""

    INET = 4
    INET6 = 6


class IpProtocol(Code):
    """The protocol of a service: an IP protocol number, or FWMARK for a firewall mark.

    The kernel also accepts protocols that have no name here.
    """

    FWMARK = 0
    TCP = 6
    UDP = 17
    SCTP = 132


class ServiceFlag(Code):
    """The flags of a service: IP_VS_SVC_F_* of include/uapi/linux/ip_vs.h."""

    PERSISTENT = 0x01
    ONE_PACKET = 0x04
    SCHED_1 = 0x08
    SCHED_2 = 0x10
    SCHED_3 = 0x20


class Forwarding(Code):
    """The way packets reach a real server: IP_VS_CONN_F_* within IP_VS_CONN_F_FWD_MASK."""

    MASQ = 0
    LOCAL = 1
    TUNNEL = 2
    ROUTE = 3
    BYPASS = 4


class SyncState(Code):
    """The role of a connection synchronisation daemon: IP_VS_STATE_*."""

    MASTER = 1
    BACKUP = 2


AF: Dict[int, socket.AddressFamily] = {Family.INET: socket.AF_INET, Family.INET6: socket.AF_INET6}
PROTOCOL_NAMES: Dict[int, str] = {
    number: number.name for number in (IpProtocol.TCP, IpProtocol.UDP, IpProtocol.SCTP)
}


class Status(enum.IntEnum):
    """The reliability of a snapshot; the values of lvsAgentStatus."""

    OK = 1
    COUNTERS_FROZEN = 2
    NO_STATISTICS = 3
    NO_IPVS = 4
    NO_COLLECTOR = 5
    EXPIRED = 6
    DEGRADED = 7

    @property
    def word(self) -> str:
        """The name of the value in LVS-MIB: noIpvs."""
        first, *rest = self.name.lower().split("_")
        return f"{first}{''.join(map(str.title, rest))}"

    @property
    def label(self) -> str:
        """The value as net-snmp prints it: noIpvs(4)."""
        return f"{self.word}({self.value})"


class Source(enum.IntEnum):
    """The kernel interface that a snapshot was read from; the values of lvsAgentSource."""

    NONE = 0
    NETLINK = 1
    PROCFS = 2


# The beginnings of lvsAgentStatusText while a snapshot is being read and there are no values
NO_SNAPSHOT_YET = "no snapshot received yet"
NO_NEW_SNAPSHOT = "no new snapshot received"
