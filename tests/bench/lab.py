# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparisons with keepalived and ipvsadm on a real kernel with IPVS, in the lab's guest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import List

from tests.bench.report import Figure, Goal
from tests.bench.rounds import ratios, say
from tests.support.guests import boot
from tests.support.snmpd import AGENT


def keepalived(folder: Path) -> List[Figure]:
    """Compare with keepalived's AgentX table of the same services."""
    say("  walking both in a guest, about two minutes")
    measured = json.loads(_measured(boot(folder, "keepalived", AGENT)))
    assert all(each[side][0] == 2000 for each in measured for side in ("keepalived", "agent"))
    polls = [[each[f"{side}-poll"] for each in measured] for side in ("agent", "keepalived")]
    rates = {
        side: [varbinds / seconds for varbinds, seconds in (each[side] for each in measured)]
        for side in ("agent", "keepalived")
    }
    note = (
        "varbinds/s of lvsRsTable / of keepalived's realServerTable, with 200 services of 10"
        " servers, in one guest and behind one snmpd; a round walks the same column of both tables"
    )
    return [
        Figure("keepalived", note, ratios(rates["agent"], rates["keepalived"]), goal=Goal("≥", 20)),
        Figure("rate-guest", "varbinds/s of lvsRsTable there", rates["agent"], "/s"),
        Figure("rate-keepalived", "varbinds/s of realServerTable there", rates["keepalived"], "/s"),
        Figure(
            "poll-keepalived",
            "processor time of snmpd and agent / of snmpd and keepalived there, for a poll of four"
            " columns of each service",
            ratios(*polls),
        ),
    ]


def collection(folder: Path) -> List[Figure]:
    """Compare collecting 1000 services of 10 servers with ipvsadm listing them."""
    say("  timing both in a guest, about a minute")
    measured = json.loads(_measured(boot(folder, "measure", AGENT)))
    seconds = measured["seconds"]
    listing = seconds["ipvsadm"]
    note = "1000 services of 10 servers / of ipvsadm -Ln --stats --exact, in one guest"
    return [
        Figure(
            "collection",
            f"time of collecting {note}",
            ratios(seconds["collection"], listing),
            goal=Goal("≤", 1),
        ),
        Figure(
            "snapshot",
            f"time up to the last byte at the responder's end of the socket, collecting {note}",
            ratios(seconds["snapshot"], listing),
        ),
        Figure(
            "memory-guest",
            "the peak resident sets of responder and collector there, with all counters 0",
            [sum(measured["kilobytes"].values()) / 1024],
            "MiB",
        ),
    ]


def _measured(folder: Path) -> str:
    return (folder / "measured.json").read_text()
