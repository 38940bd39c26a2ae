# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that are repeated while an agent has no values yet, as on a slow or large director."""

from __future__ import annotations

import time
from typing import List, Sequence

from lvs_agent.codes import NO_NEW_SNAPSHOT, NO_SNAPSHOT_YET, Status
from lvs_agent.pollers.client import Client, Instance, Value

PAUSE_SECONDS = 0.25  # between two requests
# An agent reports its collector after 10 s without a snapshot.
LIMIT_SECONDS = 15.0

STATUS: Instance = ("lvsAgentStatus", (0,))


def get(client: Client, wanted: Sequence[Instance]) -> List[Value]:
    """Return the values of instances, STATUS among them, once the agent has a snapshot.

    Asks again while the agent is reading one, up to LIMIT_SECONDS, then returns what there is.
    Raises DirectorError, also at the client's limit.
    """
    end = time.monotonic() + LIMIT_SECONDS
    while True:
        found = client.get(wanted)
        unknown = found[wanted.index(STATUS)] in (Status.NO_COLLECTOR, Status.EXPIRED)
        if not unknown or time.monotonic() > end:
            return found
        (text,) = client.scalars("lvsAgentStatusText")
        if not str(text).startswith((NO_SNAPSHOT_YET, NO_NEW_SNAPSHOT)):
            return found
        time.sleep(PAUSE_SECONDS)
