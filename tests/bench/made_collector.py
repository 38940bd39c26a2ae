# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's collector over a made director: made_collector.py SOCKET STATE SERVICES.

Each reply is made when it is asked for, so that, unlike with a recording, the memory that the
process takes is a collector's own.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Iterator

from lvs_agent.boundary.connections import listen_at
from lvs_agent.collector.history import History
from lvs_agent.collector.server import Collector, serve
from lvs_agent.kernel.netlink import Request
from lvs_agent.kernel.recording import ReplayedKernel
from tests.bench import messages
from tests.support import recorded


class MadeKernel(ReplayedKernel):
    """The recording tests/data has of a small director, with other rows."""

    def __init__(self, services: int) -> None:
        super().__init__(recorded.SMALL)
        self._services = services
        self._dump, self._dests = messages.templates()

    def ask(self, request: Request) -> Iterator[bytes]:
        """See Kernel.ask."""
        if request.command == recorded.GET_SERVICE:
            for n in range(self._services):
                yield messages.service(self._dump, n)[20:]
        elif request.command == recorded.GET_DEST:
            n = messages.number_of(request.body)
            for server in range(messages.SERVERS):
                yield messages.server(self._dests, n, server)[20:]
        else:
            yield from super().ask(request)


def main(socket: str, state: str, services: str) -> None:
    """What lvs-agent collector does."""
    gc.disable()
    serve(Collector(MadeKernel(int(services)), History(Path(state))), listen_at(Path(socket)))


if __name__ == "__main__":
    main(*sys.argv[1:])
