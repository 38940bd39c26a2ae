# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests to the generic netlink family "IPVS". Knows nothing of SNMP.

All are read commands (IPVS_CMD_GET_* of include/uapi/linux/ip_vs.h).
"""

from __future__ import annotations

import errno
from typing import (
    Callable,
    Collection,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
    TypeVar,
    Union,
)

from lvs_agent.kernel import netlink
from lvs_agent.kernel.messages import Decoder, service_identity
from lvs_agent.kernel.netlink import NetlinkError, Request
from lvs_agent.kernel.source import Kernel
from lvs_agent.services import RealServer, VirtualService
from lvs_agent.snapshot import Director, SyncDaemon

FAMILY_NAME = "IPVS"

IPVS_CMD_GET_SERVICE = 4
IPVS_CMD_GET_DEST = 8
IPVS_CMD_GET_DAEMON = 11
IPVS_CMD_GET_CONFIG = 13
IPVS_CMD_GET_INFO = 15

# The kernel continues a dump at the position where the last datagram ended, so a row that is
# deleted meanwhile makes it skip another. Rows that were skipped are looked for in up to this many
# further dumps, and this many services one by one.
MAX_DUMPS = 4
MAX_SERVICES = 1000

Report = Callable[[str], None]
Record = TypeVar("Record")
Row = TypeVar("Row", bound=Union[VirtualService, RealServer])


class Known(NamedTuple):
    """A service of a snapshot: the attributes that name it, and the names of its real servers."""

    identity: bytes
    servers: Tuple[str, ...]


class Ipvs:
    """The family "IPVS" of one kernel, for one snapshot. last is known of the snapshot before.

    Its id is requested each time, since it changes when the module is reloaded. Every
    method raises OSError if the kernel refuses: EPERM without CAP_NET_ADMIN in the initial user
    namespace (every operation has GENL_ADMIN_PERM). A table row that can't be read is passed to
    report and left out.
    """

    def __init__(
        self, kernel: Kernel, report: Report, last: Optional[Mapping[str, Known]] = None
    ) -> None:
        self._kernel = kernel
        self._to = report
        self._reports = 0
        self._first = last is None
        self._last = last or {}
        # the services of this snapshot by name, and rows that may still be there
        self.known: Dict[str, Known] = {}
        # True once services() has returned all services; never in the first snapshot, in which
        # nothing was known that a dump might have skipped
        self.complete = False
        self._decoder = Decoder()
        self.family = netlink.family_id(self._one(netlink.family_request(FAMILY_NAME)))

    def info(self, director: Director) -> None:
        """Fill in the version and the connection table size. Raises NetlinkError."""
        self._decoder.info(self._one(Request(self.family, IPVS_CMD_GET_INFO)), director)

    def timeouts(self, director: Director) -> None:
        """Fill in the time-outs. Raises NetlinkError."""
        self._decoder.timeouts(self._one(Request(self.family, IPVS_CMD_GET_CONFIG)), director)

    def services(self) -> List[VirtualService]:
        """Return every virtual service with its real servers, in the kernel's order.

        A dump may show a row twice if the table is edited meanwhile: the first is kept. It may skip
        a row: those of the last snapshot are looked for again.
        """
        reports = self._reports
        found, missing = self._dumped(self._service_dump, self._last, MAX_SERVICES)
        for name in missing[:MAX_SERVICES]:
            for service in self._service(name):
                found[name] = service
        for name in missing[MAX_SERVICES:]:
            self._report(f"{name}: may be missing, since the table was edited meanwhile")
            self.known[name] = self._last[name]
        self.complete = not self._first and self._reports == reports
        return [service for service in found.values() if self._fill(service)]

    def daemons(self) -> List[SyncDaemon]:
        """Return the sync daemons that run: none, the master, the backup or both."""
        request = Request(self.family, IPVS_CMD_GET_DAEMON, dump=True)
        return list(self._rows(request, self._decoder.daemon, "IPVS_CMD_GET_DAEMON"))

    def _service_dump(self) -> Iterator[VirtualService]:
        request = Request(self.family, IPVS_CMD_GET_SERVICE, dump=True)
        return self._rows(request, self._decoder.service, "IPVS_CMD_GET_SERVICE")

    def _service(self, name: str) -> Iterator[VirtualService]:
        """Yield a service of the last snapshot, if it is still there."""
        request = Request(self.family, IPVS_CMD_GET_SERVICE, self._last[name].identity)
        try:
            yield from self._rows(request, self._decoder.service, f"IPVS_CMD_GET_SERVICE of {name}")
        except OSError as error:
            if error.errno != errno.ESRCH:
                raise

    def _exists(self, identity: bytes) -> bool:
        try:
            list(self._kernel.ask(Request(self.family, IPVS_CMD_GET_SERVICE, identity)))
        except OSError as error:
            if error.errno != errno.ESRCH:
                raise
            return False
        except NetlinkError:  # a reply that can't be read
            pass
        return True

    def _fill(self, service: VirtualService) -> bool:
        """Fill in the real servers. Return False if the service has been deleted meanwhile."""
        identity = service_identity(service)
        request = Request(self.family, IPVS_CMD_GET_DEST, identity, dump=True)
        place = f"IPVS_CMD_GET_DEST of {service.name}"
        last = self._last.get(service.name)
        servers = last.servers if last is not None else frozenset()
        reports = self._reports
        found, missing = self._dumped(
            lambda: self._rows(
                request, lambda reply: self._decoder.real_server(reply, service.family), place
            ),
            servers,
        )
        # the kernel's dump for a service that does not exist is empty
        if not found.keys() >= set(servers) and not self._exists(identity):
            return False
        if missing:
            self._report(
                f"{place}: {len(missing)} may be missing, since the table was edited meanwhile:"
                f" {missing[0]}"
            )
        known = Known(identity, (*found, *missing))
        # usually it is the same, and then the old one's memory is used
        self.known[service.name] = last if last == known else known
        service.real_servers = list(found.values())
        service.complete = last is not None and self._reports == reports
        return True

    def _dumped(
        self, dump: Callable[[], Iterator[Row]], last: Collection[str], few: int = 0
    ) -> Tuple[Dict[str, Row], List[str]]:
        """Return the rows of a dump by name, and the names of last that may be missing from it.

        While more than a few are missing, it is dumped again. The same rows in the same order once
        more mean that none was deleted meanwhile, so none was skipped. A dump with rows that can't
        be read is not repeated.
        """
        reports = self._reports
        found: Dict[str, Row] = {}
        before: List[str] = []
        for number in range(MAX_DUMPS + 1):
            names = []
            for row in dump():
                name = row.name  # computed each time
                found.setdefault(name, row)
                names.append(name)
            if (number and names == before) or self._reports > reports:
                return found, []
            before = names
            missing = [name for name in last if name not in found]
            if len(missing) <= few:
                break
        return found, missing

    def _report(self, problem: str) -> None:
        self._reports += 1
        self._to(problem)

    def _one(self, request: Request) -> bytes:
        replies = list(self._kernel.ask(request))
        if replies:
            return replies[0]
        raise NetlinkError(f"command {request.command}: no reply")

    def _rows(
        self, request: Request, decode: Callable[[bytes], Record], place: str
    ) -> Iterator[Record]:
        try:
            for number, reply in enumerate(self._kernel.ask(request), 1):
                try:
                    yield decode(reply)
                except NetlinkError as error:
                    self._report(f"{place}: message {number}: {error}")
        except NetlinkError as error:
            self._report(f"{place}: {error}")
