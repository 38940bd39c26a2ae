# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the pass_persist line: exactly one, in a file that snmpd reads, and correct."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Tuple

from lvs_agent.doctor.finding import Finding, note, ok, unseen, wrong
from lvs_agent.doctor.machine import EXECUTE, READ, Machine, Process, group_name, user_name
from lvs_agent.doctor.remedy import NAME, Remedy, append, both, command, comment, move, program
from lvs_agent.mib.lvs import LVS
from lvs_agent.mib.smi import Oid, dotted
from lvs_agent.netsnmp import oids
from lvs_agent.netsnmp.reader import Config, Line
from lvs_agent.netsnmp.snmpdconf import DROP_INS, lines_of

PRIORITY = 127  # DEFAULT_MIB_PRIORITY, agent_registry.h
_NOT_SPLIT = {"\t": "a tab", '"': "a quote", "'": "a quote", "  ": "two spaces"}


@dataclass(frozen=True)
class Pass:
    """A line that hands a subtree to a program."""

    line: Line
    oid: Oid
    numeric: bool
    priority: int
    command: str

    @property
    def words(self) -> List[str]:
        """The command as a shell would split it, roughly: snmpd uses no shell."""
        return re.sub("[\"']", "", self.command).split()

    @property
    def ours(self) -> bool:
        """True if the program is lvs-agent."""
        return Path([*self.words, ""][0]).name == NAME


@dataclass(frozen=True)
class Snmpd:
    """A running snmpd; addresses are its command line's, target is the file to add lines to."""

    process: Process
    config: Config
    addresses: Tuple[str, ...]
    target: str
    restart: Remedy

    def add(self, machine: Machine, line: str, file: Optional[str] = None) -> Remedy:
        """Return the command that adds a line and restarts snmpd."""
        return both(append(machine, file or self.target, line, section="snmpd"), self.restart)


def passes(lines: List[Line]) -> List[Pass]:
    """Return the lines pass and pass_persist for our subtree or one above it, or for lvs-agent."""
    found = []
    for line in lines:
        # [-p PRIORITY] OID COMMAND; a comment ends the command, even within quotes
        match = re.match(r"(?:-p\s*([0-9]{1,3})\s+)?([\w.:-]+)\s*(.*)", line.rest)
        if line.token in ("pass", "pass_persist") and match is not None:
            oid = oids.parse(match[2])
            if oid is not None and oids.related(oid, LVS):
                numeric = match[2].lstrip(".")[:1].isdigit()
                priority = int(match[1] or PRIORITY)
                one = Pass(line, oid, numeric, priority, re.split("[#;]", match[3])[0].rstrip(" "))
                found += [one] if one.ours or (len(oid) <= len(LVS) and numeric) else []
    return found


def used(lines: List[Line]) -> Optional[Pass]:
    """Return the line that serves our subtree, or else one that was meant to."""
    found = passes(lines)
    exact = [one for one in found if one.oid == LVS and one.numeric]
    if not exact:
        return next((one for one in found if one.ours), None)
    # snmpd chooses between pass and pass_persist by priority. Among the lines of one of them, the
    # shortest OID and then the first line wins (agent/mibgroup/ucd-snmp/pass_common.c)
    token = min(exact, key=lambda one: one.priority).line.token
    same = (one for one in found if one.numeric and one.line.token == token)
    return min((one for one in same if len(one.oid) <= len(LVS)), key=lambda one: len(one.oid))


def option(lines: List[Line], name: str) -> str:
    """Return the value of an option in our line, such as --collector; "" if it has none."""
    one = used(lines)
    match = re.search(rf" {name}[ =](\S+)", one.command if one is not None else "")
    return "" if match is None else match[1]


def look(machine: Machine, snmpd: Snmpd) -> List[Finding]:
    """Return findings on the line and, if it exists, on its program."""
    config = snmpd.config
    findings = [
        note("pass_persist", f"{line.place}: {name}: no such file; snmpd reads the others")
        for line, name in config.missing
    ]
    one = used(config.lines)
    if one is None:
        # a file that was not read may include others
        stray = _stray(machine, snmpd) if config.whole else []
        return [*findings, *(stray or [_absent(machine, snmpd)])]
    findings.append(_judge(machine, snmpd, one))
    for other in passes(config.lines):
        if other.oid == one.oid and other != one:
            text = f"{other.line.place}: not used: {one.line.place} has the same OID"
            remedy = both(comment(other.line), snmpd.restart)
            findings.append(note("pass_persist", text, remedy))
    for line in config.all("dlmod"):
        if "lvs" in line.rest.lower():
            text = f"{line.place}: loads the module of 2001, which has the same OIDs"
            remedy = both(comment(line), snmpd.restart)
            findings.append(wrong("pass_persist", text, remedy))
    return findings


def _absent(machine: Machine, snmpd: Snmpd) -> Finding:
    config = snmpd.config
    if config.closed:
        text = f"{', '.join(config.closed)}: not readable by this user"
        return unseen("pass_persist", text)
    if config.refused:
        text = f"no pass_persist line for {oids.SUBTREE} in the files that were read"
        return unseen("pass_persist", text, None)
    text = f"no pass_persist line for {oids.SUBTREE} in {', '.join(config.files) or 'any file'}"
    return wrong("pass_persist", text, _add(machine, snmpd, snmpd.target, []))


def _add(
    machine: Machine, snmpd: Snmpd, file: str, words: List[str], *first: Remedy
) -> Optional[Remedy]:
    """Return the command that adds a correct line, with as much of words as can be used.

    It is None if snmpd may run no lvs-agent.
    """
    places = [*words[:1], machine.find(NAME) or "", os.path.join("/usr/bin", program())]
    usable = [each for each in places if machine.may(snmpd.process, each, READ | EXECUTE)]
    if not usable:
        return None
    wrapped = usable[0] == "".join(words[:1]) and Path(usable[0]).name != NAME
    arguments = words[1:] if wrapped or "pass-persist" in words else ["pass-persist"]
    line = " ".join(["pass_persist", oids.SUBTREE, usable[0], *arguments])
    return both(*first, snmpd.add(machine, line, file))


def _stray(machine: Machine, snmpd: Snmpd) -> List[Finding]:
    """Return findings on our line in drop-ins that this snmpd does not read."""
    included = DROP_INS in snmpd.config.folders
    for file in (f"{DROP_INS}/{name}" for name in machine.names(DROP_INS)):
        read = file in (*snmpd.config.files, *snmpd.config.closed)
        one = None if read else used(lines_of(machine, file))
        if one is not None and file.endswith(".conf") != included:
            text = f"{one.line.place}: snmpd does not read this file: "
            if included:
                text += "its name must end in .conf"
                remedy = both(move(file, f"{file}.conf"), snmpd.restart)
            else:
                text += f"no includeDir line names {DROP_INS}"
                remedy = snmpd.add(machine, f"includeDir {DROP_INS}")
            return [wrong("pass_persist", text, remedy)]
    return []


def _judge(machine: Machine, snmpd: Snmpd, one: Pass) -> Finding:
    line = one.line
    if not machine.may(snmpd.process, line.file, READ):
        who, group = user_name(snmpd.process.uid), group_name(snmpd.process.gid)
        text = f"{line.file}: snmpd ({who}) may not read it, so a reload loses the line"
        chgrp, chmod = command("chgrp", group, line.file), command("chmod", "g+r", line.file)
        return wrong("pass_persist", text, both(chgrp, chmod, snmpd.restart))
    problem = _problem(machine, snmpd.process, one)
    if problem is not None:
        remedy = None  # another program's subtree
        if one.ours or one.oid == LVS:
            remedy = _add(machine, snmpd, line.file, one.words, comment(line))
        return wrong("pass_persist", f"{line.place}: {problem}", remedy)
    state = ok if one.ours else note
    return state("pass_persist", f"{line.place}: runs {one.command}")


def _problem(machine: Machine, process: Process, one: Pass) -> Optional[str]:
    """Return the reason a line does not serve our subtree: snmpd splits a command at spaces."""
    if not one.numeric:
        return f"pass_persist accepts no names; write {oids.SUBTREE}"
    if one.oid != LVS:
        return f"passes .{dotted(one.oid)}, not {oids.SUBTREE}"
    if one.line.token == "pass":
        return "pass starts a program for each request; use pass_persist"
    if not one.command:
        return "no program after the OID"
    for character, name in _NOT_SPLIT.items():
        if character in one.command:
            return f"{name} in the command, which snmpd does not pass to a shell: {one.command!r}"
    path = one.words[0]
    if not path.startswith("/"):
        return f"{path}: not an absolute path"
    if not machine.exists(path):
        return f"{path}: no such file"
    if not machine.may(process, path, READ | EXECUTE):
        return f"{path}: {user_name(process.uid)} may not run it"
    if one.ours and "pass-persist" not in one.words:
        return f"{one.command}: the command pass-persist is missing"
    return None
