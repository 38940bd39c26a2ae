# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the pass_persist line: exactly one, in a file that snmpd reads, and correct."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional

from lvs_agent.doctor.finding import Finding, note, ok, unseen, wrong
from lvs_agent.doctor.machine import EXECUTE, READ, Machine, Process, user_name
from lvs_agent.doctor.remedy import NAME, Remedy, append, both, command, move, program
from lvs_agent.mib.lvs import LVS
from lvs_agent.mib.smi import Oid, dotted
from lvs_agent.netsnmp import oids
from lvs_agent.netsnmp.reader import Config, Line
from lvs_agent.netsnmp.snmpdconf import DROP_INS, FOLDER, lines_of


@dataclass(frozen=True)
class Pass:
    """A line that hands a subtree to a program."""

    line: Line
    oid: Oid
    numeric: bool
    command: str


@dataclass(frozen=True)
class Snmpd:
    """The snmpd that reads the lines, the file to add one to, and the command that restarts it."""

    process: Process
    target: str
    restart: Remedy


def passes(lines: List[Line]) -> List[Pass]:
    """Return the lines pass and pass_persist for our subtree, or for one above or below it."""
    found = []
    for line in lines:
        # [-p PRIORITY] OID COMMAND; a comment ends the command, even within quotes
        match = re.match(r"(?:-p\s*\d+\s+)?([\w.:-]+)\s*(.*)", line.rest)
        if line.token in ("pass", "pass_persist") and match is not None:
            oid = oids.parse(match[1])
            if oid is not None and oids.related(oid, LVS):
                numeric = match[1].lstrip(".")[:1].isdigit()
                found.append(Pass(line, oid, numeric, re.split("[#;]", match[2])[0]))
    return found


def look(machine: Machine, snmpd: Snmpd, config: Config) -> List[Finding]:
    """Return findings on the line and, if it exists, on its program."""
    findings = [
        wrong("pass_persist", f"{line.place}: {name}: no such file", _edit(line))
        for line, name in config.missing
    ]
    ours = passes(config.lines)
    if not ours:
        # a file that was not read may include others
        stray = _stray(machine, snmpd, config) if config.whole else []
        return [*findings, *(stray or [_absent(machine, snmpd, config)])]
    exact = [one for one in ours if one.oid == LVS and one.numeric]
    findings.append(_judge(machine, snmpd, [*exact, *ours][0]))
    findings += [_repeated(snmpd, exact[0], one) for one in exact[1:]]
    for line in config.all("dlmod"):
        if "lvs" in line.rest.lower():
            text = f"{line.place}: loads the module of 2001, which has the same OIDs"
            findings.append(wrong("pass_persist", text, _disable(snmpd, line)))
    return findings


def _repeated(snmpd: Snmpd, first: Pass, one: Pass) -> Finding:
    """Return a finding on a repeated line: snmpd registers the first (agent_registry.c)."""
    text = f"{one.line.place}: repeats {first.line.place}; snmpd uses the latter"
    kept = first.line.file.startswith(DROP_INS) or not one.line.file.startswith(DROP_INS)
    late = one.line if kept else first.line
    state = note if one.command.split() == first.command.split() else wrong
    return state("pass_persist", text, _disable(snmpd, late))


def _absent(machine: Machine, snmpd: Snmpd, config: Config) -> Finding:
    if config.closed:
        text = f"{', '.join(config.closed)}: not readable by this user"
        return unseen("pass_persist", text)
    if config.refused:
        text = f"no pass_persist line for {oids.SUBTREE} in the files that were read"
        return unseen("pass_persist", text, None)
    path = machine.find(NAME) or os.path.join("/usr/bin", program())
    line = f"pass_persist {oids.SUBTREE} {path} pass-persist"
    text = f"no pass_persist line for {oids.SUBTREE} in {', '.join(config.files) or 'any file'}"
    return wrong("pass_persist", text, both(append(machine, line, snmpd.target), snmpd.restart))


def _stray(machine: Machine, snmpd: Snmpd, config: Config) -> List[Finding]:
    """Return findings on our lines in files below /etc/snmp that this snmpd does not read."""
    names = [f"{folder}/{name}" for folder in (FOLDER, DROP_INS) for name in machine.names(folder)]
    findings = []
    known = {*config.files, *config.closed}
    for file in names:
        if file in known or not machine.path(file).is_file():
            continue
        for one in passes(lines_of(machine, file)):
            text = f"{one.line.place}: has the pass_persist line, but snmpd does not read this file"
            folder = file.rpartition("/")[0]
            if folder in config.folders and not file.endswith(".conf"):
                text += ": its name must end in .conf"
                remedy = move(file, f"{file}.conf")
            elif folder == DROP_INS and file.endswith(".conf"):
                text += f": no includeDir line names {DROP_INS}"
                remedy = append(machine, f"includeDir {DROP_INS}", snmpd.target)
            else:
                line = f"{one.line.token} {one.line.rest}"
                remedy = append(machine, line, snmpd.target)
            findings.append(wrong("pass_persist", text, both(remedy, snmpd.restart)))
    return findings


def _judge(machine: Machine, snmpd: Snmpd, one: Pass) -> Finding:
    line, who = one.line, user_name(snmpd.process.uid)
    if not one.numeric:
        text = f"{line.place}: pass_persist accepts no names; write {oids.SUBTREE}"
        return wrong("pass_persist", text, _edit(line))
    if one.oid != LVS:
        text = f"{line.place}: passes .{dotted(one.oid)}, not {oids.SUBTREE}"
        return wrong("pass_persist", text, _edit(line))
    if line.token == "pass":
        text = f"{line.place}: pass starts a program for each request; use pass_persist"
        return wrong("pass_persist", text, _edit(line))
    if not machine.may(snmpd.process, line.file, READ):
        text = f"{line.file}: snmpd ({who}) may not read it, so a reload loses the line"
        return wrong("pass_persist", text, both(command("chmod", "0644", line.file), snmpd.restart))
    problem = _command(machine, snmpd.process, one.command)
    if problem is not None:
        return wrong("pass_persist", f"{line.place}: {problem}", _edit(line))
    if Path(one.command.split(" ")[0]).name != "lvs-agent":
        return note("pass_persist", f"{line.place}: runs {one.command}")
    return ok("pass_persist", f"{line.place}: runs {one.command}")


def _command(machine: Machine, process: Process, command: str) -> Optional[str]:
    """Return the reason snmpd can't run a command, which it splits at spaces without a shell."""
    command = command.rstrip(" ")
    program = command.split(" ")[0]
    if not command:
        return "no program after the OID"
    for character, name in (
        ("\t", "a tab"),
        ('"', "a quote"),
        ("'", "a quote"),
        ("  ", "two spaces"),
    ):
        if character in command:
            return f"{name} in the command, which snmpd does not pass to a shell: {command!r}"
    if not program.startswith("/"):
        return f"{program}: not an absolute path"
    if not machine.exists(program):
        return f"{program}: no such file"
    if not machine.may(process, program, READ | EXECUTE):
        return f"{program}: {user_name(process.uid)} may not run it"
    if Path(program).name == "lvs-agent" and "pass-persist" not in command.split(" "):
        return f"{command}: the command pass-persist is missing"
    return None


def _disable(snmpd: Snmpd, line: Line) -> Remedy:
    # commented out, so that it is not lost and the lines below keep their numbers
    return both(command("sed", "-i", f"{line.number}s/^/#/", line.file), snmpd.restart)


def _edit(line: Line) -> Remedy:
    return command("vi", f"+{line.number}", line.file)
