# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of lvs-agent graph, with the texts of --help."""

from __future__ import annotations

import argparse
from pathlib import Path

from lvs_agent.pollers.arguments import DIRECTOR, SNMP_CONF, Commands, asking

STEP = 300  # seconds, as usual with Cacti, MRTG and Munin
COARSER = 1800  # seconds between two values of the next archive, see files.ARCHIVES
DAY = 86400  # seconds
SHORTEST_STEP = 10  # the kernel updates counters every 2 s, and a snapshot may be 5 s old


def add(commands: Commands) -> None:
    """Add the command graph, with its own commands."""
    graph = commands.add_parser(
        "graph",
        help="store values with rrdtool and draw them",
        description="Stores connections, packets and bytes of each virtual service, real server,"
        " VIP and RIP, and the numbers of what is up and lost, in round-robin files of rrdtool(1),"
        " for a year and more, and draws them.",
    )
    own = graph.add_subparsers(dest="graph", metavar="COMMAND", required=True)
    _add_update(own)
    _add_draw(own)
    _add_page(own)


def _add_update(commands: Commands) -> None:
    command = commands.add_parser(
        "update",
        parents=[asking()],
        help="query directors and store their values",
        description="Queries each DIRECTOR once and writes to DIR/DIRECTOR/, where a service's file"
        " is TCP_192.0.2.10_443.rrd, and that of its real server"
        " TCP_192.0.2.10_443_to_192.168.0.1_8080.rrd. The files of the sums over their addresses"
        " are VIP_192.0.2.10.rrd and RIP_192.168.0.1.rrd. Run it from a timer or cron, once per"
        " step. Unknown values become gaps, for example while a service does not exist, while"
        " counters are frozen, or where they were reset."
        f" {SNMP_CONF}",
    )
    command.add_argument("directors", metavar="DIRECTOR", nargs="+", help=DIRECTOR)
    command.add_argument(
        "--into", type=Path, metavar="DIR", required=True, help="write the files to this folder"
    )
    command.add_argument(
        "--step",
        type=_step,
        default=STEP,
        metavar="SECONDS",
        help="the time between two runs, a divisor of 1800; applies to new files only"
        " (default %(default)d)",
    )


def _add_draw(commands: Commands) -> None:
    command = commands.add_parser(
        "draw",
        parents=[_selecting(), _looking()],
        help="draw a picture of stored values",
        description="Draws a picture of the selected services or real servers, of all services if"
        " nothing is selected. Traffic in is above the axis, traffic out below.",
    )
    command.add_argument(
        "kind",
        choices=[
            *("active", "bits", "conns", "servers", "packets"),
            *("packet-size", "bits-per-conn", "packets-per-conn"),
        ],
        metavar="KIND",
        help="active (active and inactive connections), bits (bits/s), conns (new connections/s),"
        " servers (real servers that are up, at weight 0 and lost, or services of a VIP), packets"
        " (packets/s), packet-size (bytes/packet), bits-per-conn or packets-per-conn (averages for"
        " each new connection)",
    )
    command.add_argument(
        *("-o", "--output"),
        type=Path,
        metavar="FILE",
        required=True,
        help="the picture to write, SVG if its name ends in .svg, else PNG",
    )
    command.add_argument(
        "--stack",
        choices=["service", "server", "director"],
        metavar="service|server|director",
        help="draw each service (or VIP or RIP), real server or director in a colour of its own; by"
        " default, draw"
        " their sum",
    )
    command.add_argument(
        "--period",
        choices=["day", "week", "month", "year"],
        default="day",
        metavar="day|week|month|year",
        help="draw the last day, week, month or year (default %(default)s)",
    )
    command.add_argument(
        "--start", metavar="TIME", help="start at this time, as in rrdfetch(1); overrides --period"
    )
    command.add_argument(
        "--end", default="now", metavar="TIME", help="end at this time (default %(default)s)"
    )
    command.add_argument("--title", default="", help="the title of the picture")
    command.add_argument(
        "--width",
        type=_pixels,
        default=600,
        metavar="PIXELS",
        help="the length of the time axis (default %(default)d)",
    )
    command.add_argument(
        "--height",
        type=_pixels,
        default=150,
        metavar="PIXELS",
        help="the length of the value axis (default %(default)d)",
    )


def _add_page(commands: Commands) -> None:
    command = commands.add_parser(
        "page",
        parents=[_selecting(), _looking()],
        help="make an HTML page of pictures",
        description="Makes an index with a table of the selected services, VIPs and RIPs and"
        " pictures of the busiest services, and a page for each, with pictures of the last day,"
        " week, month and year. On the page of a service, every real server has a colour of its"
        " own; on that of a VIP or RIP, every service. Open DIR/index.html in a browser; no web"
        " server is needed.",
    )
    command.add_argument(
        "--into", type=Path, metavar="DIR", required=True, help="write the page to this folder"
    )
    command.add_argument(
        "--redraw",
        action="store_true",
        help="draw all pictures, even those that are less than a pixel out of date, without a time"
        " limit",
    )
    command.add_argument(
        "--time-limit",
        type=_seconds,
        default=60,
        metavar="SECONDS",
        help="draw the pictures of the index, then for this time the others, the most out of date"
        " first; the next runs draw the rest (default %(default)d)",
    )


def _selecting() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--from",
        dest="folder",
        type=Path,
        metavar="DIR",
        required=True,
        help="the folder that graph update writes to",
    )
    for name, metavar, text in (
        ("--director", "DIRECTOR", "only this director's services"),
        (
            "--service",
            "SERVICE",
            "only this service: 'TCP 192.0.2.10:443', 'FWM 5'; or only the sum over an address,"
            " from its own file: 'VIP 192.0.2.10', 'RIP 192.168.0.1'",
        ),
        ("--vip", "ADDRESS", "only services at this address, from the file of each"),
        ("--port", "PORT", "only services with this port"),
        ("--real-server", "ADDRESS", "only real servers with this address"),
        ("--real-port", "PORT", "only real servers with this port"),
    ):
        options.add_argument(
            name,
            action="append",
            default=[],
            metavar=metavar,
            help=f"{text}; may be repeated",
        )
    return options


def _looking() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--inactive-below",
        action="store_true",
        help="draw inactive connections below the axis, not stacked on the active ones",
    )
    return options


def _step(text: str) -> int:
    if not text.isdecimal() or int(text) < SHORTEST_STEP or COARSER % int(text):
        raise argparse.ArgumentTypeError(
            f"not {SHORTEST_STEP} to {COARSER} seconds that divide {COARSER}: {text}"
        )
    return int(text)


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) > DAY:
        raise argparse.ArgumentTypeError(f"not a number from 0 to {DAY}: {text}")
    return int(text)


def _pixels(text: str) -> int:
    if not text.isdecimal() or not 50 <= int(text) <= 10000:
        raise argparse.ArgumentTypeError(f"not a number from 50 to 10000: {text}")
    return int(text)
