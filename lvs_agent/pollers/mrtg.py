# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent mrtg: the four lines that an external program prints for MRTG (mrtg-reference(1))."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from html import escape
from typing import List, Sequence, Tuple, Union

from lvs_agent import log
from lvs_agent.errors import UsageError
from lvs_agent.netsnmp import snmpconf
from lvs_agent.pollers import limit, parsing, ready
from lvs_agent.pollers.client import Client, gather
from lvs_agent.pollers.director import DirectorError, parse_director
from lvs_agent.pollers.naming import AddressRow, Named, Row
from lvs_agent.pollers.services import check_table, is_known

# the columns of both lines, without the prefix of their table
KINDS = {
    "conns": ("Conns", "Conns"),
    "packets": ("InPkts", "OutPkts"),
    "bytes": ("InBytes", "OutBytes"),
    "active": ("ActiveConns", "InactConns"),
}
SCALARS = ("lvsAgentStatus", "lvsAgentStatusText", "lvsAgentSource", "sysUpTime", "sysName")
UNKNOWN = "UNKNOWN"
SECONDS = 55.0  # for all, with the lookup of the service's name; client.SECONDS is for a director


@dataclass(frozen=True)
class Answer:
    """A director's answer: both values, 0 if it has no such row; uptime in seconds; its name.

    alias is that of the row, "" if it has none.
    """

    values: Tuple[int, int]
    uptime: float
    name: str
    alias: str


def run(args: argparse.Namespace) -> int:
    """Print the lines; return 1 if the values are UNKNOWN, with the reasons on standard error.

    Raises UsageError, and CredentialsError for a file.
    """
    late = DirectorError(f"{args.directors}: not finished within {SECONDS:g} s")
    with limit.within(SECONDS, lambda: say([late]), 1):
        return _run(args)


def _run(args: argparse.Namespace) -> int:
    row = parsing.parse_named([*args.service, *args.options])
    if isinstance(row, Row) and row.service.port is None:
        raise UsageError(
            f"{row.service}: port missing; write :0 for the service of all other ports"
        )
    clients = []
    for text in args.directors.split(","):
        director = parse_director(text)
        asked = snmpconf.read(director.host, args.snmp_conf, os.environ)
        clients.append(Client(director, asked))
    answers = gather(clients, lambda client: ask(client, row, args.kind))
    for client in clients:
        client.close()
    return say(answers)


def say(answers: Sequence[Union[Answer, DirectorError]]) -> int:
    """Print the lines and the errors, and return the exit status."""
    print("\n".join(lines(answers)))
    errors = [answer for answer in answers if isinstance(answer, DirectorError)]
    for error in errors:
        log.log.error("%s", error)
    return 1 if errors else 0


def ask(client: Client, row: Named, kind: str) -> Answer:
    """Return one director's answer."""
    # a column that each row of the table has
    present = "Services" if isinstance(row, AddressRow) else "Name"
    names = [f"{row.table}{column}" for column in (present, *KINDS[kind], "Alias")]
    wanted = [(name, row.instance) for name in names]
    wanted += [(name, (0,)) for name in SCALARS]
    found, one, other, alias, status, text, source, ticks, name = ready.get(client, wanted)
    if status is None:
        raise client.unserved()
    if found is None and is_known(status, source):
        if isinstance(row, AddressRow):
            check_table(client, row)
        one = other = 0
    if not isinstance(one, int) or not isinstance(other, int):
        raise DirectorError(f"{client.director}: {names[1]} unknown: {text!s}")
    uptime = ticks / 100 if isinstance(ticks, int) else 0.0
    director = name if isinstance(name, str) else str(client.director)
    return Answer((one, other), uptime, director, alias if isinstance(alias, str) else "")


def lines(answers: Sequence[Union[Answer, DirectorError]]) -> List[str]:
    """Return the sums of both values and, for MRTG's page, uptimes, names and aliases.

    The sums are UNKNOWN if a director gives no values: without these they would fall, and MRTG
    would take their later rise for traffic. Names are escaped, since MRTG writes them as HTML.
    """
    known = [answer for answer in answers if isinstance(answer, Answer)]
    if len(known) < len(answers):
        values = [UNKNOWN, UNKNOWN]
    else:
        values = [str(sum(answer.values[place] for answer in known)) for place in (0, 1)]
    uptimes = " + ".join(_up(answer.uptime) for answer in known)
    names = " + ".join(answer.name for answer in known)
    aliases = ", ".join(dict.fromkeys(answer.alias for answer in known if answer.alias))
    return [*values, uptimes, escape(f"{names} ({aliases})" if aliases else names)]


def _up(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days} days, {hour}:{minute:02}:{second:02}"
