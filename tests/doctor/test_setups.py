# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound set-ups, each with a real snmpd: nothing is wrong, and no remedy is proposed for them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Sequence

import pytest

from lvs_agent.doctor import report
from lvs_agent.doctor.collector import SOCKET_PATH
from lvs_agent.doctor.finding import Finding, State
from tests.support import doctors, snmpd
from tests.support.commands import collector
from tests.support.lvsmib import BASE
from tests.support.recorded import SMALL
from tests.support.snmpd import AGENT, Snmpd

REPLAY = f"{AGENT} pass-persist --replay {SMALL}"
LINE = f"pass_persist {BASE} {REPLAY}"
# a community that shows when snmpd is up, and sees nothing of LVS-MIB
UP = "rocommunity probe 127.0.0.1 .1.3.6.1.2.1.1"
NEAR = "rocommunity near 127.0.0.1"
FAR = "rocommunity far 192.0.2.0/24"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return doctors.director(tmp_path)


@contextmanager
def running(
    root: Path, *lines: str, transport: str = "udp", options: Sequence[str] = ()
) -> Iterator[Snmpd]:
    """Run a collector, and snmpd with these lines."""
    with (
        collector(root / SOCKET_PATH.lstrip("/")),
        snmpd.configured(
            root, UP, *lines, community="probe", transport=transport, options=options
        ) as daemon,
    ):
        yield daemon


def sound(findings: List[Finding], *checks: str) -> Dict[str, Finding]:
    """Assert that only these checks are not ok, and that they say nothing to do; return them."""
    odd = [each for each in findings if each.state != State.OK and each.check != "mib"]
    assert [each.check for each in odd if each.check not in checks] == []
    assert [each.text for each in odd if each.state == State.WRONG or each.remedy] == []
    return {each.check: each for each in findings}


SETUPS = {
    "several communities": ([LINE, FAR, NEAR], []),
    "a community for another address": ([LINE, FAR], ["view", "query"]),
    "a community for a host's name": (
        [LINE, "rocommunity c poll.example.org"],
        ["view", "query"],
    ),
    "a user": ([LINE, "rouser who"], ["view", "query"]),
    "a partial view": ([LINE, f"rocommunity part 127.0.0.1 {BASE}.26"], ["view"]),
    "a partial view without the status": (
        [LINE, f"rocommunity part 127.0.0.1 {BASE}.21"],
        ["view", "query"],
    ),
    "SNMPv1": ([LINE, "rocommunity -v 1 old 127.0.0.1"], ["view", "query"]),
    "white space": ([f"{LINE} \t ", NEAR], []),
    "a priority": ([f"pass_persist -p 10 {BASE} {REPLAY}", NEAR], []),
    "CRLF": ([f"{LINE}\r", "view v included .1\r", "rocommunity near 127.0.0.1 -V v\r"], []),
    "a file to include that is not there": ([LINE, NEAR, "includeDir /none"], ["pass_persist"]),
}


@pytest.mark.parametrize("name", SETUPS)
def test_a_sound_configuration(root: Path, name: str) -> None:
    lines, checks = SETUPS[name]
    with running(root, *lines) as daemon:
        findings = report.examine(doctors.HalfDrawn(root, daemon.pid))
    found = sound(findings, "view", *checks)
    assert found["pass_persist"].text
    if "query" not in checks:
        assert found["query"].text.endswith("4 virtual services, 2 real servers")


def test_priorities(root: Path) -> None:
    lines = [f"pass_persist -p {each} {BASE} {REPLAY}" for each in (20, 10)]
    with running(root, *lines, NEAR) as daemon:
        findings = report.examine(doctors.HalfDrawn(root, daemon.pid))
    assert State.WRONG not in doctors.states(findings)
    (unused,) = [each for each in findings if ": not used: " in each.text]
    assert unused.text.startswith(f"{root}/snmpd.conf:3: not used: {root}/snmpd.conf:2 ")
    assert unused.state == State.NOTE


def test_a_listener_on_tcp(root: Path) -> None:
    with running(root, LINE, NEAR, transport="tcp") as daemon:
        findings = report.examine(doctors.HalfDrawn(root, daemon.pid))
    found = sound(findings, "view")
    assert found["query"].text.startswith(f"snmpd at {daemon.address}: answers in ")


def test_a_listener_that_the_doctor_can_not_query(root: Path) -> None:
    with running(root, LINE, NEAR) as daemon:
        file = root / "snmpd.conf"
        file.write_text(file.read_text().replace("udp:127.0.0.1", "unix:/none"))
        findings = report.examine(doctors.HalfDrawn(root, daemon.pid, older=-60))
    assert "no numeric address of UDP or TCP" in sound(findings, "view", "query")["query"].text


def test_monitor_lines_without_their_module(root: Path) -> None:
    options = ("-I", "-smux,mteTrigger,mteTriggerConf")
    lines = ("iquerySecName who", 'monitor -r 60 "none" 1.3.6.1.2.1.1.3.0 < 1')
    with running(root, LINE, NEAR, *lines, options=options) as daemon:
        assert "Unknown token: monitor" in daemon.log.read_text()
        findings = report.examine(doctors.HalfDrawn(root, daemon.pid))
    sound(findings, "view")


def test_a_snapshot_from_before_the_module_was_unloaded(root: Path) -> None:
    with running(root, f"pass_persist {BASE} {AGENT} pass-persist --replay {root}", NEAR) as daemon:
        shutil.copytree(SMALL, root, dirs_exist_ok=True)
        assert len(daemon.ask("snmpwalk", BASE, community="near").splitlines()) > 50
        for table in (root / "proc/self/net").glob("ip_vs*"):
            table.unlink()
        findings = report.examine(doctors.HalfDrawn(root, daemon.pid))
    bad = [each for each in findings if each.state == State.WRONG]
    assert [each.text.partition(";")[0] for each in bad] == ["ip_vs is not loaded"]


def test_a_partial_view_of_a_large_director_is_wrong(root: Path) -> None:
    row = "  -> 0A02{:04X}:0050      Masq    1      0          0\n"
    servers = "".join(map(row.format, range(600)))
    with (root / "proc/self/net/ip_vs").open("a") as table:
        table.write(f"TCP  0A010001:0050 wlc\n{servers}")
    with running(root, LINE, NEAR, f"rocommunity part 127.0.0.1 {BASE}.26") as daemon:
        findings = report.examine(doctors.HalfDrawn(root, daemon.pid))
    finding = doctors.only(findings, State.WRONG)
    assert finding.check == "view"
    assert "shows only a part" in finding.text


SCRIPT = """\
ip link set lo up
/usr/sbin/snmpd -f -Lf {folder}/log -C -c {folder}/snmpd.conf & snmpd=$!
until snmpget -v2c -c near -t 0.2 -r 0 127.0.0.1:1161 .1.3.6.1.2.1.1.3.0; do
    kill -0 $snmpd || exit
done > /dev/null 2>&1
{agent} doctor --json
kill $snmpd
"""


def inside(folder: Path, *command: str) -> List[Dict[str, str]]:
    """Return the doctor's findings on an snmpd, both started by a command like unshare."""
    (folder / "snmpd.conf").write_text(f"{NEAR}\nagentaddress 127.0.0.1:1161\n{LINE}\n")
    script = SCRIPT.format(folder=folder, agent=AGENT)
    environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(folder / "persistent"), "MIBS": ""}
    done = subprocess.run(
        [*command, "sh", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    findings: List[Dict[str, str]] = json.loads(done.stdout)["findings"]
    return findings


def test_a_container_without_systemd(tmp_path: Path) -> None:
    unshare = ("unshare", "--fork", "--pid", "--mount", "--mount-proc", "--net", "--uts", "--ipc")
    findings = inside(tmp_path, *unshare)
    bad = [each["check"] for each in findings if each["state"] in ("wrong", "unseen")]
    assert [each for each in bad if each != "ip_vs"] == []  # the kernel of this machine may lack it
    said = {each["check"]: each["text"] for each in findings}
    assert said["query"].endswith("4 virtual services, 2 real servers")


def test_another_network_namespace(tmp_path: Path) -> None:
    (tmp_path / "snmpd.conf").write_text(f"{NEAR}\n{LINE}\n")
    command = ["unshare", "--net", "/usr/sbin/snmpd", "-f", "-C", "-c", f"{tmp_path}/snmpd.conf"]
    with subprocess.Popen([*command, "udp:127.0.0.1:1161"]) as process:
        try:
            while Path(f"/proc/{process.pid}/comm").read_text() != "snmpd\n":
                assert process.poll() is None
            (finding,) = report.examine(doctors.Beside(process.pid))
        finally:
            process.kill()
    assert finding.state == State.UNSEEN
    assert (
        finding.text
        == f"snmpd (pid {process.pid}) runs in another network namespace than the doctor"
    )
    assert finding.remedy == f"nsenter -t {process.pid} -n lvs-agent doctor"
