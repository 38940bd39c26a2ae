# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of lvs-agent and their options, with the texts of --help.

The man page is generated from the same texts (tools/manpage).
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path
from typing import Any, Iterable, List, NoReturn

from lvs_agent import __version__, log
from lvs_agent.aliases import ALIASES
from lvs_agent.boundary.connections import COLLECTOR_SOCKET
from lvs_agent.collector.lost import LOST_SECONDS
from lvs_agent.collector.statefile import STATE_DIRECTORY
from lvs_agent.pollers import arguments as pollers
from lvs_agent.pollers.graph import arguments as graph
from lvs_agent.responder.feed import Patience
from lvs_agent.watch import arguments as watch

DAY_SECONDS = 86400
ABOUT = """\
Serves the tables of a Linux Virtual Server director (IPVS) over SNMP.

Add to snmpd.conf:
  pass_persist .1.3.6.1.4.1.8225.4711 /usr/bin/lvs-agent pass-persist
  view systemonly included .1.3.6.1.4.1.8225.4711
Restart snmpd (a reload is not enough) and query it:
  snmpwalk -v2c -c public -m LVS-MIB -Pe localhost lvs
Print the same objects without snmpd:
  lvs-agent walk
"""


class _Parser(argparse.ArgumentParser):
    """A parser that reports errors where they can be read: in syslog for snmpd's child."""

    _commands: Iterable[str] = ()
    _mixing = False

    def error(self, message: str) -> NoReturn:
        if self.prog.endswith("pass-persist"):
            log.start(None)
            log.log.error("%s: %s; see lvs-agent pass-persist --help", self.prog, message)
        if self.prog.rpartition(" ")[2] in pollers.REFUSING:
            pollers.refuse(self.prog, message)
        super().error(message)

    def add_subparsers(self, **keywords: Any) -> Any:
        """Add the commands, and remember their names: they parse their own arguments."""
        action = super().add_subparsers(**keywords)
        self._commands = action.choices
        return action

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """Accept a command's options anywhere among its other arguments, as other programs do.

        The command's own parser reports unrecognized arguments, since it knows how to.
        """
        words = sys.argv[1:] if args is None else list(args)
        if self._mixing:
            return super().parse_known_args(args, namespace)
        if self._commands:
            self._refuse_no_command(words)
            return super().parse_known_args(args, namespace)
        self._refuse_unknown(words)
        self._mixing = True  # up to Python 3.11 the next call calls this method again
        try:
            known, left = self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False
        if left:
            self.error(f"unrecognized arguments: {' '.join(left)}")
        return known, left

    def _refuse_no_command(self, words: List[str]) -> None:
        """Print the help if there is no word or help, and report a word that is not a command.

        These parsers have only options without a value, so the first word that is not an option
        names the command.
        """
        if not words or words == ["help"]:
            self.print_help()
            self.exit(0 if words else 2)
        options = list(itertools.takewhile(lambda word: word.startswith("-"), words))
        self._refuse_unknown(options)
        left = words[len(options) :]
        if left and left[0] not in self._commands:
            self.error(f"unknown command: {left[0]}{_suggestion(left[0], self._commands)}")

    def _refuse_unknown(self, words: List[str]) -> None:
        """Report an unknown option, before its value is taken for another argument."""
        for word in itertools.takewhile(lambda word: word != "--", words):
            name = word.partition("=")[0]
            known = any(option.startswith(name) for option in self._option_string_actions)
            # in a command's arguments, -5 may be a value
            if name.startswith("-" if self._commands else "--") and not known:
                suggestion = _suggestion(name, self._option_string_actions)
                self.error(f"unknown option: {name}{suggestion}")


def _suggestion(word: str, names: Iterable[str]) -> str:
    """Return a question about the name that is most like the word; empty if none is."""
    import difflib  # here so that it does not delay the start of pass-persist

    near = difflib.get_close_matches(word, list(names), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _days(text: str) -> float:
    """Return the number of days that text gives."""
    return pollers.number(text, "days")


def parser() -> argparse.ArgumentParser:
    """Return a parser of all commands; it stores the given one in the attribute command."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="lvs-agent", description=ABOUT, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"lvs-agent {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    source = _Parser(add_help=False)
    source.add_argument(
        "--collector",
        type=Path,
        metavar="PATH",
        help=f"connect to the collector's socket at this path. The default is {COLLECTOR_SOCKET};"
        " if that does not exist or this user may not connect to it, lvs-agent runs a child"
        " collector, which without CAP_NET_ADMIN reads only the world-readable /proc/net/ip_vs",
    )
    source.add_argument(
        "--aliases",
        type=Path,
        metavar="FILE",
        help=f"take the aliases of services, servers and addresses from this file (default"
        f" {ALIASES}; with --replay, none)",
    )
    source.add_argument(
        "--no-legacy",
        action="store_true",
        help="leave out the legacy objects, of the LVS-MIB of 2001 (.1 to .18)",
    )

    common = _Parser(add_help=False)
    common.add_argument(
        "--replay", type=Path, metavar="DIR", help="answer from a recording, not from the kernel"
    )
    common.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="keep row numbers and counters in this folder (default $STATE_DIRECTORY, or"
        f" {STATE_DIRECTORY} if that is not set)",
    )
    common.add_argument(
        "--lost-time",
        type=_days,
        default=LOST_SECONDS / DAY_SECONDS,
        metavar="DAYS",
        help="count a service or real server that was there and is gone as lost for this long"
        " (default %(default)g), never with 0: for directors whose servers an autoscaler adds and"
        " removes",
    )
    logs = _Parser(add_help=False)
    logs.add_argument("--log", type=Path, metavar="FILE", help="append log messages to this file")

    patience = Patience()
    command = commands.add_parser(
        "pass-persist",
        parents=[source, common, logs],
        help="answer snmpd, which starts this command",
        description="Answers snmpd's requests on standard input and output. Writes nothing to"
        " standard error.",
    )
    command.add_argument(
        "--max-age",
        type=pollers.seconds,
        default=patience.max_age,
        metavar="SECONDS",
        help="fetch a new snapshot when the last one is older than this (default %(default)g)",
    )
    command.add_argument(
        "--deadline",
        type=pollers.seconds,
        default=patience.deadline,
        metavar="SECONDS",
        help="wait at most this long for a new snapshot, while snmpd answers no other client"
        " (default %(default)g)",
    )
    command.add_argument(
        "--expire",
        type=pollers.seconds,
        default=patience.expire,
        metavar="SECONDS",
        help="when no new snapshot arrives and the last one is older than this, leave out all"
        " measured values (default %(default)g)",
    )
    command.add_argument(
        "--no-early-pong",
        action="store_true",
        help="answer each PING of snmpd only when it has arrived. By default, if the parent"
        " process is snmpd, each reply includes the answer to the next PING, which makes walks"
        " faster",
    )

    command = commands.add_parser(
        "collector",
        parents=[common, logs],
        help="read the kernel's tables for responders, which lack the privilege",
        description="Sends a snapshot to each client that connects to its socket. Needs"
        " CAP_NET_ADMIN.",
    )
    command.add_argument(
        "--listen",
        type=Path,
        metavar="PATH",
        help="create a socket at this path; not needed if systemd passes a socket",
    )

    command = commands.add_parser(
        "record",
        help="save the kernel's replies",
        description="Saves the kernel's netlink replies and /proc files in a new folder, for a"
        " test or a bug report. Other commands answer from them with --replay DIR, also on another"
        " architecture.",
    )
    command.add_argument("folder", type=Path, metavar="DIR")
    command.set_defaults(log=None)

    command = commands.add_parser(
        "walk",
        parents=[source, common, logs],
        help="print all objects, without snmpd",
        description="Prints all objects in order, in the format of snmpwalk -On.",
    )

    command = commands.add_parser(
        "forget",
        parents=[pollers.service()],
        help="forget services and real servers that are lost",
        description="Orders the collector to forget rows that are lost, for instance after you have"
        " removed real servers for good. The collector follows at its next snapshot: the rows leave"
        " lvsLostVsTable and lvsLostRsTable, and their services no longer lack them. A service"
        " stands for its real servers too. Write a row as ipvsadm prints it or with ipvsadm's"
        " options; write each of several rows in quotes. Run it as root.",
    )
    command.add_argument(
        "--collector",
        type=Path,
        metavar="PATH",
        help=f"order the collector that listens at this path (default {COLLECTOR_SOCKET})",
    )
    command.add_argument("--all", action="store_true", help="forget all lost rows")
    command.add_argument(
        "rows",
        nargs="*",
        metavar="ROW",
        help="a service, or one of its real servers: 'TCP 192.0.2.10:443',"
        " 'TCP 192.0.2.10:443 -> 192.168.0.1:8080'",
    )

    watch.add(commands, pollers.seconds)

    commands.add_parser(
        "mib",
        help="print the path of LVS-MIB",
        description="Prints the path of LVS-MIB, the file that describes every object. net-snmp's"
        ' tools accept this path with -m: snmpwalk -m "$(lvs-agent mib)".',
    )

    command = commands.add_parser(
        "doctor",
        help="find faults on this machine and the commands that fix them",
        description="Checks each step from the kernel to snmpd's answer. Prints a line for each"
        " finding and, below it, the command that fixes it. Changes nothing. Run it as root: other"
        " users cannot see everything it checks. Exit status: 0 if nothing is wrong, 1 if something"
        " is, 3 if nothing wrong was found but something could not be checked.",
    )
    command.add_argument("--json", action="store_true", help="print the findings as JSON")

    pollers.add(commands)
    graph.add(commands)
    return parser
