# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of an snmpd's configuration and its answers, and of whether one explains the other."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace
from typing import Callable, List, Set

from lvs_agent import __version__
from lvs_agent.codes import Status
from lvs_agent.doctor import director, monitor, passline, query, snmpd, views
from lvs_agent.doctor.access import Sight, Views, readers
from lvs_agent.doctor.finding import AS_ROOT, Finding, State, note, ok, unseen, wrong
from lvs_agent.doctor.machine import Machine, Process
from lvs_agent.doctor.passline import Snmpd
from lvs_agent.doctor.query import Outcome, Reply
from lvs_agent.doctor.remedy import command
from lvs_agent.mib.lvs import LVS
from lvs_agent.netsnmp import snmpdconf
from lvs_agent.responder.feed import Patience

# After a fix, the responder may answer from its old snapshot for this long.
AGAIN_SECONDS = Patience().max_age + 1


def read(machine: Machine, process: Process) -> Snmpd:
    """Return a running snmpd with its configuration."""
    told = snmpdconf.invocation(machine.arguments(process.pid))
    config = snmpdconf.read(machine, told, machine.environment(process.pid))
    return Snmpd(process, config, told.addresses, told.target, snmpd.restart(machine))


def look(machine: Machine, running: Snmpd, bad: bool, rows: int = 0) -> List[Finding]:
    """Return findings on an snmpd.

    bad is True if something its answers depend on is wrong, rows is the number of services and real
    servers.
    """
    config = running.config
    addresses = [*running.addresses, *(line.rest for line in config.all("agentaddress"))]
    shown, address = Views(config), query.address(addresses)
    able = [each for each in readers(config) if shown.sight(each, (*LVS, 26)) == Sight.ALL]
    if address is None:
        reply = Reply(Outcome.NOT_ASKED, said="it listens at no numeric address of UDP or TCP")
    elif said := query.refusal(machine, address, running.process.uid):
        reply = Reply(Outcome.NOT_ASKED, said=said)
    else:
        where, community = address, query.choose(able, address)
        reply = _settled(lambda: query.ask(machine, where, community), 0 if bad else AGAIN_SECONDS)
        if community is None and reply.outcome != Outcome.ANSWERED:
            said = f"no community of snmpd.conf may be used from here ({reply.said})"
            reply = Reply(Outcome.NOT_ASKED, said=said)
    findings = [
        unseen("snmpd.conf", f"{name}: not read: {reason}", command("ls", "-l", name))
        for reason, name in config.refused.items()
    ]
    findings += by_hand(machine, running, passline.look(machine, running))
    findings += _unread(machine, running, reply)
    findings += by_hand(machine, running, views.look(machine, running, rows))
    known = {finding.check for finding in findings if finding.state == State.WRONG}
    findings += monitor.look(machine, running)
    at = "snmpd: " if address is None else f"snmpd at {address}: "
    answers = _reply(machine, running, reply, known, bad)
    return [*findings, *(replace(each, text=at + each.text) for each in answers)]


def by_hand(machine: Machine, running: Snmpd, findings: List[Finding]) -> List[Finding]:
    """Return findings without commands that another user's link could redirect to other files."""
    files = (*running.config.files, running.target)
    loose = [each for each in files if machine.replaceable(each)]
    return [_by_hand(finding, loose) for finding in findings]


def _by_hand(finding: Finding, loose: List[str]) -> Finding:
    for file in loose:
        if finding.remedy is not None and shlex.quote(file) in finding.remedy:
            text = f"{finding.text}; no command is given, since another user can replace {file}"
            return replace(finding, text=text, remedy=None)
    return finding


def _settled(ask: Callable[[], Reply], patience: float) -> Reply:
    """Return the reply; while its status is not ok, ask again for up to patience seconds."""
    end = time.monotonic() + patience
    while True:
        reply = ask()
        fine = reply.values.get(query.STATUS, str(Status.OK.value)) == str(Status.OK.value)
        if fine or time.monotonic() >= end:
            return reply
        time.sleep(1)


def _unread(machine: Machine, running: Snmpd, reply: Reply) -> List[Finding]:
    """Return a finding on files changed after snmpd started, a time accurate to one second."""
    started, restart = running.process.started, running.restart
    # snmpd itself writes below /var
    files = [each for each in dict.fromkeys(running.config.files) if not each.startswith("/var/")]
    newer = [each for each in files if machine.changed(each) > started + 1]
    if not newer:
        return []
    said = f"{', '.join(newer)}: changed after snmpd was started"
    if reply.outcome in (Outcome.ANSWERED, Outcome.NOT_ASKED):
        return [note("snmpd.conf", said, restart)]
    return [wrong("snmpd.conf", f"{said}; snmpd may not have read the change", restart)]


def _reply(
    machine: Machine, running: Snmpd, reply: Reply, known: Set[str], bad: bool
) -> List[Finding]:
    """Return findings on a reply. known: the checks that found snmpd wrong; bad: see look()."""
    if reply.outcome == Outcome.NOT_ASKED:
        remedy = None if running.config.whole else AS_ROOT
        if reply.said == query.NOT_INSTALLED:
            remedy = snmpd.install(machine, "snmp", "net-snmp-utils")
        return [unseen("query", f"not queried: {reply.said}", remedy)]
    if reply.outcome == Outcome.ANSWERED:
        return [_answered(machine, running, reply, bad)]
    if reply.outcome != Outcome.TIMEOUT and known:
        return []
    if "pass_persist" in known:  # snmpd waits for a program that does not speak the protocol
        return [note("query", reply.said)]
    return [wrong("query", reply.said, running.restart)]


def _answered(machine: Machine, running: Snmpd, reply: Reply, bad: bool) -> Finding:
    values = reply.values
    version = values[query.VERSION]
    try:
        status = Status(int(values[query.STATUS]))
        shown = director.count(int(values[query.SERVICES]), int(values[query.SERVERS]))
    except (KeyError, ValueError):
        return wrong("query", f"no status in its answer: {values}", running.restart)
    if version != __version__:
        text = f"still runs lvs-agent {version}, not {__version__}"
        return wrong("query", text, running.restart)
    text = f"answers in {reply.seconds:.1f} s: {shown}"
    if status == Status.OK:
        return ok("query", text)
    text += f"; {status.label}: {values.get(query.TEXT, '')}"
    if bad:
        return note("query", text)  # an earlier finding explains it
    log = command("grep", "lvs-agent", "/var/log/syslog")
    if machine.systemd:
        log = command("journalctl", "-t", "lvs-agent")
    return wrong("query", text, log)
