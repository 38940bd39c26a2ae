# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the client: that net-snmp's tools find LVS-MIB and the modules it needs."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import List

from lvs_agent.doctor.finding import Finding, note, ok
from lvs_agent.doctor.machine import Machine
from lvs_agent.doctor.remedy import Remedy, append, both, command, own
from lvs_agent.mib import installed

FILE = "/usr/share/snmp/mibs/LVS-MIB.txt"
SNMP_CONF = "/etc/snmp/snmp.conf"
ERLANG = "/usr/lib/erlang/lib"


def look(machine: Machine) -> List[Finding]:
    """Return findings, as snmptranslate reports them. Polling by OID needs none of these files."""
    # a temporary folder, in which releases up to 5.8 may save their index of MIB files
    with tempfile.TemporaryDirectory(prefix="lvs-agent-") as folder:
        command = ["snmptranslate", "-On", "-m", "+LVS-MIB", "LVS-MIB::lvsAgentStatus"]
        done = machine.run(command, {"SNMP_PERSISTENT_DIR": folder})
    if done is None:
        if machine.exists(FILE):
            return [ok("mib", f"{FILE}: installed")]
        return [note("mib", f"{FILE}: not installed; pollers need it to use names", _copy(machine))]
    lost = re.findall(r"Cannot find module \(([^)]+)\)", done.err)
    if "LVS-MIB" in lost or done.status != 0:
        text = "net-snmp's tools do not find LVS-MIB, so they know none of its names"
        return [note("mib", text, _copy(machine))]
    needed = re.findall(r"Cannot find module \(([^)]+)\): At line \d+ in \S*LVS-MIB", done.err)
    if needed:
        text = f"net-snmp's tools find LVS-MIB, but not {', '.join(needed)}, which it needs:"
        return [note("mib", f"{text} instances are printed as numbers", _bring(machine))]
    return [ok("mib", "net-snmp's tools find LVS-MIB and the modules it needs")]


def _copy(machine: Machine) -> Remedy:
    """Return the command that copies the file to, or names, net-snmp's default folder."""
    found = installed.find()
    if found == Path(FILE):
        return append(machine, SNMP_CONF, f"mibdirs +{found.parent}", section="snmp")
    return command("cp", "--backup=numbered", str(found or installed.NAME), FILE)


def _bring(machine: Machine) -> Remedy:
    """Return the command that adds the IETF modules, which Debian's net-snmp packages lack."""
    folders = [name for name in machine.names(ERLANG) if name.startswith("snmp-")]
    if folders:
        return append(machine, SNMP_CONF, f"mibdirs +{ERLANG}/{folders[-1]}/mibs", section="snmp")
    if machine.exists("/usr/bin/dnf"):
        return command("dnf", "reinstall", "net-snmp-libs")
    # their folder is not known before they are installed, so doctor runs again
    return both(command("apt", "install", "erlang-snmp"), own("doctor"))
