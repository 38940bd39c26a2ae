# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of the command watch, with the texts of --help."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from lvs_agent.aliases import ALIASES
from lvs_agent.boundary.connections import COLLECTOR_SOCKET

WATCH_DIRECTORY = Path("/var/lib/lvs-agent-watch")
INTERVAL = 10.0  # seconds


def add(commands: Any, seconds: Callable[[str], float]) -> None:
    """Add the command to argparse's subparsers; seconds converts an argument."""
    command = commands.add_parser(
        "watch",
        help="tell of services and real servers that go down, are lost, or come back",
        description="Looks at the director at intervals, and tells of each change that lasts for"
        " two looks: services and real servers that go down (no server up; weight 0), come up, are"
        " lost (they were there and are gone) or found, and changes of lvsAgentStatus. Each is an"
        " entry in the journal, with fields: journalctl -t lvs-agent LVS_EVENT=server-lost. Each is"
        " also a notification of LVS-MIB, which net-snmp's agentxtrap (Debian: package snmp) gives"
        " to the local snmpd. That needs the line 'master agentx' in snmpd.conf, and its lines"
        " trapsink, trap2sink, informsink or trapsess name the receivers. While snmpd is away,"
        " notifications wait. More than ten changes at once make one summary. What has been told is"
        " kept over restarts. Where stderr is not the journal, events are printed there too. Run it"
        " as root, or as the service lvs-agent-watch, which is off until you enable it.",
    )
    command.add_argument(
        "--collector",
        type=Path,
        default=COLLECTOR_SOCKET,
        metavar="PATH",
        help="connect to the collector's socket at this path (default %(default)s)",
    )
    command.add_argument(
        "--aliases",
        type=Path,
        default=ALIASES,
        metavar="FILE",
        help="take the aliases of services and servers from this file (default %(default)s)",
    )
    command.add_argument(
        "--interval",
        type=seconds,
        default=INTERVAL,
        metavar="SECONDS",
        help="look this often (default %(default)g); less often where the looks, with the"
        " collector's part, would take more than 5%% of a processor",
    )
    command.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="keep what has been told in this folder (default $STATE_DIRECTORY, or"
        f" {WATCH_DIRECTORY} if that is not set)",
    )
    command.add_argument(
        "--agentx",
        metavar="ADDRESS",
        help="send notifications to snmpd at this AgentX socket, as agentXSocket in snmpd.conf"
        " names it (default /var/agentx/master)",
    )
    command.add_argument(
        "--journal-only", action="store_true", help="write to the journal, send no notifications"
    )
