# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot on its way from the collector to the responder: lines of JSON.

The first line is an object with the scalars and, for readers, the names of each row's columns;
then a line for each virtual service, followed by one for each of its real servers; the last
line counts them, so that a cut-off snapshot shows. Nothing in it can run code, and
`socat - UNIX-CONNECT:/run/lvs-agent/collector.sock` shows it.
"""

from __future__ import annotations

import json
from typing import Callable, Dict, Iterator, List, Optional, TypeVar

from lvs_agent.rows import RowCodec, RowError
from lvs_agent.snapshot import (
    Cpu,
    Director,
    RealServer,
    Snapshot,
    Source,
    Status,
    SyncDaemon,
    VirtualService,
    server_key,
    service_key,
)

# A row is a few hundred bytes; a line this long, or so many bad ones, are not from a collector.
MAX_LINE_BYTES = 1 << 20
MAX_PROBLEMS = 1000

Record = TypeVar("Record")


class WireError(Exception):
    """Bytes that are no snapshot; the text says where and why."""


class _Codecs:
    """A codec for each record class; made for each snapshot, since they remember what they saw."""

    def __init__(self) -> None:
        self.service = RowCodec(VirtualService, until="real_servers")
        self.server = RowCodec(RealServer)
        self.snapshot = RowCodec(Snapshot, until="director")
        self.director = RowCodec(Director)
        self.cpu = RowCodec(Cpu)
        self.daemon = RowCodec(SyncDaemon)

    def columns(self) -> Dict[str, List[str]]:
        return {kind: codec.names for kind, codec in vars(self).items()}


def encode(snapshot: Snapshot) -> Iterator[bytes]:
    """The lines of a snapshot."""
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
    yield line({"rows": rows})


class Reader:
    """Puts a snapshot together from bytes as they come, so that no step takes long.

    A row that can't be read is left out and kept in problems. Everything else that is wrong
    raises WireError: no snapshot begins here, a line has no end, or another version's columns.
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
        """Take in the next bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise WireError(f"line {self._line + len(lines) + 1} is longer than a snapshot's")
        for line in lines:
            self._line += 1
            if self._ended:
                raise WireError(f"line {self._line} comes after the end")
            try:
                self._take(json.loads(line))
            except (WireError, RowError, ValueError, RecursionError) as error:
                if self._snapshot is None:
                    raise WireError(f"line {self._line}: {error}") from error
                if not line.startswith(b'["server"'):
                    # what follows may be servers of a service that can't be read: they belong
                    # to nobody, not to the one before
                    self._service = None
                self.problems.append(f"snapshot line {self._line}: {error}")
                self._rows += 1
                if len(self.problems) > MAX_PROBLEMS:
                    raise WireError(f"{MAX_PROBLEMS} rows of no use, the last: {error}") from error

    def finish(self) -> Snapshot:
        """The whole snapshot, once its sender has closed the connection."""
        if self._snapshot is None or not self._ended or self._rest:
            raise WireError(f"cut off after line {self._line}")
        return self._snapshot

    def _take(self, value: object) -> None:
        if self._snapshot is None:
            self._snapshot = self._header(value)
        elif isinstance(value, dict):
            if value.get("rows") != self._rows:
                raise WireError(f"{self._rows} rows came, the end says {value.get('rows')}")
            self._ended = True
        elif isinstance(value, list) and len(value) == 2 and value[0] in ("service", "server"):
            self._row(value[0], value[1])
            self._rows += 1
        else:
            raise WireError("neither a service nor a server")

    def _row(self, kind: str, values: object) -> None:
        assert self._snapshot is not None
        if kind == "service":
            service = self._codecs.service.decode(values)
            _check_identity(service_key, service)
            self._service = service
            self._snapshot.services.append(service)
        elif self._service is not None:
            server = self._codecs.server.decode(values)
            _check_identity(server_key, server)
            self._service.real_servers.append(server)

    def _header(self, value: object) -> Snapshot:
        if not isinstance(value, dict) or "lvs-agent snapshot" not in value:
            raise WireError("no lvs-agent snapshot begins here")
        if value["lvs-agent snapshot"] != self._codecs.columns():
            raise WireError("the collector is of another version: restart it")
        codecs = self._codecs
        try:
            snapshot = codecs.snapshot.decode(value["snapshot"])
            snapshot.source = Source(snapshot.source)
            snapshot.status = Status(snapshot.status)
            snapshot.director = codecs.director.decode(value["director"])
            snapshot.cpus = [codecs.cpu.decode(row) for row in value["cpus"]]
            snapshot.daemons = [codecs.daemon.decode(row) for row in value["daemons"]]
        except (KeyError, TypeError, ValueError) as error:
            raise WireError(f"header: {error!r}") from error
        return snapshot


def _check_identity(key: Callable[[Record], object], record: Record) -> None:
    try:
        key(record)
    except (OSError, ValueError, KeyError) as error:
        raise RowError(f"address: {error}") from error
