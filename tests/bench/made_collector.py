# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's collector on a synthetic director: made_collector.py SOCKET STATE SERVICES.

Each reply is generated when it is requested, so the memory of the process is that of the collector
alone. With a recording, the recorded replies would be in memory too.
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
    """The recording of the small director in tests/data with generated services and servers."""

    def __init__(self, services: int) -> None:
        super().__init__(recorded.SMALL)
        self._services = services
        self._dump, self._dests = messages.templates()

    def ask(self, request: Request) -> Iterator[bytes]:
        """Yield the replies to a request, as Kernel.ask does."""
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
    """Serve as lvs-agent collector does."""
    gc.disable()
    serve(Collector(MadeKernel(int(services)), History(Path(state))), listen_at(Path(socket)))


if __name__ == "__main__":
    main(*sys.argv[1:])
