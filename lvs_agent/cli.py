# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of lvs-agent. This is the only module that wires the others together."""

from __future__ import annotations

import argparse
import gc
import io
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import List, Optional

from lvs_agent import log
from lvs_agent.aliases import ALIASES, AliasFile
from lvs_agent.arguments import DAY_SECONDS, parser
from lvs_agent.boundary.child import ChildCollector
from lvs_agent.boundary.connections import COLLECTOR_SOCKET, Listener, activated, listen_at
from lvs_agent.codes import Status
from lvs_agent.collector.forgetting import ForgetFile, beside
from lvs_agent.collector.history import History
from lvs_agent.collector.server import Collector, serve
from lvs_agent.collector.statefile import STATE_DIRECTORY
from lvs_agent.errors import CommandError, UsageError, reason
from lvs_agent.extra import missing
from lvs_agent.kernel import procfs
from lvs_agent.kernel.recording import RecordingError, RecordingKernel, ReplayedKernel
from lvs_agent.kernel.source import Kernel, LiveKernel
from lvs_agent.kernel.survey import Survey
from lvs_agent.mib import installed, lvs, text
from lvs_agent.responder.backend import LvsBackend
from lvs_agent.responder.connector import Connector
from lvs_agent.responder.feed import Feed, Patience
from lvs_agent.responder.parent import process_name, process_started
from lvs_agent.watch.arguments import WATCH_DIRECTORY

# in seconds; walk answers a person, who would rather wait for a large director than see nothing
WALK_DEADLINE = 30.0


def main(argv: Optional[List[str]] = None) -> int:
    """Run a command and return its exit status.

    0 is done, 1 failed, 2 wrong arguments, 130 interrupted. doctor and check have others; see
    their --help.
    """
    argv = sys.argv[1:] if argv is None else argv
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a name may contain characters that the terminal's encoding lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    if argv[:1] == ["pass-persist"] and not os.isatty(2):
        log.silence_stderr()
    args = parser().parse_args(argv)
    try:
        status = COMMANDS[args.command](args)
        sys.stdout.flush()  # here, so that a reader that has gone is noticed here
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # the reader of the output (head, for instance) has gone: let the flush at exit succeed
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except UsageError as error:
        log.log.error("%s", error)
        return 2
    except ImportError as error:
        log.log.error("%s", missing(error))
        return 1
    except (CommandError, RecordingError) as error:
        log.log.error("%s", error)
        return 1
    except OSError as error:
        log.log.error("%s", reason(error))
        return 1


def pass_persist(args: argparse.Namespace) -> int:
    """Answer snmpd, which starts this command."""
    # KeyboardInterrupt would be lost where Python ignores exceptions, in a finalizer for instance
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    log.start(args.log)
    _disable_cycle_collector()
    from lvs_agent.responder.passpersist import PassPersist  # only this command needs its package

    connector = _connector(args)
    feed = Feed(connector.connect, Patience(args.max_age, args.deadline, args.expire))
    parent = os.getppid()
    backend = LvsBackend(feed, _aliases(args), process_started(parent), not args.no_legacy)
    early_pong = not args.no_early_pong and process_name(parent) == "snmpd"
    try:
        PassPersist(lvs.LVS, backend, early_pong=early_pong).run()
    finally:
        connector.close()
    return 0


def walk(args: argparse.Namespace) -> int:
    """Print every object in order, without snmpd."""
    log.start(args.log, stderr=logging.ERROR)
    connector = _connector(args)
    feed = Feed(connector.connect, Patience(deadline=WALK_DEADLINE))
    try:
        snapshot = feed.current()
        aliases = _aliases(args)
        if aliases is not None:
            aliases.fill_in(snapshot)
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        for varbind in lvs.tree(snapshot, now, not args.no_legacy).walk():
            print(text.line(lvs.LVS, varbind))
        if snapshot.status != Status.OK:
            sys.stdout.flush()
            print(f"lvs-agent: {snapshot.text}", file=sys.stderr)
    finally:
        feed.close()
        connector.close()
    return 0


def collector(args: argparse.Namespace) -> int:
    """Run the process that reads the kernel's tables."""
    log.start(args.log, stderr=logging.INFO)
    listeners = activated()
    if not listeners:
        if args.listen is None:
            raise CommandError("no socket from systemd; name one with --listen PATH")
        listeners = [listen_at(args.listen)]
    _collect(args, *listeners)
    return 0


def record(args: argparse.Namespace) -> int:
    """Save the kernel's replies, for a test or a report."""
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


def forget(args: argparse.Namespace) -> int:
    """Order the collector to forget rows that are lost."""
    log.start(None, stderr=logging.ERROR)
    from lvs_agent import forget  # here for the same reason as those below

    return forget.run(args)


def watch(args: argparse.Namespace) -> int:
    """Report services and real servers that go down, are lost, or come back."""
    log.start(None, stderr=logging.INFO)
    _disable_cycle_collector()
    from lvs_agent.watch import watching

    return watching.run(args, args.state or _state_directory(WATCH_DIRECTORY))


def mib(args: argparse.Namespace) -> int:
    """Print the path of LVS-MIB's file."""
    log.start(None, stderr=logging.ERROR)
    path = installed.find()
    if path is None:
        raise CommandError(f"{installed.NAME} was not installed with {__file__}")
    print(path)
    return 0


def doctor(args: argparse.Namespace) -> int:
    """Report what is right and wrong between the kernel and snmpwalk."""
    log.start(None, stderr=logging.ERROR)
    # imported here so that it does not delay the start of pass-persist
    from lvs_agent.doctor import report
    from lvs_agent.doctor.machine import Machine

    findings = report.examine(Machine())
    print(report.as_json(findings) if args.json else report.text(findings))
    return report.exit_status(findings)


def oid(args: argparse.Namespace) -> int:
    """Translate words to an OID, and an OID back to words."""
    _start_poller()
    from lvs_agent.pollers import oid  # here for the same reason, as are those below

    return oid.run(args)


def mrtg(args: argparse.Namespace) -> int:
    """Run as an external program of MRTG."""
    _start_poller()
    from lvs_agent.pollers import mrtg

    return mrtg.run(args)


def check(args: argparse.Namespace) -> int:
    """Run as a plugin of Nagios."""
    _start_poller()
    try:
        from lvs_agent.pollers import check
    except ImportError as error:
        print(f"LVS UNKNOWN - {missing(error)}")
        return 3
    return check.run(args)


def graph(args: argparse.Namespace) -> int:
    """Update round-robin files, or draw pictures of them."""
    _start_poller()
    from lvs_agent.pollers.graph import commands

    return commands.run(args)


COMMANDS = {
    "pass-persist": pass_persist,
    "collector": collector,
    "record": record,
    "walk": walk,
    "forget": forget,
    "watch": watch,
    "mib": mib,
    "doctor": doctor,
    "oid": oid,
    "mrtg": mrtg,
    "check": check,
    "graph": graph,
}


def _start_poller() -> None:
    """Start a command for pollers. SIGINT ends it at once, as SIGTERM does.

    KeyboardInterrupt would wait for name lookups and for the threads that query directors.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    log.start(None, stderr=logging.ERROR)


def _disable_cycle_collector() -> None:
    """Disable the cycle collector: records hold no cycles, so reference counts free them all.

    With 10,000 real servers it takes half of the time of a snapshot.
    """
    gc.disable()


def _collect(args: argparse.Namespace, *listeners: Listener) -> None:
    _disable_cycle_collector()
    kernel: Kernel = ReplayedKernel(args.replay) if args.replay else LiveKernel()
    files = [ForgetFile(beside(listener.path())) for listener in listeners]
    history = History(_state(args), args.lost_time * DAY_SECONDS, files)
    serve(Collector(kernel, history), *listeners)


def _connector(args: argparse.Namespace) -> Connector:
    child = ChildCollector(lambda listener: _collect(args, listener))
    if args.replay and args.collector:
        raise CommandError("--replay: not allowed with --collector")
    if args.replay:
        ReplayedKernel(args.replay)  # reports an error in it here, not in the child
        return Connector(None, child)
    if args.collector:
        return Connector(args.collector, None)
    return Connector(COLLECTOR_SOCKET, child)


def _aliases(args: argparse.Namespace) -> Optional[AliasFile]:
    """Return the file of aliases; None for a recording, unless --aliases names one."""
    if args.aliases is None and args.replay:
        return None  # this machine's names are not those of the recorded director
    return AliasFile(args.aliases or ALIASES)


def _state(args: argparse.Namespace) -> Optional[Path]:
    """Return the state directory; None for a recording, unless --state names one."""
    if args.state or args.replay:
        return Path(args.state) if args.state else None
    return _state_directory(STATE_DIRECTORY)


def _state_directory(default: Path) -> Path:
    """Return the folder that systemd has made; without it, the default."""
    named = os.environ.get("STATE_DIRECTORY", "").split(":")[0]  # systemd.exec(5): may list several
    return Path(named or default)
