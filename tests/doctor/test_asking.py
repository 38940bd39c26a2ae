# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on each kind of answer from snmpd."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Iterator, List, Mapping, Optional, Sequence

import pytest

from lvs_agent import __version__
from lvs_agent.doctor import asking, query
from lvs_agent.doctor.finding import Finding, State
from lvs_agent.doctor.machine import Done, Machine, Process
from lvs_agent.doctor.query import Outcome, Reply
from tests.support import doctors

CONF = "/etc/snmp/snmpd.conf"
ANSWER = dict(zip(query.ASKED, (__version__, "1", "", "3", "4")))
# a socket of root's at UDP port 161
LISTENING = "\n   0: 00000000:00A1 00000000:0000 07 0:0 00:0 0 0        0 1 2 0 0\n"
LINE = "pass_persist .1.3.6.1.4.1.8225.4711 /usr/bin/lvs-agent pass-persist\n"


def judged(machine: Machine, process: Process, bad: bool) -> List[Finding]:
    return asking.look(machine, asking.read(machine, process), bad)


def look(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reply: Reply,
    conf: str = LINE + "rocommunity public\n",
    bad: bool = False,
) -> List[Finding]:
    """Return the findings on the query, on a machine with this configuration."""
    machine = doctors.Picture(tmp_path, {CONF: conf})
    machine.draw("/usr/bin/lvs-agent", "", 0o755)
    machine.draw("/proc/net/udp", LISTENING)
    monkeypatch.setattr(query, "ask", lambda *asked: reply)
    monkeypatch.setattr(asking, "AGAIN_SECONDS", 0)
    found = judged(machine, doctors.process(), bad)
    return [each for each in found if each.check == "query"]


@pytest.mark.parametrize(
    ("reply", "state", "said", "remedy"),
    [
        (Reply(Outcome.ANSWERED, ANSWER, 0.04), State.OK, "answers in 0.0 s: 3 virtual", None),
        (
            Reply(Outcome.ANSWERED, {**ANSWER, query.VERSION: "0.0.1"}),
            State.WRONG,
            f"still runs lvs-agent 0.0.1, not {__version__}",
            "service snmpd restart",
        ),
        (
            Reply(Outcome.ANSWERED, {**ANSWER, query.STATUS: "99"}),
            State.WRONG,
            "no status in its answer",
            "service snmpd restart",
        ),
        (
            Reply(Outcome.ANSWERED, {**ANSWER, query.STATUS: "6", query.TEXT: "too old"}),
            State.WRONG,
            "expired(6): too old",
            "grep lvs-agent /var/log/syslog",
        ),
        (Reply(Outcome.TIMEOUT, said="odd"), State.WRONG, "odd", "service snmpd restart"),
        (Reply(Outcome.NO_OBJECT, said="odd"), State.WRONG, "odd", "service snmpd restart"),
        (Reply(Outcome.NO_INSTANCE, said="odd"), State.WRONG, "odd", "service snmpd restart"),
        (
            Reply(Outcome.NOT_ASKED, said=query.NOT_INSTALLED),
            State.UNSEEN,
            "snmpget is not installed",
            "apt install snmp",
        ),
        (Reply(Outcome.NOT_ASKED, said="odd"), State.UNSEEN, "odd", None),
    ],
)
def test_each_kind_of_answer(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reply: Reply,
    state: State,
    said: str,
    remedy: Optional[str],
) -> None:
    (finding,) = look(tmp_path, monkeypatch, reply)
    assert (finding.state, finding.remedy) == (state, remedy)
    assert said in finding.text


def test_a_status_that_is_explained_is_only_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = Reply(Outcome.ANSWERED, {**ANSWER, query.STATUS: "4"})
    (finding,) = look(tmp_path, monkeypatch, reply, bad=True)
    assert finding.state == State.NOTE


def test_what_was_fixed_a_moment_ago_is_given_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The responder serves its last snapshot for some seconds, so the doctor asks again."""
    replies = [Reply(Outcome.ANSWERED, {**ANSWER, query.STATUS: each}) for each in ("5", "5", "1")]
    machine = doctors.Picture(tmp_path, {CONF: LINE + "rocommunity public\n"})
    machine.draw("/proc/net/udp", LISTENING)
    monkeypatch.setattr(query, "ask", lambda *asked: replies.pop(0))
    found = judged(machine, doctors.process(), False)
    assert [each.state for each in found if each.check == "query"] == [State.OK]
    assert replies == []


@pytest.mark.parametrize("outcome", [Outcome.NO_OBJECT, Outcome.NO_INSTANCE])
def test_an_answer_that_is_explained_is_not_said_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: Outcome
) -> None:
    assert look(tmp_path, monkeypatch, Reply(outcome), "rocommunity public\n") == []


def test_without_a_community_silence_says_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (finding,) = look(tmp_path, monkeypatch, Reply(Outcome.TIMEOUT), LINE + "rouser who\n")
    assert (finding.state, finding.remedy) == (State.UNSEEN, None)
    assert "no community of snmpd.conf may be used from here" in finding.text


def test_the_view_is_fixed_where_the_line_is(tmp_path: Path) -> None:
    drop_in = "/etc/snmp/snmpd.conf.d/lvs-agent.conf"
    machine = doctors.Picture(tmp_path, {CONF: doctors.DEBIAN, drop_in: LINE})
    machine.draw("/usr/bin/lvs-agent", "", 0o755)
    finding = doctors.only(judged(machine, doctors.process(), False), State.WRONG)
    assert finding.check == "view"
    assert f">> {drop_in} && " in (finding.remedy or "")


def test_a_file_that_was_not_read_is_named(tmp_path: Path) -> None:
    machine = doctors.Picture(tmp_path, {CONF: LINE.replace("pass", "#") + "includeFile fifo\n"})
    os.mkfifo(machine.path("/etc/snmp/fifo"))
    found = judged(machine, doctors.process(), True)
    assert [each.text for each in found if each.check == "snmpd.conf"] == [
        "/etc/snmp/fifo: not read: not a regular file"
    ]
    assert State.WRONG not in doctors.states([each for each in found if each.check != "query"])


class Connected(doctors.Picture):
    """A picture with this machine's programs and this kernel's tables of sockets."""

    def path(self, name: str) -> Path:
        return Path(name) if name.startswith("/proc/net/") else super().path(name)

    def run(
        self, command: Sequence[str], environment: Optional[Mapping[str, str]] = None
    ) -> Optional[Done]:
        return Machine().run(command, environment)


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["v4", "v6"])
def nobodys(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A socket of user 65534."""
    family, host = request.param
    os.seteuid(65534)
    try:
        bound = socket.socket(family, socket.SOCK_DGRAM)
    finally:
        os.seteuid(0)
    with bound:
        bound.bind((host, 0))
        bound.setblocking(False)
        yield bound


@pytest.mark.parametrize("uid", [0, 102])
def test_a_community_is_not_for_another_users_port(
    tmp_path: Path, nobodys: socket.socket, uid: int
) -> None:
    six = nobodys.family == socket.AF_INET6
    port = nobodys.getsockname()[1]
    conf = f"agentaddress {'udp6:[::1]' if six else '127.0.0.1'}:{port}\n" + LINE
    community = "rocommunity6 secret\n" if six else "rocommunity secret\n"
    machine = Connected(tmp_path, {CONF: conf + community})
    found = judged(machine, doctors.process(uid=uid), True)
    (finding,) = [each for each in found if each.check == "query"]
    assert finding.state == State.UNSEEN
    assert finding.text.endswith("its port is in use by nobody, not by snmpd's user")
    with pytest.raises(BlockingIOError):
        nobodys.recv(1500)
    # a socket of snmpd's own user receives the community
    judged(machine, doctors.process(uid=65534), True)
    assert b"secret" in nobodys.recv(1500)
    nobodys.close()
    found = judged(machine, doctors.process(uid=uid), True)
    assert [each.text for each in found if each.check == "query"] == [
        f"snmpd at {'udp6:[::1]' if six else 'udp:127.0.0.1'}:{port}: not queried:"
        " no process listens there"
    ]


def test_no_command_changes_a_file_that_another_user_can_replace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a link to /etc/shadow, say, before root runs chgrp and chmod."""
    theirs = "/home/who/snmpd.conf"
    conf = f"rocommunity public\nincludeFile {theirs}\n"
    machine = doctors.Picture(tmp_path, {CONF: conf})
    tmp_path.chmod(0o755)
    included = machine.draw(theirs, LINE, 0o600)
    monkeypatch.setattr(asking, "AGAIN_SECONDS", 0)

    def found() -> Finding:
        findings = judged(machine, doctors.process(uid=4242), bad=False)
        return next(each for each in findings if theirs in each.text)

    assert (found().remedy or "").startswith(f"chgrp 4242 {theirs} && chmod g+r {theirs}")
    os.chown(included.parent, 65534, 65534)
    assert found().remedy is None
    assert found().text.endswith(f"since another user can replace {theirs}")
    # by the path that the line names, or by the one that a link leads to
    os.rename(included.parent, machine.path("/etc/who"))
    included.parent.symlink_to(machine.path("/etc/who"))
    assert found().remedy is None
    os.chown(machine.path("/etc/who"), 0, 0)
    os.chown(included.parent.parent, 65534, 65534)
    assert found().remedy is None
