# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of lvs-agent; the only place that wires the modules together."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import time
from pathlib import Path
from typing import List, NoReturn, Optional

from lvs_agent import __version__, log, mib, procfs, snmpwalk
from lvs_agent.collector import Collector, serve
from lvs_agent.connections import (
    COLLECTOR_SOCKET,
    Connector,
    Listener,
    OwnCollector,
    activated,
    listen_at,
)
from lvs_agent.feed import Feed, Patience
from lvs_agent.history import History
from lvs_agent.kernel import Kernel, LiveKernel, RecordingError, RecordingKernel, ReplayedKernel
from lvs_agent.responder import Responder, process_started
from lvs_agent.snapshot import Status
from lvs_agent.survey import Survey

STATE_DIRECTORY = Path("/var/lib/lvs-agent")

# walk answers a person, who would rather wait for a large director than see nothing
WALK_DEADLINE = 30.0

ABOUT = """\
Serves the tables of a Linux Virtual Server director (IPVS) to SNMP.

In snmpd.conf:
  pass_persist .1.3.6.1.4.1.8225.4711 /usr/bin/lvs-agent pass-persist
  view systemonly included .1.3.6.1.4.1.8225.4711
Then restart snmpd (a reload is not enough), and look:
  snmpwalk -v2c -c public -m +LVS-MIB localhost lvs
Without snmpd:
  lvs-agent walk
"""


class CommandError(Exception):
    """What ends a command: one line that names the place and the remedy."""


def main(argv: Optional[List[str]] = None) -> int:
    """Run a command; the exit status: 0 done, 1 failed, 2 wrong arguments, 130 interrupted."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["pass-persist"] and not os.isatty(2):
        log.silence_stderr()
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # the reader of our output went away, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except (CommandError, RecordingError, OSError) as error:
        log.log.error("%s", error)
        return 1


def pass_persist(args: argparse.Namespace) -> int:
    """What snmpd runs."""
    log.start(args.log)
    _leave_garbage()
    from lvs_agent.passpersist import PassPersist  # the others do without its package

    feed = Feed(_connector(args).connect, Patience(args.max_age, args.deadline, args.expire))
    responder = Responder(feed, process_started(os.getppid()), not args.no_legacy)
    PassPersist(mib.LVS, responder).run()
    return 0


def walk(args: argparse.Namespace) -> int:
    """Every object in order, without snmpd."""
    log.start(args.log, stderr=logging.ERROR)
    connector = _connector(args)
    feed = Feed(connector.connect, Patience(deadline=WALK_DEADLINE))
    try:
        snapshot = feed.current()
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        for varbind in mib.view(snapshot, now, not args.no_legacy).walk():
            print(snmpwalk.line(mib.LVS, varbind))
        if snapshot.status != Status.OK:
            sys.stdout.flush()
            print(f"lvs-agent: {snapshot.text}", file=sys.stderr)
    finally:
        feed.close()
        connector.close()
    return 0


def collector(args: argparse.Namespace) -> int:
    """The process that reads the kernel's tables."""
    log.start(args.log, stderr=logging.INFO)
    listener = activated()
    if listener is None:
        if args.listen is None:
            raise CommandError("systemd has passed no socket, so name one: --listen PATH")
        listener = listen_at(args.listen)
    _collect(args, listener)
    return 0


def record(args: argparse.Namespace) -> int:
    """What the kernel says, for a test or a report."""
    log.start(args.log, stderr=logging.ERROR)
    kernel = RecordingKernel()
    survey = Survey(kernel)
    snapshot = survey.take()
    survey.attempt(lambda: kernel.read(procfs.IP_VS))
    kernel.save(args.folder)
    kernel.close()
    servers = sum(len(service.real_servers) for service in snapshot.services)
    print(f"{args.folder}: {len(snapshot.services)} virtual services, {servers} real servers")
    if snapshot.status != Status.OK:
        print(f"lvs-agent: {snapshot.text}", file=sys.stderr)
    return 0


def _leave_garbage() -> None:
    """Records hold no cycles, so reference counts free them all.

    With 10,000 real servers the cycle collector takes half of the time of a snapshot.
    """
    gc.disable()


def _collect(args: argparse.Namespace, listener: Listener) -> None:
    _leave_garbage()
    kernel: Kernel = ReplayedKernel(args.replay) if args.replay else LiveKernel()
    serve(Collector(kernel, History(_state(args))), listener)


def _connector(args: argparse.Namespace) -> Connector:
    own = OwnCollector(lambda listener: _collect(args, listener))
    if args.replay and args.collector:
        raise CommandError("a recording needs no collector: --replay or --collector, not both")
    if args.replay:
        ReplayedKernel(args.replay)  # so that an error in it is this command's own
        return Connector(None, own)
    if args.collector:
        return Connector(args.collector, None)
    return Connector(COLLECTOR_SOCKET, own)


def _state(args: argparse.Namespace) -> Optional[Path]:
    """Where row numbers are kept; nowhere for a recording, unless it is asked for."""
    if args.state or args.replay:
        return Path(args.state) if args.state else None
    named = os.environ.get("STATE_DIRECTORY", "").split(":")[0]  # systemd.exec(5): may be several
    return Path(named or STATE_DIRECTORY)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments where it can be read: for snmpd's child in syslog."""

    def error(self, message: str) -> NoReturn:
        if self.prog.endswith("pass-persist"):
            log.start(None)
            log.log.error("%s: %s; see lvs-agent pass-persist --help", self.prog, message)
        super().error(message)


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="lvs-agent", description=ABOUT, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"lvs-agent {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    source = _Parser(add_help=False)
    source.add_argument(
        "--collector",
        type=Path,
        metavar="PATH",
        help=f"the collector's socket; without it {COLLECTOR_SOCKET} is tried, then a collector"
        " of its own with what privilege there is, down to the world-readable /proc/net/ip_vs",
    )
    source.add_argument(
        "--no-legacy",
        action="store_true",
        help="leave out the objects of the LVS-MIB of 2001 (.1 to .18)",
    )

    common = _Parser(add_help=False)
    common.add_argument(
        "--replay", type=Path, metavar="DIR", help="a recording in place of the kernel"
    )
    common.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help=f"where row numbers are kept; else $STATE_DIRECTORY, else {STATE_DIRECTORY}",
    )
    logs = _Parser(add_help=False)
    logs.add_argument("--log", type=Path, metavar="FILE", help="log there, not to syslog")

    patience = Patience()
    command = commands.add_parser(
        "pass-persist",
        parents=[source, common, logs],
        help="answer snmpd; what its pass_persist line runs",
        description="Answers snmpd on standard input and output. Nothing goes to standard error.",
    )
    command.add_argument(
        "--max-age",
        type=_seconds,
        default=patience.max_age,
        metavar="SECONDS",
        help="how old a snapshot may be before the next is fetched (default %(default)g)",
    )
    command.add_argument(
        "--deadline",
        type=_seconds,
        default=patience.deadline,
        metavar="SECONDS",
        help="how long an answer may wait for it; snmpd answers nobody meanwhile"
        " (default %(default)g)",
    )
    command.add_argument(
        "--expire",
        type=_seconds,
        default=patience.expire,
        metavar="SECONDS",
        help="how old the last snapshot may get when no other comes, before all that is measured"
        " is left out (default %(default)g)",
    )
    command.set_defaults(run=pass_persist)

    command = commands.add_parser(
        "collector",
        parents=[common, logs],
        help="read the kernel's tables for those who may not",
        description="Hands a snapshot to whoever connects to its socket. Needs CAP_NET_ADMIN.",
    )
    command.add_argument(
        "--listen", type=Path, metavar="PATH", help="make a socket there; systemd passes one"
    )
    command.set_defaults(run=collector)

    command = commands.add_parser(
        "record",
        help="save what the kernel says",
        description="Saves the kernel's netlink replies and /proc files in a new folder, for a"
        " test or a report; --replay DIR of the other commands answers from it.",
    )
    command.add_argument("folder", type=Path, metavar="DIR")
    command.set_defaults(run=record, log=None)

    command = commands.add_parser(
        "walk",
        parents=[source, common, logs],
        help="print every object, without snmpd",
        description="Prints every object in order, as snmpwalk -On does.",
    )
    command.set_defaults(run=walk)
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds")
    return seconds
