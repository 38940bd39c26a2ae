# SPDX-License-Identifier: GPL-3.0-or-later
"""The report: all checks in the order the data flows, the exit status, and the output."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import List

from lvs_agent import __version__
from lvs_agent.collector.statefile import STATE_DIRECTORY
from lvs_agent.doctor import (
    aliases,
    asking,
    collector,
    director,
    mibs,
    passline,
    snmpd,
    statedir,
    units,
    watch,
)
from lvs_agent.doctor.finding import Finding, State, unseen
from lvs_agent.doctor.machine import Machine
from lvs_agent.doctor.remedy import command, program
from lvs_agent.errors import printable
from lvs_agent.kernel.source import LiveKernel

GOOD, BAD, UNKNOWN = 0, 1, 3  # exit statuses; 2 is argparse's


def examine(machine: Machine) -> List[Finding]:
    """Return all findings on a machine. Takes some seconds if something does not answer."""
    running = snmpd.find(machine)
    first = running.chosen
    if first is not None and machine.apart(first.pid, os.getpid()):
        text = f"snmpd (pid {first.pid}) runs in another network namespace than the doctor"
        enter = command("nsenter", "-t", str(first.pid), "-n", program(), "doctor")
        return [unseen("namespace", text, enter)]
    setup = None if first is None else asking.read(machine, first)
    lines = [] if setup is None else setup.config.lines
    at = passline.option(lines, "--collector") or collector.SOCKET_PATH
    tables, findings = director.look(LiveKernel(machine.path("/proc")))
    findings += collector.look(machine, tables, first, at)
    state = STATE_DIRECTORY.with_name(units.named(at) or STATE_DIRECTORY.name)
    findings += statedir.look(machine, str(state))
    findings += snmpd.look(machine, running)
    if setup is not None:
        bad = any(finding.state == State.WRONG for finding in findings)
        findings += asking.look(machine, setup, bad, tables.rows)
    # a collector at another path may run in a namespace that has other services
    table = tables.table if at == collector.SOCKET_PATH else []
    findings += aliases.look(machine, table, first, passline.option(lines, "--aliases"))
    findings += watch.look(machine, setup)
    findings += mibs.look(machine)
    return findings


def exit_status(findings: List[Finding]) -> int:
    """Return 0 if all is well, 1 if something is wrong, else 3 if something was not checked."""
    states = {finding.state for finding in findings}
    if State.WRONG in states:
        return BAD
    return UNKNOWN if State.UNSEEN in states else GOOD


def text(findings: List[Finding]) -> str:
    """Return the report for people: a line per finding, remedies below, and a last line of counts.

    Characters that are not printable are escaped, since findings quote text that others wrote.
    """
    lines = []
    for finding in findings:
        lines.append(f"{finding.state.value:<8}{printable(finding.text)}")
        if finding.remedy is not None:
            lines.append(f"          {printable(finding.remedy)}")
    states = [finding.state for finding in findings]
    bad, unknown = states.count(State.WRONG), states.count(State.UNSEEN)
    parts = [f"{bad} wrong" if bad else "nothing is wrong"]
    if unknown:
        parts.append(f"{unknown} not checked")
    return "\n".join([*lines, ", ".join(parts)])


def as_json(findings: List[Finding]) -> str:
    """Return the report for programs, as JSON; its status is the exit status."""
    rows = [{**asdict(finding), "state": finding.state.value} for finding in findings]
    report = {"version": __version__, "status": exit_status(findings), "findings": rows}
    return json.dumps(report, indent=1)
