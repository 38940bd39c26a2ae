# SPDX-License-Identifier: GPL-3.0-or-later
"""The netlink decoder compared with pyroute2's, on the same recorded messages."""

from __future__ import annotations

import time
from pathlib import Path
from typing import List

from pyroute2.netlink.generic.ipvs import ipvsmsg

from lvs_agent.codes import Family
from lvs_agent.kernel.messages import Decoder
from tests.bench import directors
from tests.bench.report import Figure
from tests.bench.rounds import alternate, ratios
from tests.support import recorded


def pyroute2(folder: Path) -> List[Figure]:
    """Measure decoding the messages of 1000 real servers into records."""
    every = recorded.exchanges(directors.recording(folder / "made", 100))
    dumps = [each for each in every if each.command == recorded.GET_DEST]
    messages = [message for each in dumps for message in each.messages()]

    def theirs() -> float:
        began = time.monotonic()
        for message in messages:
            decoded = ipvsmsg(message)
            decoded.decode()
            # pyroute2 decodes nested attributes only when they are accessed
            server = decoded.get_attr("IPVS_CMD_ATTR_DEST")
            dict(server["attrs"]), dict(server.get_attr("IPVS_DEST_ATTR_STATS64")["attrs"])
        return time.monotonic() - began

    def ours() -> float:
        began = time.monotonic()
        decoder = Decoder()
        for message in messages:
            decoder.real_server(message[20:], Family.INET)
        return time.monotonic() - began

    found = alternate("pyroute2", 7, pyroute2=theirs, ours=ours)
    note = f"decoding the messages of {len(messages)} real servers, time of pyroute2 / the agent's"
    return [Figure("pyroute2", note, ratios(found["pyroute2"], found["ours"]))]
