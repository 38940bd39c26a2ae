# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of lvs-agent graph: update, draw, page."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections import Counter
from typing import List, Sequence

from lvs_agent import log
from lvs_agent.errors import UsageError
from lvs_agent.pollers.graph import files, picture
from lvs_agent.pollers.graph import page as pages
from lvs_agent.pollers.graph.picture import PERIODS, Look
from lvs_agent.pollers.graph.selection import selection


def run(args: argparse.Namespace) -> int:
    """Run the command of args.graph; return 0, or 1 if parts failed, with a line each on stderr.

    Raises CommandError and OSError if the command as a whole fails.
    """
    errors = {"update": update, "draw": draw, "page": page}[args.graph](args)
    for error in errors:
        log.log.error("%s", error)
    return 1 if errors else 0


def update(args: argparse.Namespace) -> List[str]:
    """Query directors and save their values; return the errors."""
    # imported here, since drawing needs no pysnmp
    from lvs_agent.netsnmp import snmpconf
    from lvs_agent.pollers.client import Client
    from lvs_agent.pollers.director import Director, parse_director
    from lvs_agent.pollers.graph import update

    directors: List[Director] = [parse_director(text) for text in args.directors]
    _check_folders([str(director) for director in directors])
    with contextlib.ExitStack() as stack:
        clients = []
        for director in directors:
            asked = snmpconf.read(director.host, args.snmp_conf, os.environ)
            clients.append(stack.enter_context(Client(director, asked, update.SECONDS)))
        return update.update(clients, args.into, args.step, time.time)


def draw(args: argparse.Namespace) -> List[str]:
    """Draw one picture; return the errors."""
    start = args.start or f"end-{PERIODS[args.period]}s"
    look = Look(start, args.end, args.inactive_below, args.width, args.height)
    return picture.draw(args.folder, selection(args), args.kind, look, args.title, args.output)


def page(args: argparse.Namespace) -> List[str]:
    """Write a page; return the errors."""
    return pages.draw(
        args.folder,
        selection(args),
        args.inactive_below,
        args.redraw,
        args.time_limit,
        args.into,
        time.time(),
    )


def _check_folders(directors: Sequence[str]) -> None:
    for name, count in Counter(map(files.folder_of, directors)).items():
        if count > 1:
            raise UsageError(f"{name}: this folder would be that of {count} directors")
