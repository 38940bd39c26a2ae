# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of JSON that carry a snapshot from the collector to the responder.

The first line is an object with the scalars and, for readers, the names of each row's columns.
A line for each virtual service follows, and after it one for each of its real servers; then one for
each lost row, and one for each address that also had other rows. The last line counts them, so that
a truncated snapshot is detected. Nothing in it can run code, and `socat -
UNIX-CONNECT:/run/lvs-agent/collector.sock` shows it.
"""

from __future__ import annotations

import json
import socket
from typing import Dict, Iterator, List, Optional

from lvs_agent.boundary.rows import RowCodec, RowError
from lvs_agent.codes import AF, Family, Source, Status
from lvs_agent.services import MAX_COUNTER, RealServer, VirtualService
from lvs_agent.snapshot import AddressSum, Cpu, Director, LostRow, Snapshot, SyncDaemon

# A row has a few hundred bytes. No collector sends a longer line than this, or more bad rows.
MAX_LINE_BYTES = 1 << 20
MAX_PROBLEMS = 1000

KINDS = ("service", "server", "lost", "vip", "rip")  # of rows
MAX_PORT = 65535
MAX_PART = (1 << 32) - 1  # the largest part of an OID


class WireError(Exception):
    """Bytes that are not a snapshot; the text says where and why."""


class _Codecs:
    """A codec for each record class. Codecs remember what they saw: use new ones per snapshot."""

    def __init__(self) -> None:
        self.service = RowCodec(VirtualService, until="real_servers")
        self.server = RowCodec(RealServer, until="service")
        self.lost = RowCodec(LostRow, until="alias")
        self.vip = self.rip = RowCodec(AddressSum)
        self.snapshot = RowCodec(Snapshot, until="director")
        self.director = RowCodec(Director)
        self.cpu = RowCodec(Cpu)
        self.daemon = RowCodec(SyncDaemon)

    def columns(self) -> Dict[str, List[str]]:
        return {kind: codec.names for kind, codec in vars(self).items()}


def encode(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield the lines of a snapshot."""
    codecs = _Codecs()
    dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

    def line(value: object) -> bytes:
        return dumps(value).encode("utf-8", "replace") + b"\n"

    yield line(
        {
            "lvs-agent snapshot": codecs.columns(),
            "snapshot": codecs.snapshot.encode(snapshot),
            "director": codecs.director.encode(snapshot.director),
            "cpus": [codecs.cpu.encode(cpu) for cpu in snapshot.cpus],
            "daemons": [codecs.daemon.encode(daemon) for daemon in snapshot.daemons],
        }
    )
    rows = 0
    for service in snapshot.services:
        yield line(("service", codecs.service.encode(service)))
        for server in service.real_servers:
            yield line(("server", codecs.server.encode(server)))
        rows += 1 + len(service.real_servers)
    for lost in snapshot.lost:
        yield line(("lost", codecs.lost.encode(lost)))
    for kind, addresses in (("vip", snapshot.vips), ("rip", snapshot.rips)):
        for address in addresses.values():
            yield line((kind, codecs.vip.encode(address)))
    rows += len(snapshot.lost) + len(snapshot.vips) + len(snapshot.rips)
    yield line({"rows": rows})


class Reader:
    """A decoder that takes a snapshot's bytes as they arrive, so that no step takes long.

    A row that can't be read is left out and reported in problems. All other errors raise
    WireError: no snapshot begins here, a line has no end, the columns are another version's.
    """

    def __init__(self) -> None:
        self._codecs = _Codecs()
        self._rest = b""
        self._line = 0
        self._rows = 0
        self._ended = False
        self._snapshot: Optional[Snapshot] = None
        self._service: Optional[VirtualService] = None
        self.problems: List[str] = []

    def feed(self, data: bytes) -> None:
        """Decode the next bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for place, line in enumerate([*lines, self._rest], self._line + 1):
            if len(line) > MAX_LINE_BYTES:
                raise WireError(f"line {place}: longer than {MAX_LINE_BYTES} bytes")
        for line in lines:
            self._line += 1
            if self._ended:
                raise WireError(f"line {self._line}: after the last line")
            try:
                self._take(json.loads(line))
            except (WireError, RowError, ValueError, RecursionError) as error:
                if self._snapshot is None:
                    raise WireError(f"line {self._line}: {error}") from error
                if not line.startswith(b'["server"'):
                    # if this line is a service's, the servers that follow are not those of the
                    # service before it
                    self._service = None
                self.problems.append(f"snapshot line {self._line}: {error}")
                self._rows += 1
                if len(self.problems) > MAX_PROBLEMS:
                    raise WireError(
                        f"more than {MAX_PROBLEMS} invalid rows, the last: {error}"
                    ) from error

    def finish(self) -> Snapshot:
        """Return the whole snapshot, once its sender has closed the connection."""
        if self._snapshot is None or not self._ended or self._rest:
            raise WireError(f"truncated after line {self._line}")
        return self._snapshot

    def _take(self, value: object) -> None:
        if self._snapshot is None:
            self._snapshot = self._header(value)
        elif isinstance(value, dict):
            if value.get("rows") != self._rows:
                raise WireError(f"{self._rows} rows, expected {value.get('rows')}")
            self._ended = True
        elif isinstance(value, list) and len(value) == 2 and value[0] in KINDS:
            self._row(value[0], value[1])
            self._rows += 1
        else:
            raise WireError(f"none of {', '.join(KINDS)}")

    def _row(self, kind: str, values: object) -> None:
        assert self._snapshot is not None
        if kind == "service":
            service = self._codecs.service.decode(values)
            _check_service(service)
            self._service = service
            self._snapshot.services.append(service)
        elif kind == "lost":
            lost = self._codecs.lost.decode(values)
            _check_lost(lost)
            self._service = None  # no servers follow
            self._snapshot.lost.append(lost)
        elif kind != "server":
            address = self._codecs.vip.decode(values)
            _check_range("lost", address.lost, MAX_PART)
            self._service = None
            addresses = self._snapshot.vips if kind == "vip" else self._snapshot.rips
            addresses[address.address] = address
        elif self._service is not None:
            server = self._codecs.server.decode(values)
            _check_server(server)
            server.service = self._service.name
            self._service.real_servers.append(server)

    def _header(self, value: object) -> Snapshot:
        if not isinstance(value, dict) or "lvs-agent snapshot" not in value:
            raise WireError("not an lvs-agent snapshot")
        if value["lvs-agent snapshot"] != self._codecs.columns():
            raise WireError("the collector has another version; restart it")
        codecs = self._codecs
        try:
            snapshot = codecs.snapshot.decode(value["snapshot"])
            snapshot.source = Source(snapshot.source)
            snapshot.status = Status(snapshot.status)
            for name in ("errors", "lost_services", "lost_servers"):
                _check_range(name, getattr(snapshot, name) or 0, MAX_COUNTER)
            snapshot.director = codecs.director.decode(value["director"])
            snapshot.cpus = [codecs.cpu.decode(row) for row in value["cpus"]]
            snapshot.daemons = [codecs.daemon.decode(row) for row in value["daemons"]]
            for number in [cpu.number for cpu in snapshot.cpus]:
                _check_range("CPU", number, MAX_PART)
            for daemon in snapshot.daemons:
                _check_range("state", daemon.state, MAX_PART)
                if daemon.group is not None:
                    socket.inet_pton(
                        AF[Family.INET6 if ":" in daemon.group else Family.INET], daemon.group
                    )
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise WireError(f"header: {error!r}") from error
        return snapshot


def _check_service(service: VirtualService) -> None:
    """Raise RowError for an invalid address, or a number that does not fit in an OID."""
    try:
        service.packed  # noqa: B018  cached, and raises what is caught here
        if service.netmask is not None and service.family == Family.INET:
            socket.inet_pton(AF[Family.INET], service.netmask)
        _check_range("netmask", service.prefix_length or 0, MAX_PART)
    except (OSError, ValueError, KeyError) as error:
        raise RowError(f"address: {error}") from error
    _check_range("protocol", service.protocol, MAX_PORT)
    _check_range("port", service.port, MAX_PORT)
    _check_range("fwmark", service.fwmark, MAX_PART)
    _check_range("number", service.number or 0, MAX_PART)
    _check_range("lost", service.lost or 0, MAX_PART)


def _check_server(server: RealServer) -> None:
    """Check a real server as _check_service does a service."""
    try:
        server.packed  # noqa: B018
    except (OSError, ValueError) as error:
        raise RowError(f"address: {error}") from error
    if not (0 <= server.port <= MAX_PORT and 0 <= (server.number or 0) <= MAX_PART):
        raise RowError(f"port or number out of range: {server.port}, {server.number}")


def _check_lost(lost: LostRow) -> None:
    """Raise RowError for names that can't be an index."""
    try:
        lost.service_key  # noqa: B018
        if lost.server:
            lost.server_key  # noqa: B018
    except ValueError as error:
        raise RowError(f"name: {error}") from error


def _check_range(name: str, value: int, highest: int) -> None:
    if not 0 <= value <= highest:
        raise RowError(f"{name}: not from 0 to {highest}: {value}")
