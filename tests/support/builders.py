# SPDX-License-Identifier: GPL-3.0-or-later
"""Builders of complete records: a test passes only the fields it is about."""

from __future__ import annotations

from typing import Any, List

from lvs_agent.codes import Family, Forwarding, IpProtocol, ServiceFlag, Source, Status, SyncState
from lvs_agent.services import RealServer, Traffic, VirtualService
from lvs_agent.snapshot import AddressSum, Cpu, Director, LostRow, Snapshot, SyncDaemon


def traffic(first: int, step: int = 1) -> Traffic:
    """Return five different numbers, so that a swapped field is noticed."""
    return Traffic(*(first + place * step for place in range(5)))


def server(address: str = "192.168.0.1", port: int = 8080, **values: Any) -> RealServer:
    return RealServer(
        **{"address": address, "port": port, "forwarding": Forwarding.MASQ, "weight": 1, **values}
    )


def service(
    address: str = "192.0.2.10", port: int = 443, *servers: RealServer, **values: Any
) -> VirtualService:
    made = VirtualService(
        **{
            "family": Family.INET6 if ":" in address else Family.INET,
            "protocol": IpProtocol.TCP,
            "address": address,
            "port": port,
            "fwmark": 0,
            "scheduler": "wlc",
            "flags": 0,
            "real_servers": list(servers),
            **values,
        }
    )
    for each in servers:
        each.service = made.name
    return made


def fwmark(
    mark: int, *servers: RealServer, family: int = Family.INET, **values: Any
) -> VirtualService:
    address = "::" if family == Family.INET6 else "0.0.0.0"
    return service(
        address, 0, *servers, family=family, protocol=IpProtocol.FWMARK, fwmark=mark, **values
    )


def snapshot(*services: VirtualService, **values: Any) -> Snapshot:
    return Snapshot(**{"taken": 1000.0, "services": list(services), **values})


def farm() -> List[VirtualService]:
    """Return three services, the first two with two servers each."""
    return [
        service("192.0.2.10", 80, server("192.168.0.1", 80), server("192.168.0.2", 80)),
        service("192.0.2.10", 25, server("192.168.0.2", 25), server("2001:db8:1::1", 25)),
        service("2001:db8::53", 53, protocol=IpProtocol.UDP),
    ]


def director() -> Snapshot:
    """Return a snapshot with every field of every record filled, in both families."""
    return snapshot(
        service(
            "192.0.2.10",
            443,
            server("192.168.0.1", 8080, **_server_values(100)),
            server("192.168.0.2", 8080, **_server_values(200)),
            server("2001:db8:1::1", 8080, **_server_values(300)),
            **_service_values(1),
        ),
        service("192.0.2.10", 0, protocol=IpProtocol.UDP, **_service_values(2)),
        fwmark(5, server("192.168.0.9", 0, weight=0), number=3),
        service(
            "2001:db8::10",
            5060,
            server("2001:db8:1::2", 5060, **_server_values(400)),
            **{**_service_values(4), "protocol": IpProtocol.SCTP, "netmask": "64"},
        ),
        fwmark(2**32 - 1, family=Family.INET6, number=5),
        took=0.25,
        source=Source.NETLINK,
        status=Status.COUNTERS_FROZEN,
        text="the counters stand still: réglage",
        errors=3,
        lost_services=2,
        lost_servers=1,
        totals=Traffic(2**64 - 1, 1, 2, 3, 4),
        total_rates=traffic(10),
        director=Director("1.2.1", 4096, 900, 120, 300, False, 0, 1, 2),
        cpus=[Cpu(0, traffic(20)), Cpu(31, traffic(30))],
        daemons=[
            SyncDaemon(SyncState.MASTER, "eth1", 7, "224.0.0.81", 8848, 1, 1472),
            SyncDaemon(SyncState.BACKUP, "eth1", 7, "ff02::81", 8848, 1, 1472),
        ],
        lost=[
            LostRow("TCP 192.0.2.10:443", "192.168.0.7:8080", 1795914000.0, 1795914300.5, "web"),
            LostRow("TCP 192.0.2.99:80", "", 1795910400.0, 1795910460.0, "shop"),
            LostRow("FWM 7 IPv6", "", None, 1795910460.0),
        ],
        sums_since=700.25,
        vips={"192.0.2.10": AddressSum("192.0.2.10", traffic(600), 750.5)},
        rips={
            "192.168.0.1": AddressSum("192.168.0.1", traffic(700), 760.5, 1),
            "2001:db8:1::1": AddressSum("2001:db8:1::1", None, 770.5),
        },
    )


def _server_values(first: int) -> dict[str, Any]:
    return {
        "forwarding": Forwarding.TUNNEL,
        "weight": first,
        "upper_threshold": first + 1,
        "lower_threshold": first + 2,
        "active_conns": first + 3,
        "inact_conns": first + 4,
        "persist_conns": first + 5,
        "counters": traffic(first + 10),
        "rates": traffic(first + 20),
        "tunnel_type": 1,
        "tunnel_port": 6080,
        "tunnel_flags": 1,
        "number": first // 100,
        "counter_offset": traffic(first + 30),
        "continuous_since": 900.5,
        "changed": 1795900000.0 + first,
        "alias": f"web {first}",
    }


def _service_values(number: int) -> dict[str, Any]:
    return {
        "flags": ServiceFlag.PERSISTENT,
        "persist_timeout": 360,
        "netmask": "255.255.255.0",
        "persistence_engine": "sip",
        "counters": traffic(number * 1000),
        "rates": traffic(number * 1000 + 10),
        "number": number,
        "counter_offset": traffic(number * 1000 + 20),
        "continuous_since": 800.25,
        "changed": 1795800000.0 + number,
        "lost": number,
        "alias": f"shop {number}",
    }
