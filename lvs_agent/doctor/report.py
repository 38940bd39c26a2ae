# SPDX-License-Identifier: GPL-3.0-or-later
"""The report: all checks in the order the data flows, the exit status, and the output."""

from __future__ import annotations

import json
from typing import Dict, List, Optional

from lvs_agent import __version__
from lvs_agent.doctor import asking, collector, director, mibs, snmpd, statedir
from lvs_agent.doctor.finding import Finding, State
from lvs_agent.doctor.machine import Machine
from lvs_agent.kernel.source import LiveKernel

GOOD, BAD, UNKNOWN = 0, 1, 3  # exit statuses; 2 is argparse's


def examine(machine: Machine) -> List[Finding]:
    """Return all findings on a machine. Takes some seconds if something does not answer."""
    kernel = LiveKernel(machine.path("/proc"))
    tables, findings = director.look(kernel)
    running = snmpd.find(machine)
    first = running.chosen
    findings += collector.look(machine, tables, first)
    findings += statedir.look(machine)
    findings += snmpd.look(machine, running)
    if first is not None:
        bad = any(finding.state == State.WRONG for finding in findings)
        findings += asking.look(machine, first, bad)
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
        lines.append(f"{finding.state.value:<8}{_printable(finding.text)}")
        if finding.remedy is not None:
            lines.append(f"          {_printable(finding.remedy)}")
    states = [finding.state for finding in findings]
    bad, unknown = states.count(State.WRONG), states.count(State.UNSEEN)
    parts = [f"{bad} wrong" if bad else "nothing is wrong"]
    if unknown:
        parts.append(f"{unknown} not checked")
    return "\n".join([*lines, ", ".join(parts)])


def _printable(text: str) -> str:
    escaped = (each.encode("unicode_escape").decode() for each in text)
    return "".join(raw if raw.isprintable() else safe for raw, safe in zip(text, escaped))


def as_json(findings: List[Finding]) -> str:
    """Return the report for programs, as JSON; its status is the exit status."""
    rows: List[Dict[str, Optional[str]]] = [
        {
            "check": finding.check,
            "state": finding.state.value,
            "text": finding.text,
            "remedy": finding.remedy,
        }
        for finding in findings
    ]
    report = {"version": __version__, "status": exit_status(findings), "findings": rows}
    return json.dumps(report, indent=1)
