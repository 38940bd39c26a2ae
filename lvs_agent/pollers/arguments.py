# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of the pollers' commands, with the texts of --help."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NoReturn, Optional, Sequence, Union

Commands = Any  # returned by argparse's add_subparsers; it has no public name

SERVICE_WORDS = (
    "A SERVICE is named as ipvsadm prints it (TCP 192.0.2.10:443, UDP [2001:db8::53]:53, FWM 5,"
    " FWM 5 IPv6), or with ipvsadm's options; with host and port names, too. A protocol other than"
    " TCP, UDP and SCTP is IP with its number (IP33 192.0.2.10:80)."
)
DIRECTOR = "host, host:port or [address]:port of a director's snmpd"
SERVICE = 'as ipvsadm prints it; a real server of it after "->"'
SNMP_CONF = "Versions, communities, users and keys are those of net-snmp's snmp.conf(5)."


# exit statuses for wrong arguments, of commands that report them in one line
REFUSING = {"oid": 2, "mrtg": 2, "check": 3}


class _Word(argparse.Action):
    """An action that keeps an option of ipvsadm as its words."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Union[str, Sequence[Any], None],
        option_string: Optional[str] = None,
    ) -> None:
        """Append the words to options."""
        found = [option_string, *([values] if isinstance(values, str) else [])]
        namespace.options = [*(namespace.options or []), *found]


def refuse(prog: str, message: str) -> NoReturn:
    """Print the error in the arguments of a command in REFUSING, and exit."""
    status = REFUSING[prog.rpartition(" ")[2]]
    if status == 2:
        print(f"{prog}: {message}; see {prog} --help", file=sys.stderr)
    else:  # unknown and on standard output, by the guidelines for plugins
        print(f"LVS UNKNOWN - {message}; see {prog} --help")
    sys.exit(status)


def add(commands: Commands) -> None:
    """Add the commands."""
    _add_oid(commands)
    _add_mrtg(commands)
    _add_check(commands)


def seconds(text: str) -> float:
    """Return the number of seconds that text gives."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"not a number of seconds: {text}")
    return seconds


def asking() -> argparse.ArgumentParser:
    """Return the options of all commands that query directors."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--snmp-conf",
        type=Path,
        metavar="FILE",
        help="take communities, users and keys from there; else from all the files that net-snmp"
        " reads: /etc/snmp/snmp.conf, ~/.snmp/snmp.conf, and hosts/DIRECTOR.conf beside them",
    )
    return options


def service() -> argparse.ArgumentParser:
    """Return ipvsadm's options for a service; their words go to options of the parsed arguments."""
    words = argparse.ArgumentParser(add_help=False)
    for names, metavar, text in (
        (("-t", "--tcp-service"), "ADDRESS", "the TCP service at host:port"),
        (("-u", "--udp-service"), "ADDRESS", "the UDP service at host:port"),
        (("--sctp-service",), "ADDRESS", "the SCTP service at host:port"),
        (("-f", "--fwmark-service"), "MARK", "the service of a firewall mark"),
        (("-r", "--real-server", "->"), "ADDRESS", "a real server of the service, host:port"),
    ):
        words.add_argument(
            *names, action=_Word, dest="options", default=[], metavar=metavar, help=text
        )
    words.add_argument(
        *("-6", "--ipv6"),
        action=_Word,
        dest="options",
        nargs=0,
        help="the firewall mark is of IPv6",
    )
    return words


def _add_oid(commands: Commands) -> None:
    command = commands.add_parser(
        "oid",
        parents=[service()],
        help="an object and a service to their OID, or back",
        description="Prints the OID of an object of LVS-MIB for a service, and for an OID, in"
        f" numbers or as net-snmp prints it, the object and the service. {SERVICE_WORDS} A service"
        " without a port (TCP 192.0.2.10) gives what the OIDs of all services at that address"
        " begin with, to be walked; the port 0 is :0.",
    )
    command.add_argument(
        "object", metavar="OBJECT", help="its name, such as lvsVsInBytes, or an OID"
    )
    command.add_argument("service", nargs="*", default=[], metavar="SERVICE", help=SERVICE)


def _add_mrtg(commands: Commands) -> None:
    command = commands.add_parser(
        "mrtg",
        parents=[service(), asking()],
        help="what MRTG asks of an external program",
        description="Prints four lines for MRTG: values in and out, up time, and name. The values"
        " are counters of new connections (the same twice), of packets, of bytes, or the numbers"
        " of active and of inactive connections, each summed over the directors; one that lacks"
        " the service counts as 0. If a director does not answer, both are UNKNOWN and the exit"
        f" status is 1. {SERVICE_WORDS} {SNMP_CONF}",
    )
    command.add_argument("directors", metavar="DIRECTOR[,DIRECTOR...]", help=DIRECTOR)
    command.add_argument("service", nargs="*", default=[], metavar="SERVICE", help=SERVICE)
    command.add_argument(
        "kind",
        choices=["conns", "packets", "bytes", "active"],
        metavar="conns|packets|bytes|active",
        help="which two values",
    )


def _add_check(commands: Commands) -> None:
    command = commands.add_parser(
        "check",
        parents=[service(), asking()],
        help="a plugin for Nagios and Icinga",
        description="Checks a director: how many real servers are up (weight above 0) of all that"
        " each service has, that the service asked for is there, that statistics move, and that"
        " what the agent says is fresh. Without a SERVICE it checks all there are, and without a"
        " port all at that address. Output, performance data and exit status are those of the"
        " Monitoring Plugins guidelines: 0 ok, 1 warning, 2 critical, 3 unknown, also for wrong"
        f" arguments. {SERVICE_WORDS} {SNMP_CONF}",
    )
    command.add_argument(
        *("-w", "--warning"),
        default="100%:",
        metavar="RANGE",
        help="warn if the number of real servers that are up, or with %% their share, is outside"
        " (default 100%%:, which is all)",
    )
    command.add_argument(
        *("-c", "--critical"),
        default="1:",
        metavar="RANGE",
        help="critical if it is outside, and always if no server is up (default 1:)",
    )
    command.add_argument(
        "--age",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="warn if the agent's snapshot is older (default %(default)g)",
    )
    command.add_argument(
        *("-v", "--verbose"),
        action="count",
        default=0,
        help="print a line for each service",
    )
    command.add_argument("director", metavar="DIRECTOR", help=DIRECTOR)
    command.add_argument("service", nargs="*", default=[], metavar="SERVICE", help=SERVICE)
