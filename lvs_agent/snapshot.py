# SPDX-License-Identifier: GPL-3.0-or-later
"""The records that describe a director at one moment, independent of where they come from.

Units and missing values are those of lvs_agent.services.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Dict, List, Optional

from lvs_agent.codes import Source, Status
from lvs_agent.names import ServerKey, ServiceKey, row_name, server_key, service_key
from lvs_agent.services import Traffic, VirtualService


@dataclass
class LostRow:
    """A virtual service that was there and is gone, or a real server of a service that is there.

    service and server are names; server is "" for a service. last_seen is when the last complete
    snapshot had the row, since when the first lacked it (seconds since 1970). AliasFile fills in
    alias.
    """

    service: str
    server: str
    last_seen: Optional[float]
    since: float
    alias: str = field(default="", compare=False)

    @cached_property
    def service_key(self) -> ServiceKey:
        """The key of the service. Raises ValueError if its name is invalid."""
        return service_key(self.service)

    @cached_property
    def server_key(self) -> ServerKey:
        """The key of the real server. Raises ValueError if its name is invalid."""
        return server_key(self.server)

    @property
    def name(self) -> str:
        """The row's name, unique in a director: TCP 192.0.2.10:443 -> 192.168.0.1:8080."""
        return row_name(self.service, self.server)


@dataclass
class AddressSum:
    """The part of the sum over an address that its rows other than the present ones contribute.

    counters is None if they are unknown. continuous_since is when the whole sum became continuous
    (seconds of CLOCK_BOOTTIME). lost is the number of lost rows of the address.
    """

    address: str
    counters: Optional[Traffic]
    continuous_since: float
    lost: int = 0


@dataclass
class Cpu:
    """The per-CPU counters of one processor, which never reset and never freeze."""

    number: int
    counters: Traffic


@dataclass
class SyncDaemon:
    """A connection synchronisation daemon: state is MASTER or BACKUP.

    group, port, ttl and max_length (bytes) are None on kernels before 4.3.
    """

    state: int
    interface: str
    sync_id: int
    group: Optional[str] = None
    port: Optional[int] = None
    ttl: Optional[int] = None
    max_length: Optional[int] = None


@dataclass
class Director:
    """The properties of the director as a whole.

    Time-outs are in seconds. drop_entry, drop_packet and secure_tcp are the sysctls' modes 0 to
    3; 2 means that the defence is active now (Documentation/networking/ipvs-sysctl.rst).
    """

    version: Optional[str] = None
    conn_table_size: Optional[int] = None
    tcp_timeout: Optional[int] = None
    tcp_fin_timeout: Optional[int] = None
    udp_timeout: Optional[int] = None
    estimation: Optional[bool] = None
    drop_entry: Optional[int] = None
    drop_packet: Optional[int] = None
    secure_tcp: Optional[int] = None


@dataclass
class Snapshot:
    """One look at a director.

    taken is when it began (seconds of CLOCK_BOOTTIME, which no clock adjustment changes), took
    is its duration in seconds, errors is the number of rows or messages that could not be read
    since the collector started, text is what an administrator should know or do about status.
    lost_services and lost_servers are the numbers of lost rows, None if unknown; lost has the
    rows. vips and rips have the addresses of services and of real servers, as text, that also had
    other rows than those in services. sums_since is the time before which no sum over an address is
    continuous (CLOCK_BOOTTIME). complete is True if a service that is not in services is not in the
    kernel's table; loaded is when ip_vs was seen to have been loaded (CLOCK_BOOTTIME), 0 if it was
    loaded before the first look. Only the collector has these two. address_aliases has aliases by
    address in network byte order; AliasFile fills it in.
    """

    taken: float
    took: float = 0.0
    source: Source = Source.NONE
    status: Status = Status.OK
    text: str = ""
    errors: int = 0
    lost_services: Optional[int] = None
    lost_servers: Optional[int] = None
    sums_since: float = 0.0
    totals: Optional[Traffic] = None
    total_rates: Optional[Traffic] = None
    director: Director = field(default_factory=Director)
    cpus: List[Cpu] = field(default_factory=list)
    daemons: List[SyncDaemon] = field(default_factory=list)
    services: List[VirtualService] = field(default_factory=list)
    lost: List[LostRow] = field(default_factory=list)
    vips: Dict[str, AddressSum] = field(default_factory=dict)
    rips: Dict[str, AddressSum] = field(default_factory=dict)
    complete: bool = False
    loaded: float = 0.0
    address_aliases: Dict[bytes, str] = field(default_factory=dict, compare=False)

    @property
    def lost_is_cut_off(self) -> bool:
        """True if more rows are lost than the list has."""
        return (self.lost_services or 0) + (self.lost_servers or 0) > len(self.lost)

    def forget_measurements(self) -> None:
        """Discard the measured values in place, since they are too old. The configuration stays.

        Weights count as measured values: health checkers change them, and an old one would hide a
        dead server. So do the numbers of lost rows. Copying 60,000 services instead would stop
        snmpd for half a second.
        """
        self.totals = self.total_rates = self.lost_services = self.lost_servers = None
        self.cpus = []
        for service in self.services:
            service.counters = service.rates = service.changed = service.lost = None
            for rs in service.real_servers:
                rs.weight = rs.active_conns = rs.inact_conns = rs.persist_conns = None
                rs.counters = rs.rates = rs.changed = None
            vars(service).pop("sums", None)
