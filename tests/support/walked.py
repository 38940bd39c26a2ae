# SPDX-License-Identifier: GPL-3.0-or-later
"""What a walk of LVS-MIB says, as the records the ipvsadm oracle gives, so that both compare.

Reads the lines of snmpbulkwalk -On without any MIB: columns are numbers here, as the contract
has them, and nothing of lvs_agent is used.
"""

from __future__ import annotations

import ipaddress
from typing import Dict, List, Tuple, Union

from tests.support.ipvsadm import (
    Counters,
    Daemon,
    Director,
    Server,
    ServerKey,
    Service,
    ServiceKey,
    Tunnel,
)

Instance = Tuple[int, ...]
Value = Union[int, bytes, str]
Tables = Dict[Tuple[int, ...], Dict[Instance, Value]]

BASE = (1, 3, 6, 1, 4, 1, 8225, 4711)
TABLES = (17, 18, 21, 22, 23, 24)
ENTRY = 1
PROTOCOLS = {0: "FWM", 6: "TCP", 17: "UDP", 132: "SCTP"}
FORWARDING = {0: "Masq", 1: "Local", 2: "Tunnel", 3: "Route", 4: "Bypass"}
TUNNELS = {0: "ipip", 1: "gue", 2: "gre"}
DAEMONS = {1: "master", 2: "backup"}


def tables(lines: List[str]) -> Tables:
    """Values by object (its path below the base; of a column: table, column) and instance."""
    found: Tables = {}
    for line in lines:
        oid, _, value = line.partition(" = ")
        path = tuple(int(part) for part in oid.strip(".").split("."))[len(BASE) :]
        if path[0] in TABLES:
            assert path[1] == ENTRY
            column, instance = path[0:3:2], path[3:]
        else:
            column, instance = path[:-1], path[-1:]
        found.setdefault(column, {})[instance] = _value(value)
    return found


def director(walk: Tables) -> Director:
    """The director of a walk's new tables."""
    services: Dict[ServiceKey, Service] = {}
    for instance in walk.get((21, 5), {}):
        services[_service_key(instance)[0]] = _service(walk, instance)
    for instance in walk.get((22, 4), {}):
        key, rest = _service_key(instance)
        address, (port,) = _address(rest)
        services[key].servers[ServerKey(address, port)] = _server(walk, instance)
    return Director(
        services,
        (_scalar(walk, 4), _scalar(walk, 5), _scalar(walk, 6)),
        _scalar(walk, 25, 5),
        [_daemon(walk, instance) for instance in walk.get((24, 2), {})],
        _counters(walk, 20, 1, (0,)),
        _counters(walk, 20, 6, (0,)),
        {cpu: _counters(walk, 23, 2, (cpu,)) for (cpu,) in walk.get((23, 2), {})},
    )


def _service(walk: Tables, at: Instance) -> Service:
    flags = _bits(walk[21, 7][at])
    return Service(
        _text(walk[21, 6][at]),
        _number(walk[21, 8][at]) if 0 in flags else 0,
        _number(walk[21, 9][at]) if 0 in flags else 0,
        _text(walk[21, 10][at]),
        1 in flags,
        tuple(flag - 1 for flag in flags if flag > 1),
        {},
        _counters(walk, 21, 17, at),
        _counters(walk, 21, 22, at),
    )


def _server(walk: Tables, at: Instance) -> Server:
    forwarding = FORWARDING[_number(walk[22, 5][at])]
    tunnel = None
    if forwarding == "Tunnel":
        flags = tuple(("csum", "remcsum")[bit] for bit in _bits(walk[22, 24][at]))
        kind, port = TUNNELS[_number(walk[22, 22][at])], _number(walk[22, 23][at])
        tunnel = Tunnel(kind, port, flags)
    else:
        assert not any(at in walk.get((22, column), {}) for column in (22, 23, 24))
    return Server(
        forwarding,
        weight=_number(walk[22, 6][at]),
        active=_number(walk[22, 9][at]),
        inactive=_number(walk[22, 10][at]),
        persistent=_number(walk[22, 11][at]),
        upper=_number(walk[22, 7][at]),
        lower=_number(walk[22, 8][at]),
        tunnel=tunnel,
        stats=_counters(walk, 22, 12, at),
        rates=_counters(walk, 22, 17, at),
    )


def _daemon(walk: Tables, at: Instance) -> Daemon:
    group = walk[24, 5][at]
    assert isinstance(group, bytes)
    assert _number(walk[24, 4][at]) == {4: 1, 16: 2}[len(group)]
    return Daemon(
        DAEMONS[at[0]],
        _text(walk[24, 2][at]),
        _number(walk[24, 3][at]),
        _number(walk[24, 8][at]),
        str(ipaddress.ip_address(group)),
        _number(walk[24, 6][at]),
        _number(walk[24, 7][at]),
    )


def _service_key(instance: Instance) -> Tuple[ServiceKey, Instance]:
    address, (protocol, port, *rest) = _address(instance)
    family = ipaddress.ip_address(address).version
    if protocol == 0:
        assert ipaddress.ip_address(address).is_unspecified
        address = ""
    return ServiceKey(PROTOCOLS[protocol], address, port, family), tuple(rest)


def _address(instance: Instance) -> Tuple[str, Instance]:
    kind, length, *rest = instance
    assert (kind, length) in ((1, 4), (2, 16))
    return str(ipaddress.ip_address(bytes(rest[:length]))), tuple(rest[length:])


def _counters(walk: Tables, table: int, first: int, at: Instance) -> Counters:
    return Counters(*(_number(walk[table, first + offset][at]) for offset in range(5)))


def _scalar(walk: Tables, *path: int) -> int:
    return _number(walk[path][(0,)])


def _number(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _text(value: Value) -> str:
    return value if isinstance(value, str) else _octets(value).decode()


def _bits(value: Value) -> List[int]:
    (octet,) = _octets(value)
    return [bit for bit in range(8) if octet & 0x80 >> bit]


def _octets(value: Value) -> bytes:
    assert not isinstance(value, int)
    return value.encode() if isinstance(value, str) else value


def _value(text: str) -> Value:
    kind, _, value = text.partition(": ")
    if kind in ("INTEGER", "Gauge32", "Counter32", "Counter64"):
        return int(value)
    if kind == "Timeticks":
        return int(value[1 : value.index(")")])
    if kind == "Hex-STRING":
        return bytes.fromhex(value)
    if kind == '""':
        return b""
    assert kind in ("STRING", "IpAddress"), text
    return value.strip('"')
