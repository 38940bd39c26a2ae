# SPDX-License-Identifier: GPL-3.0-or-later
"""A walk of LVS-MIB as the records that the ipvsadm oracle gives, so that they can be compared.

Reads the lines of snmpbulkwalk -On without a MIB. All it uses of lvs_agent is the names of the
objects' numbers (lvsmib).
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
from tests.support.lvsmib import BASE, COUNTERS, PLACES, RATES, split
from tests.support.snmpd import numbers

Instance = Tuple[int, ...]
Value = Union[int, bytes, str]
Tables = Dict[str, Dict[Instance, Value]]

PROTOCOLS = {0: "FWM", 6: "TCP", 17: "UDP", 132: "SCTP"}
FORWARDING = {0: "Masq", 1: "Local", 2: "Tunnel", 3: "Route", 4: "Bypass"}
TUNNELS = {0: "ipip", 1: "gue", 2: "gre"}
DAEMONS = {1: "master", 2: "backup"}


def tables(lines: List[str]) -> Tables:
    """Return the values of every scalar and column by name and instance; a name may have none."""
    found: Tables = {name: {} for name in PLACES}
    for line in lines:
        oid, _, value = line.partition(" = ")
        assert oid.startswith(f"{BASE}."), line
        name, instance = split(numbers(oid[len(BASE) :]))
        found[name][instance] = _value(value)
    return found


def director(walk: Tables) -> Director:
    """Return the director that a walk's address tables and scalars describe."""
    services: Dict[ServiceKey, Service] = {}
    for instance in walk["lvsVsName"]:
        services[_service_key(instance)[0]] = _service(walk, instance)
    for instance in walk["lvsRsName"]:
        key, rest = _service_key(instance)
        address, (port,) = _address(rest)
        services[key].servers[ServerKey(address, port)] = _server(walk, instance)
    return Director(
        services,
        (
            _scalar(walk, "lvsTcpTimeOut"),
            _scalar(walk, "lvsTcpFinTimeOut"),
            _scalar(walk, "lvsUdpTimeOut"),
        ),
        _scalar(walk, "lvsDirectorConnTableSize"),
        [_daemon(walk, instance) for instance in walk["lvsSyncInterface"]],
        _counters(walk, "lvsTotal", (0,)),
        _rates(walk, "lvsTotal", (0,)),
        {cpu: _counters(walk, "lvsCpu", (cpu,)) for (cpu,) in walk["lvsCpuConns"]},
    )


def _service(walk: Tables, at: Instance) -> Service:
    flags = _bits(walk["lvsVsFlags"][at])
    return Service(
        _text(walk["lvsVsScheduler"][at]),
        _number(walk["lvsVsPersistTimeout"][at]) if 0 in flags else 0,
        _number(walk["lvsVsPersistPrefixLength"][at]) if 0 in flags else 0,
        _text(walk["lvsVsPersistenceEngine"][at]),
        1 in flags,
        tuple(flag - 1 for flag in flags if flag > 1),
        {},
        _counters(walk, "lvsVs", at),
        _rates(walk, "lvsVs", at),
    )


def _server(walk: Tables, at: Instance) -> Server:
    forwarding = FORWARDING[_number(walk["lvsRsForwarding"][at])]
    tunnel = None
    if forwarding == "Tunnel":
        flags = tuple(("csum", "remcsum")[bit] for bit in _bits(walk["lvsRsTunnelFlags"][at]))
        kind, port = (
            TUNNELS[_number(walk["lvsRsTunnelType"][at])],
            _number(walk["lvsRsTunnelPort"][at]),
        )
        tunnel = Tunnel(kind, port, flags)
    else:
        columns = ("lvsRsTunnelType", "lvsRsTunnelPort", "lvsRsTunnelFlags")
        assert not any(at in walk[column] for column in columns)
    return Server(
        forwarding,
        weight=_number(walk["lvsRsWeight"][at]),
        active=_number(walk["lvsRsActiveConns"][at]),
        inactive=_number(walk["lvsRsInactConns"][at]),
        persistent=_number(walk["lvsRsPersistConns"][at]),
        upper=_number(walk["lvsRsUpperThreshold"][at]),
        lower=_number(walk["lvsRsLowerThreshold"][at]),
        tunnel=tunnel,
        stats=_counters(walk, "lvsRs", at),
        rates=_rates(walk, "lvsRs", at),
    )


def _daemon(walk: Tables, at: Instance) -> Daemon:
    group = walk["lvsSyncGroup"][at]
    assert isinstance(group, bytes)
    assert _number(walk["lvsSyncGroupType"][at]) == {4: 1, 16: 2}[len(group)]
    return Daemon(
        DAEMONS[at[0]],
        _text(walk["lvsSyncInterface"][at]),
        _number(walk["lvsSyncId"][at]),
        _number(walk["lvsSyncMaxLength"][at]),
        str(ipaddress.ip_address(group)),
        _number(walk["lvsSyncPort"][at]),
        _number(walk["lvsSyncTtl"][at]),
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


def _counters(walk: Tables, prefix: str, at: Instance) -> Counters:
    return Counters(*(_number(walk[f"{prefix}{each}"][at]) for each in COUNTERS))


def _rates(walk: Tables, prefix: str, at: Instance) -> Counters:
    return Counters(*(_number(walk[f"{prefix}{each}"][at]) for each in RATES))


def _scalar(walk: Tables, name: str) -> int:
    return _number(walk[name][(0,)])


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
