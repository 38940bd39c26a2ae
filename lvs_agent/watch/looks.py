# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes from what has been reported to what two successive looks at a director agree on."""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Set

from lvs_agent.codes import Source, Status
from lvs_agent.snapshot import Snapshot
from lvs_agent.watch.events import ENDS, Change, Kind
from lvs_agent.watch.told import Told

_LOST = (Kind.SERVICE_LOST, Kind.SERVER_LOST)


class Looks:
    """The looks at one director. told is what has been reported; only changes() changes it."""

    def __init__(self, told: Told) -> None:
        self.told = told
        # of the look before: when it was taken, its status, and its conditions; see _conditions()
        self._taken = float("-inf")
        self._status: Optional[Status] = None
        self._before: Dict[Change, Optional[bool]] = {}

    def changes(self, snapshot: Snapshot) -> List[Change]:
        """Return the changes to report, which count as reported from now on.

        Rows are compared only if they come from netlink. If there is no collector or no ip_vs, or
        only /proc, the status reports that.
        """
        if snapshot.taken == self._taken:  # the collector sent its last snapshot again
            return []
        self._taken = snapshot.taken
        found = []
        if self._status == snapshot.status != self.told.status:
            self.told.status = snapshot.status
            found.append(Change(Kind.AGENT_STATUS))
        self._status = snapshot.status
        if snapshot.source == Source.NETLINK:
            now = _conditions(snapshot, self.told.conditions)
            found += self._changed(now)
            self._before = now
        return found

    def _changed(self, now: Dict[Change, Optional[bool]]) -> Iterator[Change]:
        told = self.told.conditions
        for condition, holds in now.items():
            if condition not in self._before or self._before[condition] is not holds:
                continue
            if holds and condition not in told:
                told.add(condition)
                yield condition
            elif not holds:
                told.remove(condition)
                if holds is False:
                    yield condition._replace(kind=ENDS[condition.kind])


def _conditions(snapshot: Snapshot, told: Set[Change]) -> Dict[Change, Optional[bool]]:
    """Return whether each condition that was reported or holds, holds now; None without its row.

    A condition is named by the event at its beginning. The list of lost rows may be cut off: a row
    that it no longer contains is still lost. A degraded snapshot may lack rows that could not be
    read, so a row that is not in it is as it was.
    """
    degraded = snapshot.status == Status.DEGRADED
    now: Dict[Change, Optional[bool]] = dict.fromkeys(_holding(snapshot), True)
    rest = told - now.keys()
    if not rest:
        return now
    named = {change.service for change in rest}
    present = {
        service.name: {"", *(server.name for server in service.real_servers)}
        for service in snapshot.services
        if service.name in named
    }
    for change in rest:
        rows = present.get(change.service, set())
        if change.server in rows and not (degraded and len(rows) == 1):
            now[change] = False
        else:
            unlisted = snapshot.lost_is_cut_off and change.kind in _LOST
            now[change] = True if degraded or unlisted else None
    return now


def _holding(snapshot: Snapshot) -> Iterator[Change]:
    for service in snapshot.services:
        down = [rs for rs in service.real_servers if rs.up is False]
        certain = down or service.lost or snapshot.status != Status.DEGRADED
        if certain and len(down) == len(service.real_servers):
            yield Change(Kind.SERVICE_DOWN, service.name)
        for rs in down:
            yield Change(Kind.SERVER_DOWN, service.name, rs.name)
    for row in snapshot.lost:
        kind = Kind.SERVER_LOST if row.server else Kind.SERVICE_LOST
        yield Change(kind, row.service, row.server)
