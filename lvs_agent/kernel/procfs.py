# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of IPVS below /proc that any user may read: text to records.

/proc/net/ip_vs lists services and real servers without statistics, ip_vs_stats has the director's
totals, ip_vs_stats_percpu those of each processor. All are written by
net/netfilter/ipvs/ip_vs_ctl.c. Documentation/networking/ipvs-sysctl.rst describes the sysctls.
"""

from __future__ import annotations

import re
import socket
from typing import Callable, Dict, List, Optional, Set, Tuple

from lvs_agent.codes import PROTOCOL_NAMES, Family, Forwarding, IpProtocol, ServiceFlag
from lvs_agent.kernel.source import Kernel
from lvs_agent.services import RealServer, Traffic, VirtualService
from lvs_agent.snapshot import Cpu, Director

# /proc/net is a link to self/net, which also exists under ProcSubset=pid
IP_VS = "self/net/ip_vs"
IP_VS_STATS = "self/net/ip_vs_stats"
IP_VS_STATS_PERCPU = "self/net/ip_vs_stats_percpu"
SYSCTL = "sys/net/ipv4/vs/"

Report = Callable[[str], None]

_HEADER = re.compile(r"IP Virtual Server version (\S+) \(size=([0-9]{1,9})\)")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]+")
_DECIMAL = re.compile(r"-?[0-9]{1,10}")
_MODES = {"0": 0, "1": 1, "2": 2, "3": 3}
_PROTOCOLS = {name: number for number, name in PROTOCOL_NAMES.items()}
_FORWARDING = {
    "Masq": Forwarding.MASQ,
    "Local": Forwarding.LOCAL,
    "Tunnel": Forwarding.TUNNEL,
    "Route": Forwarding.ROUTE,
}


def module_loaded(kernel: Kernel) -> bool:
    """Return True if ip_vs is loaded. This tests it in the only way that never loads it."""
    try:
        kernel.read(IP_VS_STATS)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def sysctl(kernel: Kernel, name: str) -> Optional[str]:
    """Return one of IPVS's sysctls, stripped; None where this kernel or namespace lacks it."""
    try:
        return kernel.read(SYSCTL + name).strip()
    except OSError:
        return None


def director(kernel: Kernel) -> Director:
    """Return the settings of the director, and whether its counters are updated.

    Estimation is off with run_estimation=0 (since Linux 5.16) or an empty est_cpulist (since
    6.2). Then all counters and rates are frozen, except the per-CPU counters.
    """
    estimation = sysctl(kernel, "run_estimation") != "0" and sysctl(kernel, "est_cpulist") != ""
    return Director(
        estimation=estimation,
        drop_entry=_mode(sysctl(kernel, "drop_entry")),
        drop_packet=_mode(sysctl(kernel, "drop_packet")),
        secure_tcp=_mode(sysctl(kernel, "secure_tcp")),
    )


def header(text: str) -> Tuple[Optional[str], Optional[int]]:
    """Return version and connection table size from the first line of /proc/net/ip_vs, or None."""
    match = _HEADER.match(text)
    return (match[1], int(match[2])) if match else (None, None)


def totals(text: str) -> Tuple[Traffic, Traffic]:
    """Return the director's total counters and rates from ip_vs_stats. Raises ValueError."""
    rows = [row for row in map(_hexadecimal, text.splitlines()) if row]
    if [len(row) for row in rows] != [5, 5]:
        raise ValueError(f"/proc/{IP_VS_STATS}: not two rows of five hexadecimal numbers")
    return Traffic(*rows[0]), Traffic(*rows[1])


def cpus(text: str) -> List[Cpu]:
    """Return each processor's counters from ip_vs_stats_percpu (CPU numbers in hexadecimal)."""
    rows = [row for row in map(_hexadecimal, text.splitlines()) if row and len(row) == 6]
    return [Cpu(number, Traffic(*counters)) for number, *counters in rows if number < 1 << 32]


def services(text: str, report: Report) -> List[VirtualService]:
    """Return the services and real servers in /proc/net/ip_vs.

    Persistence time-outs are None: the file gives jiffies, and an ordinary user can't find out
    how long a jiffy is. The family of a firewall mark is derived from the rest of the file, and
    is IPv4 if that says nothing. The file shows bypass as Masq. A line that can't be read is
    reported; if it is a service, its real servers are left out too.
    """
    rows: List[VirtualService] = []
    current: Optional[VirtualService] = None
    for number, line in enumerate(text.splitlines()[3:], 4):
        try:
            if line.startswith("  ->"):
                if current is not None:
                    current.real_servers.append(_real_server(line))
            elif line.strip():
                current = None
                current = _service(line)
                rows.append(current)
        except (ValueError, OSError, OverflowError) as error:
            report(f"/proc/{IP_VS}:{number}: {error}")
    _tell_families([row for row in rows if row.protocol == IpProtocol.FWMARK])
    found: Dict[str, VirtualService] = {}
    for row in rows:
        found.setdefault(row.name, row)
    return list(found.values())


def _tell_families(marks: List[VirtualService]) -> None:
    """Set the family of those firewall marks that are IPv6. All are IPv4 on entry.

    The netmask shows the family, or else the servers do; a mark with servers of both families stays
    IPv4. A mark with neither is IPv6 if the other mark of the same number is IPv4.
    """
    told: Dict[int, Set[int]] = {}
    untold = []
    for mark in marks:
        families = {server.family for server in mark.real_servers}
        if mark.netmask is not None:
            family = Family.INET if "." in mark.netmask else Family.INET6
        elif families:
            family = Family.INET6 if families == {Family.INET6} else Family.INET
        else:
            untold.append(mark)
            continue
        told.setdefault(mark.fwmark, set()).add(family)
        if family == Family.INET6:
            mark.family, mark.address = Family.INET6, "::"
    for mark in untold:
        if told.get(mark.fwmark) == {Family.INET}:
            mark.family, mark.address = Family.INET6, "::"


def _service(line: str) -> VirtualService:
    # TCP  C0000201:0050 wlc persistent 300000 FFFFFFFF
    # UDP  C0000201:0035 rr ops
    # TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 rr     (never says ops)
    # FWM  00000005 rr
    protocol, *words = line.split()
    if len(words) < 2:
        raise ValueError(f"scheduler missing: {line.strip()!r}")
    where, scheduler, *words = words
    flags = ServiceFlag.ONE_PACKET if "ops" in words else 0
    netmask = None
    if "persistent" in words:
        flags |= ServiceFlag.PERSISTENT
        jiffies_and_netmask = words[words.index("persistent") + 1 :][:2]
        if len(jiffies_and_netmask) < 2:
            raise ValueError(f"netmask missing: {line.strip()!r}")
        netmask = jiffies_and_netmask[1]
    if protocol == "FWM":
        service = VirtualService(
            Family.INET, IpProtocol.FWMARK, "0.0.0.0", 0, _hex(where, 8), scheduler, flags
        )
    elif protocol in _PROTOCOLS:
        family, address, port = _endpoint(where)
        service = VirtualService(family, _PROTOCOLS[protocol], address, port, 0, scheduler, flags)
    else:
        raise ValueError(f"unknown protocol: {protocol!r}")
    if netmask is not None:
        length = _prefix_length(netmask)
        if service.family == Family.INET6 and length is None:
            raise ValueError(f"not a prefix length: {netmask}")
        if length is not None and (
            service.family == Family.INET6 or service.protocol == IpProtocol.FWMARK
        ):
            service.netmask = str(length)
        else:
            service.netmask = socket.inet_ntoa(bytes.fromhex(netmask))
    return service


def _real_server(line: str) -> RealServer:
    #   -> 0A010115:0050      Masq    1      0          5
    words = line.split()
    if len(words) != 6:
        raise ValueError(f"{len(words)} columns, expected 6: {line.strip()!r}")
    _arrow, where, forwarding, weight, active, inactive = words
    if forwarding not in _FORWARDING:
        raise ValueError(f"unknown forwarding method: {forwarding!r}")
    _family, address, port = _endpoint(where)
    return RealServer(
        address,
        port,
        _FORWARDING[forwarding],
        _number(weight, -(1 << 31)),
        active_conns=_number(active, 0),
        inact_conns=_number(inactive, 0),
    )


def _endpoint(text: str) -> Tuple[int, str, int]:
    address, _, port = text.rpartition(":")
    try:
        if address.startswith("[") and address.endswith("]"):
            packed = socket.inet_pton(socket.AF_INET6, address[1:-1])
            return Family.INET6, socket.inet_ntop(socket.AF_INET6, packed), _hex(port, 4)
        return Family.INET, socket.inet_ntoa(bytes.fromhex(address)), _hex(port, 4)
    except (ValueError, OSError) as error:
        raise ValueError(f"not an address and port: {text!r}") from error


def _prefix_length(netmask: str) -> Optional[int]:
    """Return a netmask as an IPv6 prefix length, or None.

    The kernel passes it through ntohl(): 64 is 40000000 on little-endian machines, 00000040 on
    others. A recording may be of either. Of usual IPv4 netmasks, only 128.0.0.0 could be taken for
    a prefix length, and nobody uses it.
    """
    mask = _hex(netmask, 8)
    length = min(mask, int.from_bytes(mask.to_bytes(4, "big"), "little"))
    return length if 1 <= length <= 128 else None


def _mode(text: Optional[str]) -> Optional[int]:
    return _MODES.get(text) if text is not None else None


def _number(text: str, lowest: int) -> int:
    """Return an integer that the kernel wrote in decimal; int() alone accepts other forms too."""
    if not _DECIMAL.fullmatch(text) or not lowest <= int(text) < 1 << 31:
        raise ValueError(f"not a number from {lowest} to 2^31-1: {text!r}")
    return int(text)


def _hex(text: str, digits: int) -> int:
    if len(text) > digits or not _HEXADECIMAL.fullmatch(text):
        raise ValueError(f"not a hexadecimal number of {digits} digits: {text!r}")
    return int(text, 16)


def _hexadecimal(line: str) -> Optional[List[int]]:
    try:
        return [_hex(word, 16) for word in line.split()] or None
    except ValueError:
        return None
