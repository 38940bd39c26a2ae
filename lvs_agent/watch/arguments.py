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
        help="report services and real servers that go down, are lost, or come back",
        description="Looks at the director at intervals and reports each change that two"
        " successive looks agree on: services go down (no real server up) or up, real servers go"
        " down (weight 0) or up, either are lost (gone from the table) or found again, and"
        " lvsAgentStatus changes. Each event is an entry in the journal, with fields: journalctl -t"
        " lvs-agent LVS_EVENT=server-lost. It is also a notification of LVS-MIB, which net-snmp's"
        " agentxtrap (Debian: package snmp) passes to the local snmpd. snmpd.conf needs the line"
        " 'master agentx', and a line trapsink, trap2sink, informsink or trapsess for each"
        " receiver. While snmpd is not running, notifications wait. More than ten changes at once"
        " become one summary. After a restart, what has been reported is not reported again. If"
        " stderr is not the journal, events are printed there too. Run this command as root, or as"
        " the service lvs-agent-watch, which is off until you enable it.",
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
        help="look this often (default %(default)g), or less often if looks, with the collector's"
        " part, would take more than 5%% of one processor",
    )
    command.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="keep what has been reported in this folder (default $STATE_DIRECTORY, or"
        f" {WATCH_DIRECTORY} if that is not set)",
    )
    command.add_argument(
        "--agentx",
        metavar="ADDRESS",
        help="send notifications to snmpd at this AgentX socket, as agentXSocket in snmpd.conf"
        " names it (default /var/agentx/master)",
    )
    command.add_argument(
        "--journal-only", action="store_true", help="write to the journal; send no notifications"
    )
