# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that ipvsadm -n prints, and the keys that they stand for. Keys sort as rows do."""

from __future__ import annotations

import re
import socket
from typing import Dict, Tuple

from lvs_agent.codes import AF, PROTOCOL_NAMES, Family, IpProtocol

ServiceKey = Tuple[int, bytes, int, int]  # family, address, protocol, port or firewall mark
ServerKey = Tuple[int, bytes, int]  # family, address, port

MAX_PORT = 65535
MAX_MARK = (1 << 32) - 1

_PROTOCOLS: Dict[str, int] = {name: number for number, name in PROTOCOL_NAMES.items()}
_FWMARK = re.compile(r"FWM (\d{1,10})( IPv6)?", re.ASCII)
_SERVICE = re.compile(r"(?:IP(\d{1,5})|([A-Z]+)) (\S+)", re.ASCII)
_ENDPOINT = re.compile(r"(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})", re.ASCII)


def endpoint(address: str, port: int) -> str:
    """Return the name of an address and port: 192.168.0.1:8080, [2001:db8::2]:443."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def server_name(service: str, server: str) -> str:
    """Return the name of a real server that is unique in a director, from two names."""
    return f"{service} -> {server}"


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
