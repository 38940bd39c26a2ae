# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of the pollers' commands, with the texts of --help."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any, NoReturn, Optional, Sequence, Union

Commands = Any  # returned by argparse's add_subparsers; it has no public name

ADDRESS_WORDS = (
    "Write VIP 192.0.2.10, or the address alone, for the sums over the services of a virtual"
    " address, and RIP 192.168.0.1 for the sums over all rows of a real server's address."
)
SERVICE_WORDS = (
    "Write a SERVICE as ipvsadm prints it (TCP 192.0.2.10:443, UDP [2001:db8::53]:53, FWM 5,"
    " FWM 5 IPv6) or with ipvsadm's options; host and port names are accepted. Write a protocol"
    " other than TCP, UDP and SCTP as IP and its number (IP33 192.0.2.10:80)."
)
DIRECTOR = "a director's snmpd: HOST, HOST:PORT or [ADDRESS]:PORT"
SERVICE = 'a virtual service, or one of its real servers: SERVICE "->" HOST:PORT'
SNMP_CONF = "SNMP versions, communities, users and keys are read from net-snmp's snmp.conf(5)."


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
    return number(text, "seconds")


def number(text: str, of: str) -> float:
    """Return the number that text gives, from 0 on; of is for the error."""
    with contextlib.suppress(ValueError):
        found = float(text)
        if 0 <= found < float("inf"):
            return found
    raise argparse.ArgumentTypeError(f"not a number of {of}: {text}")


def asking() -> argparse.ArgumentParser:
    """Return the options of all commands that query directors."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--snmp-conf",
        type=Path,
        metavar="FILE",
        help="read communities, users and keys from this file; by default, from all files that"
        " net-snmp reads: /etc/snmp/snmp.conf, ~/.snmp/snmp.conf, and hosts/DIRECTOR.conf beside"
        " them",
    )
    return options


def service() -> argparse.ArgumentParser:
    """Return ipvsadm's options for a service; their words go to options of the parsed arguments."""
    words = argparse.ArgumentParser(add_help=False)
    for names, metavar, text in (
        (("-t", "--tcp-service"), "ADDRESS", "the TCP service at HOST:PORT"),
        (("-u", "--udp-service"), "ADDRESS", "the UDP service at HOST:PORT"),
        (("--sctp-service",), "ADDRESS", "the SCTP service at HOST:PORT"),
        (("-f", "--fwmark-service"), "MARK", "the service of a firewall mark"),
        (("-r", "--real-server", "->"), "ADDRESS", "the service's real server at HOST:PORT"),
    ):
        words.add_argument(
            *names, action=_Word, dest="options", default=[], metavar=metavar, help=text
        )
    words.add_argument(
        *("-6", "--ipv6"),
        action=_Word,
        dest="options",
        nargs=0,
        help="the firewall mark is for IPv6",
    )
    return words


def _add_oid(commands: Commands) -> None:
    command = commands.add_parser(
        "oid",
        parents=[service()],
        help="translate an object and a service to an OID, or an OID back",
        description="Prints the OID of an LVS-MIB object for a service. For an OID, in numbers or"
        f" as net-snmp prints it, prints the object and the service. {SERVICE_WORDS} For a service"
        " without a port (TCP 192.0.2.10), prints the prefix of the OIDs of all services at that"
        " address, for a walk; write port 0 as :0. For an object of VIPs or RIPs, such as"
        " lvsVipInBytes, write the address alone (192.0.2.10, 2001:db8::10).",
    )
    command.add_argument(
        "object", metavar="OBJECT", help="the name of an object, such as lvsVsInBytes, or an OID"
    )
    command.add_argument("service", nargs="*", default=[], metavar="SERVICE", help=SERVICE)


def _add_mrtg(commands: Commands) -> None:
    command = commands.add_parser(
        "mrtg",
        parents=[service(), asking()],
        help="print values for MRTG, as its external program",
        description="Prints four lines for MRTG: the values in and out, the uptime, and the name of"
        " the director, followed in parentheses by the alias of the row, if it has one."
        " The values are counters of new connections (the same twice), packets or bytes, or the"
        " numbers of active and inactive connections, each summed over the directors; a director"
        " without the row counts as 0. If a director does not answer, both values are UNKNOWN"
        f" and the exit status is 1. {SERVICE_WORDS} {ADDRESS_WORDS} {SNMP_CONF}",
    )
    command.add_argument("directors", metavar="DIRECTOR[,DIRECTOR...]", help=DIRECTOR)
    command.add_argument(
        "service", nargs="*", default=[], metavar="SERVICE", help=f"{SERVICE}; or a VIP or a RIP"
    )
    command.add_argument(
        "kind",
        choices=["conns", "packets", "bytes", "active"],
        metavar="conns|packets|bytes|active",
        help="the two values to print",
    )


def _add_check(commands: Commands) -> None:
    command = commands.add_parser(
        "check",
        parents=[service(), asking()],
        help="check a director, as a plugin for Nagios and Icinga",
        description="Checks that enough real servers of each service are up (weight above 0), that"
        " no service is lost, that the given service exists, that statistics are not frozen, and"
        " that the agent's snapshot is not too old. The servers of a service are those that are"
        " present and those that are lost (see lvs-agent forget). A lost service, and a director"
        " without services, are critical. Without a SERVICE, checks all services; without a port,"
        " all services at that address. For a VIP, checks that each of its services has a server"
        " that is up; for a RIP, that the server is up in each of its services. Ranges then apply"
        " to the number of services. An alias follows the name in parentheses. Times are the local"
        " time of the machine that checks. Output, performance data and exit status follow the"
        " Monitoring Plugins guidelines: 0 for ok, 1 for warning, 2 for critical, 3 for unknown and"
        f" for wrong arguments. {SERVICE_WORDS} {ADDRESS_WORDS} {SNMP_CONF}",
    )
    command.add_argument(
        *("-w", "--warning"),
        default="100%:",
        metavar="RANGE",
        help="warn if the number of real servers up, or with %% their share, is outside this range"
        " (default 100%%:, all of them)",
    )
    command.add_argument(
        *("-c", "--critical"),
        metavar="RANGE",
        help="report critical if this number or share is outside this range, and always if no"
        " server is up (default 1:; for a VIP 100%%:)",
    )
    command.add_argument(
        "--age",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="warn if the agent's snapshot is older than this (default %(default)g)",
    )
    command.add_argument(
        "--standby",
        action="store_true",
        help="the director may have no services, or no ip_vs: report ok then, also if all services"
        " are lost",
    )
    command.add_argument(
        "--perfdata",
        choices=["all", "sums", "none"],
        default="all",
        metavar="all|sums|none",
        help="performance data of each service, their sums (for directors with many services), or"
        " none (default %(default)s)",
    )
    command.add_argument(
        *("-v", "--verbose"),
        action="count",
        default=0,
        help="print a line for each service",
    )
    command.add_argument("director", metavar="DIRECTOR", help=DIRECTOR)
    command.add_argument(
        "service",
        nargs="*",
        default=[],
        metavar="SERVICE",
        help="the services to check, or a VIP or a RIP (default: all services)",
    )
