# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of aliases: names that an administrator gives to services, servers and addresses.

A line has one of these, as ipvsadm prints it or with ipvsadm's options, and then its alias:

    TCP 192.0.2.10:443                          shop
    -t 192.0.2.10:443 -r 192.168.0.1:8080       shop on web1
    FWM 6 IPv6                                  dns over IPv6
    192.168.0.1                                 web1

Host and port names are not looked up, because snmpd would wait. See lvs-agent(8), FILES.
"""

from __future__ import annotations

import logging
import os
import re
import socket
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from lvs_agent import names, regular
from lvs_agent.codes import AF, Family, IpProtocol
from lvs_agent.names import ServerKey, ServiceKey
from lvs_agent.snapshot import Snapshot

log = logging.getLogger(__name__)

ALIASES = Path("/etc/lvs-agent/aliases")
MAX_NAMED = 10  # invalid lines that are logged one by one
MAX_BAD = 1000  # invalid lines, after which the rest is ignored: a million would take seconds

_CONTROL = re.compile(r"[\0-\x1f\x7f-\x9f]")
_NO_SERVERS: Dict[Tuple[bytes, int], str] = {}


class Named(NamedTuple):
    """The thing that a line names: a service, a server of a service, or an address alone."""

    service: Optional[ServiceKey] = None
    server: Optional[ServerKey] = None
    address: bytes = b""


class BadLine(NamedTuple):
    """An invalid line, by its number in the file."""

    number: int
    reason: str


class Aliases:
    """The aliases of a file, with the numbers of their lines."""

    def __init__(self, data: bytes = b"") -> None:
        self.lines: Dict[Named, int] = {}
        self.bad: List[BadLine] = []
        self._services: Dict[ServiceKey, str] = {}
        # for each service, by address and port: a ServerKey would take longer to make
        self._servers: Dict[ServiceKey, Dict[Tuple[bytes, int], str]] = {}
        self._addresses: Dict[bytes, str] = {}
        for number, line in enumerate(data.split(b"\n"), 1):
            try:
                self._take(number, line.decode().strip(" \t\r"))
            except UnicodeDecodeError:
                self.bad.append(BadLine(number, "not UTF-8"))
            except ValueError as error:
                self.bad.append(BadLine(number, str(error)))
            if len(self.bad) == MAX_BAD:
                return

    def fill_in(self, snapshot: Snapshot) -> None:
        """Fill in the aliases of a snapshot's records, and of its addresses."""
        if not self.lines:
            return
        addresses = snapshot.address_aliases = self._addresses
        for vs in snapshot.services:
            key = vs.key
            vs.alias = self._services.get(key, "")
            servers = self._servers.get(key, _NO_SERVERS)
            if servers:
                for rs in vs.real_servers:
                    address = addresses.get(rs.packed, "")
                    rs.alias = servers.get((rs.packed, rs.port), address)
            elif addresses:
                for rs in vs.real_servers:
                    rs.alias = addresses.get(rs.packed, "")
        for row in snapshot.lost:
            if row.server:
                _family, packed, port = row.server_key
                servers = self._servers.get(row.service_key, _NO_SERVERS)
                row.alias = servers.get((packed, port), addresses.get(packed, ""))
            else:
                row.alias = self._services.get(row.service_key, "")

    def _take(self, number: int, line: str) -> None:
        """Add the alias in a line. Raises ValueError with the reason if the line is invalid."""
        if not line or line.startswith("#"):
            return
        if _CONTROL.search(line.replace("\t", " ")):
            raise ValueError("contains a control character")
        named, alias = _parsed(line)
        if not alias:
            raise ValueError("alias missing")
        if alias.startswith("-"):
            raise ValueError(f"unexpected {alias.split()[0]!r:.80}")
        if named in self.lines:
            raise ValueError(f"names the same row as line {self.lines[named]}, which is used")
        self.lines[named] = number
        if named.service is None:
            self._addresses[named.address] = alias
        elif named.server is None:
            self._services[named.service] = alias
        else:
            self._servers.setdefault(named.service, {})[named.server[1:]] = alias


class AliasFile:
    """A file of aliases, which is read again when it has changed.

    Without a file there are no aliases. While a file can't be read, its last aliases stay in use.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # the file's state when its aliases were read; changed only in _renew()
        self._state: object = None
        self._aliases = Aliases()
        self._failure = ""  # the last message logged, "" once the file has been read

    def fill_in(self, snapshot: Snapshot) -> None:
        """Fill in the aliases of a snapshot's records, and of its addresses.

        Logs invalid lines once per change of the file, and once that the file can't be read.
        """
        self._renew()
        self._aliases.fill_in(snapshot)

    def _renew(self) -> None:
        state = self._look()
        if state == self._state:
            return
        try:
            self._aliases = Aliases(regular.read(self._path, regular.LIMIT))
        except FileNotFoundError:
            self._aliases = Aliases()
        except OSError as error:
            # the state stays: the next read may succeed, for instance with a free descriptor
            failure = f"{self._path}: {error.strerror}; the last aliases stay in use"
            if failure != self._failure:
                self._failure = failure
                log.warning("%s", failure)
            return
        self._state, self._failure = state, ""
        bad = self._aliases.bad
        for line in bad[:MAX_NAMED]:
            log.warning("%s:%d: %s", self._path, line.number, line.reason)
        if len(bad) > MAX_NAMED:
            log.warning("%s: %d more invalid lines", self._path, len(bad) - MAX_NAMED)

    def _look(self) -> object:
        """Return a value that changes with the file, and with the access to it."""
        try:
            found = os.stat(self._path)
        except OSError as error:
            return error.errno
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _parsed(line: str) -> Tuple[Named, str]:
    """Return the thing that a line names, and the rest of the line. Raises ValueError."""
    word, rest = _next(line)
    protocol = names.protocol(word)
    if protocol is None:
        address = _packed(word)
        if address is None:
            raise ValueError(f"neither an address nor TCP, UDP, SCTP or FWM: {word!r:.80}")
        return Named(address=address), rest
    where, rest = _next(rest)
    if protocol == IpProtocol.FWMARK:
        service: ServiceKey = (Family.INET, bytes(4), protocol, names.mark(where))
        following, after = _next(rest)
        if following.upper() in names.IPV6_WORDS:
            service, rest = (Family.INET6, bytes(16), *service[2:]), after
    else:
        family, packed, port = _endpoint(where)
        service = (family, packed, protocol, port)
    following, after = _next(rest)
    if following not in names.SERVER_WORDS:
        return Named(service), rest
    server, rest = _next(after)
    return Named(service, _server(server, service)), rest


def _next(text: str) -> Tuple[str, str]:
    """Return the first word of a text, and the rest. Either may be ""."""
    word, rest = [*text.split(None, 1), "", ""][:2]
    return word, rest


def _packed(text: str) -> Optional[bytes]:
    """Return an address in network byte order, given with or without brackets, else None."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return socket.inet_pton(AF[Family.INET6 if ":" in bare else Family.INET], bare)
    except (OSError, ValueError):
        return None


def _endpoint(text: str) -> ServerKey:
    try:
        return names.server_key(text)
    except ValueError as error:
        raise ValueError(f"{error}; write numbers, since names are not looked up") from error


def _server(text: str, service: ServiceKey) -> ServerKey:
    """Return the server of a service; its port defaults to the service's, as in ipvsadm."""
    packed = _packed(text)
    if packed is None:
        return _endpoint(text)
    _family, _address, protocol, port = service
    family = Family.INET if len(packed) == 4 else Family.INET6
    return family, packed, 0 if protocol == IpProtocol.FWMARK else port
