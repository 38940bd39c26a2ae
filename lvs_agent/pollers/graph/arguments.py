# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of lvs-agent graph, with the texts of --help."""

from __future__ import annotations

import argparse
from pathlib import Path

from lvs_agent.pollers.arguments import DIRECTOR, SNMP_CONF, Commands, asking

STEP = 300  # seconds, as usual with Cacti, MRTG and Munin
COARSER = 1800  # seconds between two values of the next archive, see files.ARCHIVES
SHORTEST_STEP = 10  # the kernel updates counters every 2 s, and a snapshot may be 5 s old


def add(commands: Commands) -> None:
    """Add the command graph, with its own commands."""
    graph = commands.add_parser(
        "graph",
        help="keep values with rrdtool and draw them",
        description="Keeps connections, packets and bytes of each virtual service and real server"
        " in round-robin files of rrdtool(1), for a year and more, and draws them.",
    )
    own = graph.add_subparsers(dest="graph", metavar="COMMAND", required=True)
    _add_update(own)
    _add_draw(own)
    _add_page(own)


def _add_update(commands: Commands) -> None:
    command = commands.add_parser(
        "update",
        parents=[asking()],
        help="ask directors and keep what they say",
        description="Asks each DIRECTOR once and writes into DIR/DIRECTOR/, where a service's file"
        " is TCP_192.0.2.10_443.rrd, and that of its real server"
        " TCP_192.0.2.10_443_to_192.168.0.1_8080.rrd. A timer or cron runs it every step. What is"
        " not known is a gap: a service that is gone, counters that were reset or stand still."
        f" {SNMP_CONF}",
    )
    command.add_argument("directors", metavar="DIRECTOR", nargs="+", help=DIRECTOR)
    command.add_argument(
        "--into", type=Path, metavar="DIR", required=True, help="the folder of the files"
    )
    command.add_argument(
        "--step",
        type=_step,
        default=STEP,
        metavar="SECONDS",
        help="the time between two runs, for files that are new; it divides 1800"
        " (default %(default)d)",
    )


def _add_draw(commands: Commands) -> None:
    command = commands.add_parser(
        "draw",
        parents=[_selecting(), _looking()],
        help="draw a picture",
        description="Draws a picture of what is selected, of all services if nothing is. What came"
        " in is above the axis, what went out below.",
    )
    command.add_argument(
        "kind",
        choices=["active", "conns", "packets", "bits"],
        metavar="KIND",
        help="active (active and inactive connections), conns (new connections/s), packets"
        " (packets/s) or bits (bits/s)",
    )
    command.add_argument(
        *("-o", "--output"),
        type=Path,
        metavar="FILE",
        required=True,
        help="the picture, SVG if its name ends so, else PNG",
    )
    command.add_argument(
        "--stack",
        choices=["service", "server", "director"],
        metavar="service|server|director",
        help="give each service, real server or director a colour of its own; without it their sum"
        " is drawn",
    )
    command.add_argument(
        "--period",
        choices=["day", "week", "month", "year"],
        default="day",
        metavar="day|week|month|year",
        help="the time that is shown, up to now (default %(default)s)",
    )
    command.add_argument(
        "--start", metavar="TIME", help="begin there, in place of --period; as in rrdfetch(1)"
    )
    command.add_argument("--end", default="now", metavar="TIME", help="end there, not now")
    command.add_argument("--title", default="", help="write that above the picture")
    command.add_argument(
        "--width", type=_pixels, default=600, metavar="PIXELS", help="of the axis of time"
    )
    command.add_argument(
        "--height", type=_pixels, default=150, metavar="PIXELS", help="of the axis of values"
    )


def _add_page(commands: Commands) -> None:
    command = commands.add_parser(
        "page",
        parents=[_selecting(), _looking()],
        help="make a page of pictures for a browser",
        description="Makes a page with pictures of a day for each selected service, and for each a"
        " page of its own with those of day, week, month and year, where every real server has a"
        " colour. Open DIR/index.html in a browser: no server is needed.",
    )
    command.add_argument(
        "--into", type=Path, metavar="DIR", required=True, help="the folder of the page"
    )
    command.add_argument(
        "--redraw",
        action="store_true",
        help="draw all pictures, also those that are not a pixel behind",
    )


def _selecting() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--from",
        dest="folder",
        type=Path,
        metavar="DIR",
        required=True,
        help="the folder of the files that graph update keeps",
    )
    for name, metavar, text in (
        ("--director", "DIRECTOR", "only what this director has"),
        ("--service", "SERVICE", "only this service: 'TCP 192.0.2.10:443', 'FWM 5'"),
        ("--vip", "ADDRESS", "only services at this address"),
        ("--port", "PORT", "only services at this port"),
        ("--real-server", "ADDRESS", "only what went to this real server"),
        ("--real-port", "PORT", "only what went to this port of real servers"),
    ):
        options.add_argument(
            name,
            action="append",
            default=[],
            metavar=metavar,
            help=f"{text}; may be given several times",
        )
    return options


def _looking() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--inactive-below",
        action="store_true",
        help="draw inactive connections below the axis, not on top of the active ones",
    )
    return options


def _step(text: str) -> int:
    if not text.isdecimal() or int(text) < SHORTEST_STEP or COARSER % int(text):
        raise argparse.ArgumentTypeError(
            f"{text} is not a step: {SHORTEST_STEP} to {COARSER} seconds, dividing {COARSER}"
        )
    return int(text)


def _pixels(text: str) -> int:
    if not text.isdecimal() or not 50 <= int(text) <= 10000:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 50 to 10000")
    return int(text)
