# SPDX-License-Identifier: GPL-3.0-or-later
"""The generic netlink family "IPVS": what is asked of the kernel. Knows nothing of SNMP.

Only read commands are here (IPVS_CMD_GET_* of include/uapi/linux/ip_vs.h).
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
    """The family "IPVS" of one kernel, for one look at it.

    Its id is asked for anew each time, since it changes when the module is loaded again. Every
    method raises OSError where the kernel refuses: EPERM without CAP_NET_ADMIN in the first
    user namespace (every operation has GENL_ADMIN_PERM). A table row that can't be read is
    passed to report and costs nothing but itself.
    """

    def __init__(self, kernel: Kernel, report: Report) -> None:
        self._kernel = kernel
        self._report = report
        self._decoder = Decoder()
        self._family = netlink.family_id(self._one(netlink.family_request(FAMILY_NAME)))

    def info(self, director: Director) -> None:
        """Fill in version and connection table size. Raises NetlinkError."""
        self._decoder.info(self._one(Request(self._family, IPVS_CMD_GET_INFO)), director)

    def timeouts(self, director: Director) -> None:
        """Fill in the time-outs. Raises NetlinkError."""
        self._decoder.timeouts(self._one(Request(self._family, IPVS_CMD_GET_CONFIG)), director)

    def services(self) -> List[VirtualService]:
        """Every virtual service with its real servers, in the kernel's order.

        A dump resumes by position, so one of a table edited meanwhile may show an entry twice:
        the first is kept. A service deleted between its own dump and its servers' has none.
        """
        request = Request(self._family, IPVS_CMD_GET_SERVICE, dump=True)
        found: Dict[str, VirtualService] = {}
        for service in self._rows(request, self._decoder.service, "IPVS_CMD_GET_SERVICE"):
            found.setdefault(service.name, service)
        for service in found.values():
            service.real_servers = self._real_servers(service)
        return list(found.values())

    def daemons(self) -> List[SyncDaemon]:
        """The sync daemons that run: none, the master, the backup or both."""
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
        raise NetlinkError(f"no reply to command {request.command}")

    def _rows(
        self, request: Request, decode: Callable[[bytes], Record], place: str
    ) -> Iterator[Record]:
        try:
            for number, reply in enumerate(self._kernel.ask(request), 1):
                try:
                    yield decode(reply)
                except NetlinkError as error:
                    self._report(f"{place}, message {number}: {error}")
        except NetlinkError as error:
            self._report(f"{place}: {error}")
