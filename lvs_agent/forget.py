# SPDX-License-Identifier: GPL-3.0-or-later
"""The command forget: orders a collector to forget rows that are lost."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import List, Sequence

from lvs_agent.boundary.connections import COLLECTOR_SOCKET, connect_to
from lvs_agent.codes import Status
from lvs_agent.collector import forgetting
from lvs_agent.collector.forgetting import Order
from lvs_agent.collector.server import SHARE_SECONDS
from lvs_agent.errors import CommandError, UsageError
from lvs_agent.pollers import parsing
from lvs_agent.pollers.naming import NamingError, Row
from lvs_agent.responder.feed import Feed, Patience

DEADLINE = 30.0  # seconds for a snapshot


def run(args: argparse.Namespace) -> int:
    """Append the orders, and return the exit status.

    Raises CommandError naming the rows that are not lost, after the others were ordered.
    """
    if args.all == bool(args.rows or args.options):
        raise UsageError("name the rows to forget, or use --all")
    socket = args.collector or COLLECTOR_SOCKET
    rows = [] if args.all else _rows(args.rows, args.options)
    unknown = _not_lost(socket, rows)
    if unknown:  # the collector may have answered with a snapshot from before they went
        time.sleep(SHARE_SECONDS)
        unknown = _not_lost(socket, rows)
    now = time.time()
    orders = [
        Order(now, str(row.service), str(row.server or "")) for row in rows if row not in unknown
    ]
    orders = orders or [Order(now, "", "")] if args.all else orders
    forgetting.append(forgetting.beside(socket), orders)
    if unknown:
        raise CommandError(f"not lost: {', '.join(map(str, unknown))}")
    return 0


def _rows(texts: Sequence[str], options: Sequence[str]) -> List[Row]:
    """Return the rows that arguments name: one row in several words, or a row in each."""
    try:
        rows = [parsing.parse([*texts, *options])]
    except NamingError:
        if options or len(texts) < 2:
            raise
        rows = [parsing.parse([text]) for text in texts]
    for row in rows:
        if row.service.port is None:
            raise NamingError(f"{row}: port missing")
    return rows


def _not_lost(socket: Path, rows: Sequence[Row]) -> List[Row]:
    """Return the rows that a collector does not list as lost; none if it can't be asked."""
    feed = Feed(lambda: connect_to(socket), Patience(deadline=DEADLINE))
    try:
        snapshot = feed.current()
    finally:
        feed.close()
    if snapshot.status == Status.NO_COLLECTOR or snapshot.lost_is_cut_off:
        return []
    listed = {row.name for row in snapshot.lost} | {row.service for row in snapshot.lost}
    return [row for row in rows if str(row) not in listed]
