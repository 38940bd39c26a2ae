# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole report: its findings on a real snmpd on a half-simulated machine, and its output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, List

import pytest

from lvs_agent import __version__
from lvs_agent.doctor import report
from lvs_agent.doctor.collector import SOCKET_PATH
from lvs_agent.doctor.finding import Finding, State, note, ok, unseen, wrong
from lvs_agent.doctor.remedy import command
from tests.support import doctors
from tests.support.commands import collector, run
from tests.support.lvsmib import BASE
from tests.support.recorded import SMALL
from tests.support.snmpd import AGENT, Snmpd

RESTART = "service snmpd restart"
VIEW = f"view systemonly included {BASE}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return doctors.director(tmp_path)


@contextmanager
def examined(root: Path, lines: str) -> Iterator[Callable[[], List[Finding]]]:
    """Yield a function that examines the machine whose snmpd was started with these lines."""
    sock = root / SOCKET_PATH.lstrip("/")
    with collector(sock), doctors.daemon(root, lines) as daemon:
        yield lambda: report.examine(doctors.HalfDrawn(root, daemon.pid))


LINE = f"pass_persist {BASE} {AGENT} pass-persist --replay {SMALL}\n"


def wrongs(findings: List[Finding]) -> List[str]:
    return [each.check for each in findings if each.state == State.WRONG]


def test_a_healthy_machine(root: Path) -> None:
    with examined(root, LINE) as look:
        findings = look()
    assert wrongs(findings) == []
    assert report.exit_status(findings) == report.GOOD
    checks = list(dict.fromkeys(each.check for each in findings))
    assert checks == [
        "ip_vs",
        "estimation",
        "socket",
        "collector",
        "state",
        "snmpd",
        "pass_persist",
        "view",
        "query",
        "mib",
    ]
    said = {each.check: each.text for each in findings}
    assert said["query"].endswith("4 virtual services, 2 real servers")
    assert said["collector"].endswith("4 virtual services, 2 real servers")


@pytest.mark.parametrize(
    ("lines", "checks"),
    [
        ("", ["pass_persist"]),
        (LINE.replace("/lvs-agent pass", "/none pass"), ["pass_persist"]),
        (LINE.replace("pass-persist", "walk"), ["pass_persist"]),
        (LINE + f"view _all_ excluded {BASE}\n", ["view"]),
        (LINE + f'monitor "no real server" {BASE}.21.1.12 < 1\n', ["monitor"]),
    ],
    ids=["no line", "no program", "another command", "hidden", "no user for monitor lines"],
)
def test_only_the_root_of_it_is_said(root: Path, lines: str, checks: List[str]) -> None:
    with examined(root, lines) as look:
        assert wrongs(look()) == checks


def test_frozen_counters_are_said_once(root: Path) -> None:
    sysctl = root / "proc/sys/net/ipv4/vs/run_estimation"
    sysctl.write_text("0\n")
    with examined(root, LINE.replace("small", "frozen")) as look:
        findings = look()
    assert wrongs(findings) == ["estimation"]
    assert "countersFrozen(2)" in doctors.only(findings[-2:-1], State.NOTE).text


def test_a_responder_that_has_no_statistics_is_wrong_by_itself(root: Path) -> None:
    """Everything else is good, so the fault is the responder's own."""
    with examined(root, LINE.replace("small", "frozen")) as look:
        findings = look()
    assert wrongs(findings) == ["query"]
    assert "countersFrozen(2)" in doctors.only(findings, State.WRONG).text


def test_an_instance_has_a_state_of_its_own(root: Path) -> None:
    at = "/run/lvs-agent/collector@lb.sock"
    with examined(root, f"pass_persist {BASE} {AGENT} pass-persist --collector {at}\n") as look:
        said = {each.check: each.text for each in look()}
    assert said["collector"].endswith(f"no collector listens at {at}")
    assert said["state"].startswith("/var/lib/lvs-agent@lb: does not exist")


def test_a_collector_of_another_path_is_looked_for_there(root: Path) -> None:
    lines = f"pass_persist {BASE} {AGENT} pass-persist --collector {{}}\n"
    with examined(root, lines.format("/nonexistent")) as look:
        findings = look()
    assert wrongs(findings) == ["collector"]
    finding = doctors.only(findings, State.WRONG)
    assert finding.text.endswith("runs as root, and no collector listens at /nonexistent")
    assert finding.remedy == "lvs-agent collector --listen /nonexistent"  # / stays as it is
    place = root / "other.sock"
    with collector(place), doctors.daemon(root, lines.format(place)) as daemon:
        findings = report.examine(doctors.HalfDrawn(root, daemon.pid))
    assert wrongs(findings) == []
    assert str(place) in next(each.text for each in findings if each.check == "socket")


def test_the_file_of_aliases_is_the_one_that_snmpds_line_names(root: Path) -> None:
    file = root / "etc/lvs-agent/aliases"
    file.parent.mkdir(parents=True)
    file.write_text("192.168.99.99 nobody\n")
    (root / "names").write_text("nonsense\n")
    for option, state, said in (
        ("", State.NOTE, "1 alias; aliases that match no row now: 1, the first in line 1"),
        (f" --aliases {root}/names", State.WRONG, f"{root}/names:1: neither an address"),
    ):
        with examined(root, LINE.replace("pass-persist", f"pass-persist{option}")) as look:
            (finding,) = [each for each in look() if each.check == "aliases"]
        assert finding.state == state
        assert said in finding.text


def test_a_file_that_was_changed_since(root: Path) -> None:
    lines = LINE + f"view _all_ excluded {BASE}\n"
    for text, state in ((lines, State.WRONG), (LINE, State.NOTE)):
        with doctors.daemon(root, text) as daemon:
            (root / "snmpd.conf").write_text(address_of(daemon) + LINE + "rocommunity probe\n")
            findings = report.examine(doctors.HalfDrawn(root, daemon.pid, older=10))
        (finding,) = [each for each in findings if each.check == "snmpd.conf"]
        assert (finding.state, finding.remedy) == (state, RESTART)
        assert wrongs(findings) == (["snmpd.conf"] if state == State.WRONG else [])


def address_of(daemon: Snmpd) -> str:
    return f"agentaddress udp:{daemon.address}\n"


def test_a_wrong_community_and_a_hanging_snmpd_look_alike(root: Path) -> None:
    with doctors.daemon(root, LINE) as daemon:
        file = root / "snmpd.conf"
        text = file.read_text().replace("rocommunity probe", "rocommunity other")
        file.write_text(text)
        findings = report.examine(doctors.HalfDrawn(root, daemon.pid))
    assert "query" in wrongs(findings)


HOSTILE_LINES = b"""\
includeFile fifo
includeFile /dev/zero
includeFile other
includeFile null.conf
includeDir \xff\x1b
includeFile snmpd.conf
pass_persist -p %(digits)s .1.3.6.1.4.1.8225.4711 /bin/true
pass_persist .1.3.6.1.4.1.8225.%(digits)s /bin/true
pass_persist .1.3.6.1.4.1.8225.4711 \xff\x1b[2J' $(touch made) pass-persist
rocommunity \xff default .1.%(digits)s
rocommunity c 127.0.0.1/%(digits)s
view v included .1 %(digits)s.zz
agentaddress 127.0.0.1:%(digits)s
""" % {b"digits": 5000 * b"1"}


@pytest.mark.timeout(60)
def test_a_hostile_configuration_is_read_to_its_end(root: Path) -> None:
    (root / "null.conf").write_bytes(b"a\0b\n")
    os.mkfifo(root / "fifo")
    (root / "other").symlink_to("/etc/shadow")
    os.chown(root / "other", 65534, 65534, follow_symlinks=False)
    with doctors.daemon(root, LINE) as daemon:
        file = root / "snmpd.conf"
        file.write_bytes(HOSTILE_LINES + file.read_bytes())
        findings = report.examine(doctors.HalfDrawn(root, daemon.pid))
    reasons = [each.text.partition("not read: ")[2] for each in findings]
    assert [each for each in reasons if each] == [
        "not a regular file",
        "a link of another user",
        "line 1 contains a NUL",
        "included more than 16 levels deep",
    ]
    told = report.text(findings)
    assert (
        r"""a quote in the command, which snmpd does not pass to a shell: "\udcff\x1b[2J' $"""
        in told
    )
    assert told.replace("\n", "").isprintable()
    assert json.loads(report.as_json(findings))["status"] == report.BAD


def test_nothing_of_it_runs(tmp_path: Path) -> None:
    findings = report.examine(doctors.Picture(tmp_path))
    assert wrongs(findings) == ["ip_vs", "snmpd"]
    assert report.exit_status(findings) == report.BAD


SOME = [
    ok("ip_vs", "is there"),
    note("snmpd", "is old"),
    wrong("view", "hides", command("show")),
    unseen("state", "closed"),
]


def test_the_text_is_a_line_each_and_a_last_one() -> None:
    assert report.text(SOME).splitlines() == [
        "ok      is there",
        "note    is old",
        "wrong   hides",
        "          show",
        "unseen  closed",
        "          sudo lvs-agent doctor",
        "1 wrong, 1 not checked",
    ]
    assert report.text(SOME[:2]).splitlines()[-1] == "nothing is wrong"


HOSTILE = "a\nok      all is well\x1b[2J\x85\u202e\udcff"
SHOWN = r"a\nok      all is well\x1b[2J\x85\u202e\udcff"


def test_what_others_wrote_stays_on_its_line() -> None:
    told = report.text([wrong("view", HOSTILE, command(HOSTILE))])
    assert told.splitlines() == [f"wrong   {SHOWN}", f"          '{SHOWN}'", "1 wrong"]
    assert told.replace("\n", "").isprintable()
    assert report.as_json([wrong("view", HOSTILE)]).isascii()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_name_can_be_printed(tmp_path: Path, encoding: str) -> None:
    code = (
        "from lvs_agent import cli; from lvs_agent.doctor import finding, report\n"
        "report.examine = lambda machine: [finding.ok('x', '\\u0416 \\udcff')]\n"
        "cli.main(['doctor'])"
    )
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=False
    )
    assert done.stderr == b""
    shown = "\u0416" if encoding == "utf-8" else r"\u0416"
    assert done.stdout.decode(encoding).splitlines()[0] == f"ok      {shown} \\udcff"


def test_the_exit_status() -> None:
    assert report.exit_status(SOME) == 1
    assert report.exit_status(SOME[:2]) == 0
    assert report.exit_status([*SOME[:2], SOME[3]]) == 3


def test_json_has_all_of_it() -> None:
    told = json.loads(report.as_json(SOME))
    assert (told["version"], told["status"]) == (__version__, 1)
    assert told["findings"][0] == {
        "check": "ip_vs",
        "state": "ok",
        "text": "is there",
        "remedy": None,
    }
    assert told["findings"][2]["remedy"] == "show"


def test_the_command_on_this_machine() -> None:
    done = run("doctor", "--json")
    told = json.loads(done.stdout)
    assert done.stderr == ""
    assert told["status"] == done.returncode
    assert done.returncode in (0, 1, 3)
    done = run("doctor")
    assert done.stdout.splitlines()[-1].endswith(("wrong", "not checked"))
    assert run("doctor", "--frobnicate").returncode == 2
