# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: lvs-agent watch on a director, and the snmptrapd that its snmpd notifies."""

from __future__ import annotations

from pathlib import Path
from typing import List

from tests.support.paths import CHECKOUT

# two polls of the lab follow each event, 10 s apart; two looks fit between them
INTERVAL = 5
# a line for each notification
_CONFIGURATION = "disableAuthorization yes\nformat2 %v\\n\n"


def receiver(folder: Path, log: Path, port: int) -> List[str]:
    """Write the configuration of snmptrapd to a folder, and return its command."""
    configuration = folder / "snmptrapd.conf"
    configuration.write_text(_CONFIGURATION)
    return [
        *("env", f"SNMP_PERSISTENT_DIR={folder}/snmptrapd", f"SNMPCONFPATH={folder}"),
        *("snmptrapd", "-f", "-Lf", str(log), "-C", "-c", str(configuration)),
        *("-m", "LVS-MIB", "-M", f"{CHECKOUT}/mibs:/usr/share/snmp/mibs"),
        f"udp:127.0.0.1:{port}",
    ]


def watch(agent: str, folder: Path) -> List[str]:
    """Return the command that watches the director of a folder."""
    return [
        *(agent, "watch", "--interval", str(INTERVAL), "--collector", f"{folder}/collector.sock"),
        *("--state", f"{folder}/watch", "--agentx", f"{folder}/agentx"),
    ]
