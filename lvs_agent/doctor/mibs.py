# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the client: that net-snmp's tools find LVS-MIB and the modules it needs."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import List

import lvs_agent
from lvs_agent.doctor.finding import Finding, note, ok
from lvs_agent.doctor.machine import Machine
from lvs_agent.doctor.remedy import Remedy, append, both, command

FILE = "/usr/share/snmp/mibs/LVS-MIB.txt"
# a checkout has it beside the package
SOURCE = Path(lvs_agent.__file__).parent.parent / "mibs" / "LVS-MIB.txt"
ERLANG = "/usr/lib/erlang/lib"


def look(machine: Machine) -> List[Finding]:
    """Return findings, as snmptranslate reports them. Polling by OID needs none of these files."""
    # a temporary folder, in which releases up to 5.8 may save their index of MIB files
    with tempfile.TemporaryDirectory(prefix="lvs-agent-") as folder:
        command = ["snmptranslate", "-On", "-m", "+LVS-MIB", "LVS-MIB::lvsAgentStatus"]
        done = machine.run(command, {"SNMP_PERSISTENT_DIR": folder})
    if done is None:
        if machine.exists(FILE):
            return [ok("mib", f"{FILE} is there")]
        return [note("mib", f"{FILE} is not there: pollers that want names need it", _copy())]
    lost = re.findall(r"Cannot find module \(([^)]+)\)", done.err)
    if "LVS-MIB" in lost or done.status != 0:
        text = "net-snmp's tools do not find LVS-MIB: names are not known"
        return [note("mib", text, _copy())]
    needed = re.findall(r"Cannot find module \(([^)]+)\): At line \d+ in \S*LVS-MIB", done.err)
    if needed:
        text = f"LVS-MIB is found, not the modules it needs ({', '.join(needed)}): instances are"
        return [note("mib", f"{text} printed as numbers", _bring(machine))]
    return [ok("mib", "net-snmp's tools find LVS-MIB and the modules it needs")]


def _copy() -> Remedy:
    return command("cp", str(SOURCE) if SOURCE.exists() else SOURCE.name, FILE)


def _bring(machine: Machine) -> Remedy:
    """Return the command that adds the IETF modules, which Debian's net-snmp packages lack."""
    folders = [name for name in machine.names(ERLANG) if name.startswith("snmp-")]
    if folders:
        return append(machine, f"mibdirs +{ERLANG}/{folders[-1]}/mibs", "/etc/snmp/snmp.conf")
    if machine.exists("/usr/bin/dnf"):
        return command("dnf", "reinstall", "net-snmp-libs")
    # their folder is not known before they are installed, so doctor runs again
    return both(command("apt", "install", "erlang-snmp"), command("lvs-agent", "doctor"))
