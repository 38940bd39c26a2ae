# SPDX-License-Identifier: GPL-3.0-or-later
"""On a real kernel with IPVS, in the lab's guest: beside keepalived, and beside ipvsadm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import List

from tests.bench.report import Figure, Goal
from tests.bench.rounds import ratios, say
from tests.support.guests import boot
from tests.support.snmpd import AGENT


def keepalived(folder: Path) -> List[Figure]:
    """keepalived's AgentX tables of the same services."""
    say("  a guest in which both are walked, about two minutes")
    measured = json.loads(_measured(boot(folder, "keepalived", AGENT)))
    assert all(each["keepalived"][0] == 2000 for each in measured), measured
    rates = {
        side: [varbinds / seconds for varbinds, seconds in (each[side] for each in measured)]
        for side in ("agent", "keepalived")
    }
    note = (
        "varbinds/s of lvsRsTable / those of keepalived's realServerTable, 200 services of 10"
        " servers, in one guest and behind one snmpd; of keepalived's table one column of 2000"
        " rows a round, from its beginning, middle and end, of lvsRsTable all 40,000 varbinds"
    )
    return [
        Figure("keepalived", note, ratios(rates["agent"], rates["keepalived"]), goal=Goal("≥", 20)),
        Figure("rate-guest", "varbinds/s of lvsRsTable there", rates["agent"], "/s"),
        Figure("rate-keepalived", "varbinds/s of keepalived there", rates["keepalived"], "/s"),
    ]


def collection(folder: Path) -> List[Figure]:
    """Collecting 1000 services of 10 servers, and ipvsadm's listing of them."""
    say("  a guest in which both are timed, about a minute")
    measured = json.loads(_measured(boot(folder, "measure", AGENT)))
    seconds = measured["seconds"]
    listing = seconds["ipvsadm"][::2]  # the first of two a round
    note = "with 1000 services of 10 servers, in one guest, / ipvsadm -Ln --stats --exact"
    return [
        Figure(
            "collection",
            f"collecting {note}",
            ratios(seconds["collection"], listing),
            goal=Goal("≤", 1),
        ),
        Figure(
            "snapshot",
            f"the same up to the last byte at the responder's end of the socket {note}",
            ratios(seconds["snapshot"], listing),
        ),
        Figure(
            "memory-guest",
            "the largest resident sets of responder and collector there, all counters 0",
            [sum(measured["kilobytes"].values()) / 1024],
            "MiB",
        ),
    ]


def _measured(folder: Path) -> str:
    return (folder / "measured.json").read_text()
