# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a director, through the best source that the kernel grants.

That is netlink if this process has CAP_NET_ADMIN, the world-readable files of /proc if it does not,
and none if ip_vs is not loaded. Failures do not raise; they are reported in the snapshot's status,
text and errors. The exception is a lack of file descriptors, in which nothing can be read: without
rows, a snapshot would say that the services were deleted.
"""

from __future__ import annotations

import errno
import logging
import time
from operator import attrgetter
from typing import Callable, List, Mapping, Optional, TypeVar

from lvs_agent.codes import Source, Status
from lvs_agent.kernel import procfs
from lvs_agent.kernel.ipvs import Ipvs, Known
from lvs_agent.kernel.netlink import NetlinkError
from lvs_agent.kernel.source import Kernel
from lvs_agent.snapshot import Director, Snapshot

log = logging.getLogger(__name__)

NOT_LOADED = (
    "the kernel module ip_vs is not loaded; keepalived and ipvsadm load it, lvs-agent does not"
)
FROZEN = "counters and rates are frozen: net.ipv4.vs.run_estimation is 0 or est_cpulist is empty"
NO_STATISTICS = (
    "no statistics: netlink request failed: {}; run lvs-agent collector with CAP_NET_ADMIN"
)

NO_FAMILY = 0  # no id of a netlink family
NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)

Result = TypeVar("Result")


class Survey:
    """The snapshots of one kernel, with a running count of what could not be read."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._errors = 0
        self._problems: List[str] = []
        self._logged: List[str] = []
        # the services of the last snapshot that was read by netlink
        self._last: Optional[Mapping[str, Known]] = None
        # the id of the IPVS family in the last snapshot: it changes when the module is loaded
        # again. None before the first snapshot, NO_FAMILY without the module.
        self._family: Optional[int] = None
        self._loaded = 0.0

    def take(self) -> Snapshot:
        """Take a snapshot, with rows sorted by their keys and not yet numbered.

        Raises OSError if no file descriptor is left.
        """
        snapshot = Snapshot(taken=time.clock_gettime(time.CLOCK_BOOTTIME))
        self._logged, self._problems = self._problems, []
        if procfs.module_loaded(self._kernel):
            self._look(snapshot)
        else:
            self._not_loaded(snapshot)
        snapshot.loaded = self._loaded
        snapshot.services.sort(key=attrgetter("key"))
        for service in snapshot.services:
            service.real_servers.sort(key=attrgetter("key"))
        if self._problems and snapshot.status == Status.OK:
            snapshot.status = Status.DEGRADED
            snapshot.text = f"read errors: {len(self._problems)}, the first: {self._problems[0]}"
        snapshot.errors = self._errors
        snapshot.took = time.clock_gettime(time.CLOCK_BOOTTIME) - snapshot.taken
        return snapshot

    def _look(self, snapshot: Snapshot) -> None:
        snapshot.director = procfs.director(self._kernel)
        totals = self.attempt(lambda: procfs.totals(self._kernel.read(procfs.IP_VS_STATS)))
        if totals is not None:
            snapshot.totals, snapshot.total_rates = totals
        percpu = self.attempt(lambda: procfs.cpus(self._kernel.read(procfs.IP_VS_STATS_PERCPU)))
        snapshot.cpus = percpu or []
        try:
            self._netlink(snapshot, Ipvs(self._kernel, self._report, self._last))
        except (OSError, NetlinkError) as error:
            if not procfs.module_loaded(self._kernel):
                self._not_loaded(snapshot)
                return
            if isinstance(error, NetlinkError):
                self._report(str(error))
            why = error.strerror if isinstance(error, OSError) else error
            snapshot.status = Status.NO_STATISTICS
            snapshot.text = NO_STATISTICS.format(why)
            self._procfs(snapshot)
            return
        if not snapshot.director.estimation:
            snapshot.status, snapshot.text = Status.COUNTERS_FROZEN, FROZEN

    def _not_loaded(self, snapshot: Snapshot) -> None:
        snapshot.status, snapshot.text, snapshot.source = Status.NO_IPVS, NOT_LOADED, Source.NONE
        snapshot.services, snapshot.daemons, snapshot.cpus = [], [], []
        snapshot.totals = snapshot.total_rates = None
        snapshot.director = Director()
        self._family = NO_FAMILY

    def _netlink(self, snapshot: Snapshot, ipvs: Ipvs) -> None:
        if self._family not in (None, ipvs.family):
            self._loaded = snapshot.taken
        self._family = ipvs.family
        snapshot.source = Source.NETLINK
        snapshot.services = ipvs.services()
        self._last = ipvs.known
        snapshot.daemons = ipvs.daemons()
        snapshot.complete = ipvs.complete
        self.attempt(lambda: ipvs.info(snapshot.director))
        self.attempt(lambda: ipvs.timeouts(snapshot.director))

    def _procfs(self, snapshot: Snapshot) -> None:
        snapshot.source = Source.PROCFS
        text = self.attempt(lambda: self._kernel.read(procfs.IP_VS)) or ""
        snapshot.services = procfs.services(text, self._report)
        snapshot.daemons = []
        director = snapshot.director
        director.version, director.conn_table_size = procfs.header(text)

    def attempt(self, read: Callable[[], Result]) -> Optional[Result]:
        """Return read's result, None if it fails. Failures are reported, except missing files.

        Raises OSError if no file descriptor is left.
        """
        try:
            return read()
        except FileNotFoundError:
            return None
        except (OSError, ValueError, NetlinkError) as error:
            if isinstance(error, OSError) and error.errno in NO_DESCRIPTORS:
                raise
            self._report(str(error))
            return None

    def _report(self, problem: str) -> None:
        self._errors += 1
        self._problems.append(problem)
        if problem not in self._logged:
            log.error("read error: %s", problem)
