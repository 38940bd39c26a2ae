# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that ipvsadm -n prints, and the keys that they stand for. Keys sort as rows do."""

from __future__ import annotations

import re
import socket
from typing import Dict, Optional, Tuple

from lvs_agent.codes import AF, PROTOCOL_NAMES, Family, IpProtocol

ServiceKey = Tuple[int, bytes, int, int]  # family, address, protocol, port or firewall mark
ServerKey = Tuple[int, bytes, int]  # family, address, port

MAX_PORT = 65535
MAX_MARK = (1 << 32) - 1
MAX_PROTOCOL = 65535  # IPVS_SVC_ATTR_PROTOCOL is u16, include/uapi/linux/ip_vs.h

# the words that ipvsadm prints, and its options; those for IPv6 in capitals
IPV6_WORDS = ("IPV6", "-6", "--IPV6")
SERVER_WORDS = ("->", "-r", "--real-server")
_PROTOCOL_WORDS: Dict[str, int] = {
    **dict.fromkeys(("TCP", "-t", "--tcp-service"), IpProtocol.TCP),
    **dict.fromkeys(("UDP", "-u", "--udp-service"), IpProtocol.UDP),
    **dict.fromkeys(("SCTP", "--sctp-service"), IpProtocol.SCTP),
    **dict.fromkeys(("FWM", "-f", "--fwmark-service"), IpProtocol.FWMARK),
}
_PROTOCOLS: Dict[str, int] = {name: number for number, name in PROTOCOL_NAMES.items()}
_FWMARK = re.compile(r"FWM (\d{1,10})( IPv6)?", re.ASCII)
_SERVICE = re.compile(r"(?:IP(\d{1,5})|([A-Z]+)) (\S+)", re.ASCII)
_ENDPOINT = re.compile(r"(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})", re.ASCII)


def endpoint(address: str, port: int) -> str:
    """Return the name of an address and port: 192.168.0.1:8080, [2001:db8::2]:443."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def row_name(service: str, server: str) -> str:
    """Return the name of a row, which is unique in a director; server is "" for a service."""
    return f"{service} -> {server}" if server else service


def protocol(word: str) -> Optional[int]:
    """Return the protocol of a word or option of ipvsadm, or of IP33 and the like; else None.

    Case does not matter, except in options.
    """
    number = re.fullmatch(r"IP([1-9]\d{0,4})", word.upper(), re.ASCII)
    if number and int(number[1]) <= MAX_PROTOCOL:
        return int(number[1])
    return _PROTOCOL_WORDS.get(word, _PROTOCOL_WORDS.get(word.upper()))


def mark(text: str) -> int:
    """Return a firewall mark given as a decimal or hexadecimal number. Raises ValueError."""
    try:
        number = int(text, 0) if len(text) < 40 else 0  # thousands of digits take seconds
    except ValueError:
        number = 0
    # ipvsadm prints marks above 2^31 - 1 as negative numbers
    number = number + MAX_MARK + 1 if -(2**31) <= number < 0 else number
    if not 0 < number <= MAX_MARK:
        raise ValueError(f"not a mark from 1 to {MAX_MARK}: {text:.80}")
    return number


def service_key(name: str) -> ServiceKey:
    """Return the key of a virtual service. Raises ValueError if the name is invalid."""
    marked = _FWMARK.fullmatch(name)
    if marked:
        key = (Family.INET6, bytes(16)) if marked[2] else (Family.INET, bytes(4))
        return (*key, IpProtocol.FWMARK, _number(marked[1], MAX_MARK))
    service = _SERVICE.fullmatch(name)
    if not service:
        raise ValueError(f"not the name of a service: {name!r:.80}")
    family, address, port = server_key(service[3])
    protocol = _number(service[1], MAX_PORT) if service[1] else _PROTOCOLS.get(service[2])
    if protocol is None:
        raise ValueError(f"not a protocol: {service[2]:.80}")
    return family, address, protocol, port


def server_key(name: str) -> ServerKey:
    """Return the key of a real server. Raises ValueError if the name is invalid."""
    found = _ENDPOINT.fullmatch(name)
    if not found:
        raise ValueError(f"not an address and port: {name!r:.80}")
    family = Family.INET6 if found[1] else Family.INET
    try:
        address = socket.inet_pton(AF[family], found[1] or found[2])
    except OSError as error:
        raise ValueError(f"not an address: {name!r:.80}") from error
    return family, address, _number(found[3], MAX_PORT)


def _number(digits: str, highest: int) -> int:
    if int(digits) > highest:
        raise ValueError(f"above {highest}: {digits}")
    return int(digits)
