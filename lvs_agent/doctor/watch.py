# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of lvs-agent watch, if its service is enabled: that it runs, and can reach snmpd."""

from __future__ import annotations

import os
import re
import stat
from typing import Dict, List, Optional

from lvs_agent.doctor.asking import by_hand
from lvs_agent.doctor.finding import Finding, note, ok, unseen, wrong
from lvs_agent.doctor.machine import Machine, user_name
from lvs_agent.doctor.passline import Snmpd
from lvs_agent.doctor.remedy import command
from lvs_agent.doctor.snmpd import install

UNIT = "lvs-agent-watch.service"
AGENTX_SOCKET = "/var/agentx/master"  # NETSNMP_AGENTX_SOCKET of net-snmp
PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,ExecStart"
# the lines of snmpd.conf(5) that name receivers
SINKS = ("trapsink", "trap2sink", "informsink", "trapsess")
_ON = ("agentx", "all", "yes", "on", "1")  # agentx_parse_master() of net-snmp


def look(machine: Machine, snmpd: Optional[Snmpd]) -> List[Finding]:
    """Return findings on the service and its connection to snmpd; none if it is off."""
    unit = _unit(machine)
    enabled = unit.get("UnitFileState") in ("enabled", "enabled-runtime")
    if unit.get("LoadState") != "loaded" or not (enabled or unit.get("ActiveState") != "inactive"):
        return []
    match = re.search(r"argv\[\]=(.*?) ; ", unit.get("ExecStart", ""))
    words = match[1].split() if match is not None else []
    findings = [_runs(unit, enabled)]
    if "--journal-only" in words:
        return findings
    if machine.find("agentxtrap") is None:
        text = "the watch sends no notifications: agentxtrap is not installed"
        return [*findings, note("watch", text, install(machine, "snmp", "net-snmp"))]
    if snmpd is not None:
        findings += by_hand(machine, snmpd, _snmpd(machine, snmpd, words))
    return findings


def _unit(machine: Machine) -> Dict[str, str]:
    show = ["systemctl", "show", "--no-pager", "-p", PROPERTIES, UNIT]
    done = machine.run(show) if machine.systemd else None
    pairs = (line.partition("=") for line in (done.out if done is not None else "").splitlines())
    unit = {name: value for name, _, value in pairs}
    return unit if unit.get("Id") == UNIT else {}


def _runs(unit: Dict[str, str], enabled: bool) -> Finding:
    if unit.get("ActiveState") == "failed" or unit.get("SubState") == "auto-restart":
        result = f"{unit.get('Result')}, {unit.get('NRestarts', '0')} restarts"
        log = command("journalctl", "-u", UNIT, "-n", "20")
        return wrong("watch", f"{UNIT} exits as soon as it is started: {result}", log)
    if unit.get("ActiveState") != "active":
        text = f"{UNIT} is enabled, but stopped"
        return wrong("watch", text, command("systemctl", "start", UNIT))
    if not enabled:
        text = f"{UNIT} runs, but is disabled: it will not run after the next boot"
        return note("watch", text, command("systemctl", "enable", UNIT))
    return ok("watch", f"{UNIT} runs")


def _snmpd(machine: Machine, snmpd: Snmpd, words: List[str]) -> List[Finding]:
    """Return findings on the configuration that snmpd needs to send notifications."""
    config = snmpd.config
    if not config.whole:
        return [unseen("watch", "not all of snmpd's configuration was read: see above")]
    if [line.rest in _ON for line in config.all("master")][-1:] != [True]:
        text = "snmpd accepts no notifications: its configuration has no line 'master agentx'"
        return [wrong("watch", text, snmpd.add(machine, "master agentx"))]
    findings = _socket(machine, snmpd, words)
    if not config.all(*SINKS):
        text = (
            "snmpd has no receiver for notifications: add trap2sink, informsink or trapsess to"
            f" {snmpd.target}"
        )
        findings.append(note("watch", text))
    return findings


def _socket(machine: Machine, snmpd: Snmpd, words: List[str]) -> List[Finding]:
    named = snmpd.config.all("agentxsocket")
    used = re.search(r" --agentx[ =](\S+)", " ".join(words))
    # snmpd listens at each of a list
    theirs = [_path(each) for each in (named[-1].rest if named else AGENTX_SOCKET).split(",")]
    ours = _path(used[1] if used is not None else AGENTX_SOCKET)
    if ours not in theirs:
        place = named[-1].place if named else "net-snmp's default"
        there = f"{','.join(theirs)} ({place})"
        text = f"the watch uses the AgentX socket {ours}, but snmpd's is {there}"
        return [wrong("watch", text, command("systemctl", "edit", UNIT))]
    if not ours.startswith("/"):
        return []
    try:
        found = os.stat(machine.path(ours))
    except PermissionError:
        return [unseen("watch", f"{ours}: not visible to this user")]
    except OSError:
        return [wrong("watch", f"{ours}, snmpd's AgentX socket, does not exist", snmpd.restart)]
    if found.st_uid != 0 or not found.st_mode & stat.S_IWUSR:
        text = f"{ours} belongs to {user_name(found.st_uid)}: the watch, root without capabilities,"
        return [wrong("watch", f"{text} may not connect to it", command("ls", "-l", ours))]
    return [ok("watch", f"snmpd accepts notifications at {ours}")]


def _path(address: str) -> str:
    """Return the path of an AgentX socket, or an address of another kind as it is."""
    return address.strip().strip('"').removeprefix("unix:")
