# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests to the generic netlink family "IPVS". Knows nothing of SNMP.

All are read commands (IPVS_CMD_GET_* of include/uapi/linux/ip_vs.h).
"""

from __future__ import annotations

from typing import Callable, Dict, Iterator, List, TypeVar

from lvs_agent.kernel import netlink
from lvs_agent.kernel.messages import Decoder, service_identity
from lvs_agent.kernel.netlink import NetlinkError, Request
from lvs_agent.kernel.source import Kernel
from lvs_agent.snapshot import Director, RealServer, SyncDaemon, VirtualService

FAMILY_NAME = "IPVS"

IPVS_CMD_GET_SERVICE = 4
IPVS_CMD_GET_DEST = 8
IPVS_CMD_GET_DAEMON = 11
IPVS_CMD_GET_CONFIG = 13
IPVS_CMD_GET_INFO = 15

Report = Callable[[str], None]
Record = TypeVar("Record")


class Ipvs:
    """The family "IPVS" of one kernel, for one snapshot.

    Its id is requested each time, since it changes when the module is reloaded. Every
    method raises OSError if the kernel refuses: EPERM without CAP_NET_ADMIN in the initial user
    namespace (every operation has GENL_ADMIN_PERM). A table row that can't be read is passed to
    report and left out.
    """

    def __init__(self, kernel: Kernel, report: Report) -> None:
        self._kernel = kernel
        self._report = report
        self._decoder = Decoder()
        self._family = netlink.family_id(self._one(netlink.family_request(FAMILY_NAME)))

    def info(self, director: Director) -> None:
        """Fill in the version and the connection table size. Raises NetlinkError."""
        self._decoder.info(self._one(Request(self._family, IPVS_CMD_GET_INFO)), director)

    def timeouts(self, director: Director) -> None:
        """Fill in the time-outs. Raises NetlinkError."""
        self._decoder.timeouts(self._one(Request(self._family, IPVS_CMD_GET_CONFIG)), director)

    def services(self) -> List[VirtualService]:
        """Return every virtual service with its real servers, in the kernel's order.

        A dump resumes by position, so it may show an entry twice if the table is edited meanwhile:
        the first is kept. A service deleted before the dump of its real servers has none.
        """
        request = Request(self._family, IPVS_CMD_GET_SERVICE, dump=True)
        found: Dict[str, VirtualService] = {}
        for service in self._rows(request, self._decoder.service, "IPVS_CMD_GET_SERVICE"):
            found.setdefault(service.name, service)
        for service in found.values():
            service.real_servers = self._real_servers(service)
        return list(found.values())

    def daemons(self) -> List[SyncDaemon]:
        """Return the sync daemons that run: none, the master, the backup or both."""
        request = Request(self._family, IPVS_CMD_GET_DAEMON, dump=True)
        return list(self._rows(request, self._decoder.daemon, "IPVS_CMD_GET_DAEMON"))

    def _real_servers(self, service: VirtualService) -> List[RealServer]:
        identity = service_identity(service)
        request = Request(self._family, IPVS_CMD_GET_DEST, identity, dump=True)
        found: Dict[str, RealServer] = {}
        for server in self._rows(
            request,
            lambda reply: self._decoder.real_server(reply, service.family),
            f"IPVS_CMD_GET_DEST of {service.name}",
        ):
            found.setdefault(server.name, server)
        return list(found.values())

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
