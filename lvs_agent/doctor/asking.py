# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of an snmpd's configuration and its answers, and of whether one explains the other."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, List, Set

from lvs_agent import __version__
from lvs_agent.codes import Status
from lvs_agent.doctor import director, passline, query, snmpd, views
from lvs_agent.doctor.access import Sight, Views, readers
from lvs_agent.doctor.finding import AS_ROOT, Finding, State, note, ok, unseen, wrong
from lvs_agent.doctor.machine import Machine, Process
from lvs_agent.doctor.query import Outcome, Reply
from lvs_agent.doctor.remedy import Remedy, command
from lvs_agent.mib.lvs import LVS
from lvs_agent.netsnmp import snmpdconf
from lvs_agent.netsnmp.reader import Config
from lvs_agent.responder.feed import Patience

# After a fix, the responder may answer from its old snapshot for this long.
AGAIN_SECONDS = Patience().max_age + 1


@dataclass(frozen=True)
class Asked:
    """A query to snmpd. known is True if snmpd's configuration gave the community."""

    machine: Machine
    address: str
    known: bool
    restart: Remedy


def look(machine: Machine, process: Process, bad: bool) -> List[Finding]:
    """Return findings on an snmpd; bad is True if something its answers depend on is wrong."""
    told = snmpdconf.invocation(process.arguments)
    config = snmpdconf.read(machine, told, machine.environment(process.pid))
    restart = snmpd.restart(machine)
    addresses = [line.rest for line in config.all("agentaddress")]
    address = query.address([*told.addresses, *addresses])
    able = readers(config)
    shown = Views(config)
    seeing = [each for each in able if shown.sight(each, LVS) == Sight.ALL]
    community = query.choose(seeing, address) or query.choose(able, address)
    refusal = query.refusal(machine, address, process.uid)
    if refusal is None:
        patience = 0 if bad else AGAIN_SECONDS
        reply = _settled(lambda: query.ask(machine, address, community), patience)
    else:
        reply = Reply(Outcome.NOT_ASKED, said=refusal)
    ours = passline.passes(config.lines)
    target = ours[0].line.file if ours else told.target
    findings = [
        unseen("snmpd.conf", f"{name}: not read: {reason}", command("ls", "-l", name))
        for reason, name in config.refused.items()
    ]
    findings += passline.look(machine, passline.Snmpd(process, told.target, restart), config)
    findings += _unread(machine, process, config, reply, restart)
    findings += views.look(machine, config, target, restart)
    known = {finding.check for finding in findings if finding.state == State.WRONG}
    asked = Asked(machine, address, community is not None, restart)
    return [*findings, *_reply(asked, reply, known, bad)]


def _settled(ask: Callable[[], Reply], patience: float) -> Reply:
    """Return the reply; while its status is not ok, ask again for up to patience seconds."""
    end = time.monotonic() + patience
    while True:
        reply = ask()
        fine = reply.values.get(query.STATUS, str(Status.OK.value)) == str(Status.OK.value)
        if fine or time.monotonic() >= end:
            return reply
        time.sleep(1)


def _unread(
    machine: Machine, process: Process, config: Config, reply: Reply, restart: Remedy
) -> List[Finding]:
    """Return a finding on files changed after snmpd started, a time accurate to one second."""
    newer = [each for each in config.files if machine.changed(each) > process.started + 1]
    newer = [each for each in newer if not each.startswith("/var/")]  # written by snmpd itself
    if not newer:
        return []
    said = f"{', '.join(newer)}: changed after snmpd was started"
    if reply.outcome == Outcome.ANSWERED:
        return [note("snmpd.conf", said, restart)]
    return [wrong("snmpd.conf", f"{said}; snmpd may not have read the change", restart)]


def _reply(asked: Asked, reply: Reply, known: Set[str], bad: bool) -> List[Finding]:
    """Return findings on a reply. known: the checks that found snmpd wrong; bad: see look()."""
    if reply.outcome == Outcome.NOT_ASKED:
        remedy = AS_ROOT if not asked.known else None
        if reply.said == query.NOT_INSTALLED:
            remedy = snmpd.install(asked.machine, "snmp", "net-snmp-utils")
        return [unseen("query", f"snmpd at {asked.address}: not queried: {reply.said}", remedy)]
    if reply.outcome == Outcome.TIMEOUT:
        text = f"snmpd at {asked.address}: no answer within {query.WAIT_SECONDS} s: it hangs, or"
        if not asked.known:
            return [unseen("query", f"{text} the community of this user's snmp.conf is wrong")]
        text += " its community may not be used from here"
        if "pass_persist" in known:  # snmpd waits for a program that does not speak the protocol
            return [note("query", text)]
        return [wrong("query", text, asked.restart)]
    if reply.outcome == Outcome.ANSWERED:
        return [_answered(asked, reply, bad)]
    if known:
        return []
    if reply.outcome == Outcome.NO_OBJECT:
        text = "no such object: snmpd has not read the pass_persist line, or a view hides it"
    else:
        text = "no such instance: the pass_persist program does not start"
    return [wrong("query", f"snmpd at {asked.address}: {text}", asked.restart)]


def _answered(asked: Asked, reply: Reply, bad: bool) -> Finding:
    values = reply.values
    version = values[query.VERSION]
    try:
        status = Status(int(values[query.STATUS]))
        shown = director.count(int(values[query.SERVICES]), int(values[query.SERVERS]))
    except (KeyError, ValueError):
        return wrong(
            "query", f"snmpd at {asked.address}: no status in its answer: {values}", asked.restart
        )
    if version != __version__:
        text = f"snmpd at {asked.address}: still runs lvs-agent {version}, not {__version__}"
        return wrong("query", text, asked.restart)
    text = f"snmpd at {asked.address}: answers in {reply.seconds:.1f} s: {shown}"
    if status == Status.OK:
        return ok("query", text)
    text += f"; status {status.name.lower().replace('_', ' ')}: {values.get(query.TEXT, '')}"
    if bad:
        return note("query", text)  # an earlier finding explains it
    log = command("grep", "lvs-agent", "/var/log/syslog")
    if asked.machine.systemd:
        log = command("journalctl", "-t", "lvs-agent")
    return wrong("query", text, log)
