# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of contrib/nagios/lvs.cfg, with the real check_snmp and lvs-agent check.

faketime sets the time of checks that compute a rate.
"""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Set, Tuple

import pytest

from lvs_agent.codes import Status
from lvs_agent.collector.history import History
from lvs_agent.services import VirtualService
from lvs_agent.snapshot import LostRow, Snapshot
from tests.support import builders, directors, files
from tests.support.directors import SimulatedDirector, counted
from tests.support.paths import CONTRIB
from tests.support.snmpd import AGENT

OK, WARNING, CRITICAL, UNKNOWN = range(4)
VIP = "TCP 192.0.2.10:443"
CONFIG = CONTRIB / "nagios" / "lvs.cfg"
INI, STATE = "/etc/nagios-plugins/lvs.ini", "/var/lib/nagios"
PROGRAM, CONF = "/opt/lvs-agent/bin/lvs-agent", "/etc/nagios-plugins/lvs-snmp.conf"
OF_NAGIOS = ("commands", "contacts", "timeperiods", "templates")
SECONDS = 60
MEGA = 10**6

# one farm for each check; for rates the checks are one minute apart
Steps = List[List[VirtualService]]


def farm(
    up: int = 2, active: int = 10, conns: int = 0, in_bytes: int = 0, lost: int = 0
) -> List[VirtualService]:
    """Return the service of lvs.cfg with two servers, of which the first `up` have a weight."""
    servers = [
        builders.server(f"10.0.2.{host}", 80, weight=5 * int(host <= up), active_conns=active // 2)
        for host in (1, 2)
    ]
    traffic = counted(in_bytes, out_bytes=2 * in_bytes, conns=conns)
    return [builders.service("192.0.2.10", 443, *servers, counters=traffic, lost=lost)]


def rising(**per_second: int) -> Steps:
    return [
        farm(**{name: rate * SECONDS * step for name, rate in per_second.items()})
        for step in (1, 2)
    ]


# the service of lvs.cfg is lost, see losing()
ANOTHER = [builders.service("192.0.2.10", 80, builders.server(active_conns=9), lost=0)]

CASES: Dict[str, List[Tuple[Steps, int, str]]] = {
    f"{VIP} real servers": [
        ([farm()], OK, "SNMP OK - up 2 of 2 | up=2;2:;1: of=2;;"),
        ([farm(up=1)], WARNING, "SNMP WARNING - up *1* of 2 | up=1;2:;1: of=2;;"),
        ([farm(up=0)], CRITICAL, "SNMP CRITICAL - up *0* of 2 | up=0;2:;1: of=2;;"),
        ([ANOTHER], UNKNOWN, "No valid data returned (No Such Instance"),
    ],
    f"{VIP} active connections": [
        ([farm(active=5000)], OK, "SNMP OK - active 5000 |"),
        ([farm(active=5002)], WARNING, "SNMP WARNING - active *5002* |"),
        ([farm(active=8002)], CRITICAL, "SNMP CRITICAL - active *8002* |"),
        ([ANOTHER], UNKNOWN, "No valid data returned (No Such Instance"),
    ],
    f"{VIP} connections per second": [
        ([farm(conns=10**9)], OK, "No previous data to calculate rate - assume okay"),
        (rising(conns=1000), OK, "SNMP RATE OK - connections/s 1000 | connections/s=1000;"),
        (rising(conns=1001), WARNING, "SNMP RATE WARNING - connections/s *1001* |"),
        (rising(conns=2001), CRITICAL, "SNMP RATE CRITICAL - connections/s *2001* |"),
        ([ANOTHER], UNKNOWN, "No valid data returned (No Such Instance"),
    ],
    f"{VIP} traffic": [
        (rising(in_bytes=62 * MEGA), OK, "SNMP RATE OK - in 496000000 out 992000000 |"),
        (rising(in_bytes=63 * MEGA), WARNING, "SNMP RATE WARNING - in *504000000* out 1008000000"),
        (rising(in_bytes=113 * MEGA), CRITICAL, "SNMP RATE CRITICAL - in *904000000* out"),
        ([ANOTHER], UNKNOWN, "No valid data returned (No Such Instance"),
    ],
    f"{VIP} real server 10.0.2.1:80": [
        ([farm()], OK, "SNMP OK - weight 5 |"),
        ([farm(up=0)], CRITICAL, "SNMP CRITICAL - weight *0* |"),
        ([ANOTHER], UNKNOWN, "No valid data returned (No Such Instance"),
    ],
    VIP: [
        ([farm()], OK, f"LVS OK - {VIP}: 2 of 2 real servers up |"),
        (
            [farm(up=1)],
            WARNING,
            f"LVS WARNING - {VIP}: 1 of 2 real servers up, weight 0: 10.0.2.2:80 since ",
        ),
        (
            [farm(up=0)],
            CRITICAL,
            f"LVS CRITICAL - {VIP}: 0 of 2 real servers up",
        ),
        (
            [farm(lost=2)],
            WARNING,
            f"LVS WARNING - {VIP}: 2 of 4 real servers up, 2 lost",
        ),
        ([ANOTHER], CRITICAL, f"LVS CRITICAL - {VIP}: lost since "),
    ],
    "VIP 192.0.2.10": [
        ([farm()], OK, "LVS OK - VIP 192.0.2.10: 1 of 1 services up |"),
        (
            [[*farm(up=0), *ANOTHER]],
            CRITICAL,
            "LVS CRITICAL - VIP 192.0.2.10: 1 of 2 services up, down: TCP",
        ),
        ([[]], CRITICAL, f"LVS CRITICAL - VIP 192.0.2.10: 1 of 1 services lost: {VIP} since "),
    ],
    "RIP 10.0.2.1": [
        ([farm()], OK, "LVS OK - RIP 10.0.2.1: up in 1 of 1 services |"),
        ([farm(up=0)], CRITICAL, "LVS CRITICAL - RIP 10.0.2.1: up in 0 of 1 services |"),
        ([ANOTHER], CRITICAL, "LVS CRITICAL - RIP 10.0.2.1: no such RIP on the director |"),
    ],
    f"{VIP} lost real servers": [
        ([farm()], OK, "SNMP OK - lost 0 | lost=0;:0"),
        ([farm(lost=2)], WARNING, "SNMP WARNING - lost *2* |"),
        ([ANOTHER], UNKNOWN, "No valid data returned (No Such Instance"),
    ],
    "lost": [
        ([farm()], OK, "SNMP OK - services 0 servers 0 |"),
        ([farm(lost=2)], WARNING, "SNMP WARNING - services 0 servers *2* |"),
        ([ANOTHER], CRITICAL, "SNMP CRITICAL - services *1* servers 0 |"),
    ],
    "all services": [
        ([farm()], OK, f"LVS OK - {VIP}: 2 of 2 real servers up | active=10;;;0 lost=0;;;0"),
        ([farm(lost=2)], WARNING, f"LVS WARNING - {VIP}: 2 of 4 real servers up, 2 lost"),
        ([farm(up=0)], CRITICAL, f"LVS CRITICAL - {VIP}: 0 of 2 real servers up"),
        ([ANOTHER], CRITICAL, f"LVS CRITICAL - 1 of 2 services lost: {VIP} since "),
        ([[]], CRITICAL, f"LVS CRITICAL - 1 of 1 services lost: {VIP} since "),
    ],
    "all services, if any": [
        ([farm()], OK, f"LVS OK - {VIP}: 2 of 2 real servers up | active=10;;;0 lost=0;;;0"),
        ([farm(up=0)], CRITICAL, f"LVS CRITICAL - {VIP}: 0 of 2 real servers up"),
        ([[]], OK, "LVS OK - no services, as on a standby director; 1 of 1 services lost"),
    ],
}

AGENT_STATUS = [
    (Status.OK, OK, 'SNMP OK - status 1 text ""'),
    (Status.COUNTERS_FROZEN, WARNING, "SNMP WARNING - status *2* text"),
    (Status.DEGRADED, WARNING, "SNMP WARNING - status *7* text"),
    (Status.NO_IPVS, CRITICAL, "SNMP CRITICAL - status *4* text"),
    (Status.EXPIRED, CRITICAL, "SNMP CRITICAL - status *6* text"),
]


class Nagios:
    """The services of lvs.cfg, checked as by Nagios: in a shell, with macros replaced."""

    def __init__(self, folder: Path, director: SimulatedDirector) -> None:
        ini = folder / "lvs.ini"
        ini.write_text(f"{(CONTRIB / 'nagios/lvs.ini').read_text()}port={director.port}\n")
        conf = folder / "lvs-snmp.conf"
        text = (CONTRIB / "nagios/lvs-snmp.conf").read_text()
        conf.write_text(f"{text}defaultPort {director.port}\n")
        self._paths = {INI: str(ini), CONF: str(conf), PROGRAM: str(AGENT), STATE: str(folder)}
        self._minute = 0

    def check(self, service: str) -> Tuple[int, str]:
        """Return exit status and output of a service's check, a minute after the last one."""
        name, *arguments = services()[service].split("!")
        line = commands()[name].replace("$HOSTADDRESS$", "127.0.0.1")
        for number, argument in enumerate(arguments, 1):
            line = line.replace(f"$ARG{number}$", argument)
        assert "$" not in line
        for path, ours in self._paths.items():
            line = line.replace(path, ours)
        passed: List[str] = []
        if "--rate" in line:
            # faketime stops the clock, so time-outs would not expire: only for rates
            passed = ["faketime", "-f", f"2026-01-01 00:{self._minute:02}:00"]
            self._minute += 1
        done = files.run(*passed, "sh", "-c", line)
        return done.returncode, done.stdout


def commands() -> Dict[str, str]:
    return {each["command_name"]: each["command_line"] for each in defined("command")}


def services() -> Dict[str, str]:
    return {each["service_description"]: each["check_command"] for each in defined("service")}


def defined(kind: str) -> List[Dict[str, str]]:
    """Return the objects of one kind in lvs.cfg."""
    blocks = re.findall(rf"^define {kind} {{\n(.*?)^}}", CONFIG.read_text(), re.M | re.S)
    return [dict(line.split(None, 1) for line in block.splitlines()) for block in blocks]


def losing() -> Callable[[Snapshot], None]:
    """Return an annotate() for directors that have lost the service of lvs.cfg if it is absent.

    The other services keep the number of lost servers that they were made with.
    """
    history = History(None)

    def annotate(snapshot: Snapshot) -> None:
        lost = [service.lost for service in snapshot.services]
        history.annotate(snapshot)
        for service, count in zip(snapshot.services, lost):
            service.lost = count
        if VIP not in {service.name for service in snapshot.services}:
            snapshot.lost = [LostRow(VIP, "", None, time.time())]
        snapshot.lost_services = len(snapshot.lost)
        snapshot.lost_servers = sum(count or 0 for count in lost)

    return annotate


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    folder = tmp_path_factory.mktemp("director")
    with directors.running(folder, annotate=losing()) as running:
        yield running


@pytest.mark.parametrize(
    ("service", "case"),
    [(service, case) for service in CASES for case in range(len(CASES[service]))],
)
def test_each_service_is_what_its_director_is(
    director: SimulatedDirector, tmp_path: Path, service: str, case: int
) -> None:
    steps, status, output = CASES[service][case]
    nagios = Nagios(tmp_path, director)
    for step in steps:
        director.serve(*step)
        checked = nagios.check(service)
    assert checked[0] == status
    assert checked[1].startswith(output)


@pytest.mark.parametrize(("given", "status", "output"), AGENT_STATUS)
def test_the_agents_status_is_checked(
    director: SimulatedDirector, tmp_path: Path, given: Status, status: int, output: str
) -> None:
    director.status = given
    director.serve(*farm())
    checked = Nagios(tmp_path, director).check("agent")
    director.status = Status.OK
    assert checked[0] == status
    assert checked[1].startswith(output)


def test_every_service_and_command_has_been_tried() -> None:
    assert services().keys() == {*CASES, "agent"}
    used = {command.partition("!")[0] for command in services().values()}
    assert used == commands().keys()


def test_a_director_that_does_not_answer_is_unknown(
    director: SimulatedDirector, tmp_path: Path
) -> None:
    nagios = Nagios(tmp_path, director)
    ini = tmp_path / "lvs.ini"
    ini.write_text(ini.read_text().replace("=public", "=wrong") + "retries=1\ntimeout=1\n")
    expected = f"External command error: Timeout: No Response from {director.address}.\n"
    assert nagios.check("agent") == (UNKNOWN, expected)


def test_nagios_takes_the_file(tmp_path: Path) -> None:
    lines = [f"cfg_file=/etc/nagios4/objects/{name}.cfg" for name in OF_NAGIOS]
    lines += ["cfg_dir=/etc/nagios-plugins/config", f"cfg_file={CONFIG}"]
    lines += ["nagios_user=root", "nagios_group=root"]
    config = tmp_path / "nagios.cfg"
    config.write_text("\n".join([*lines, "illegal_macro_output_chars=`~$&|'\"<>", ""]))
    done = files.run("nagios4", "-v", str(config))
    assert f"Checked {len(services())} services." in done.stdout
    assert "Total Warnings: 0\nTotal Errors:   0\n" in done.stdout


ICINGA = """
const PluginDir = "/usr/lib/nagios/plugins"
const NodeName = "test"
include <itl>
object CheckerComponent "checker" {{ }}
object PerfdataWriter "seen" {{
  service_perfdata_path = "{folder}/service"
  service_temp_path = "{folder}/service.new"
  host_perfdata_path = "{folder}/host"
  host_temp_path = "{folder}/host.new"
  rotation_interval = 1s
  service_format_template = "$service.name$ = $service.state$: $service.output$"
}}
include "{config}"
"""
ICINGA_FOLDERS = ("DataDir", "LogDir", "InitRunDir", "CacheDir", "SpoolDir")


def test_icinga_checks_what_its_file_says(director: SimulatedDirector, tmp_path: Path) -> None:
    director.serve(*farm(up=1, active=5002, conns=5))
    expected = {
        f"active connections of {VIP} = WARNING: SNMP WARNING - active *5002* ",
        f"connections per second of {VIP} = OK: No previous data to calculate rate - assume okay",
        f"connections per second of {VIP} = OK: SNMP RATE OK - connections/s 0 ",
        f"real servers of {VIP} = WARNING: SNMP WARNING - up *1* of 2 ",
        'agent = OK: SNMP OK - status 1 text "" ',
        "lost = OK: SNMP OK - services 0 servers 0 ",
        f"all services = WARNING: LVS WARNING - {VIP}: 1 of 2 real servers up,"
        " weight 0: 10.0.2.2:80 ",
        "state of VIP 192.0.2.10 = OK: LVS OK - VIP 192.0.2.10: 1 of 1 services up ",
        "state of RIP 10.0.2.1 = OK: LVS OK - RIP 10.0.2.1: up in 1 of 1 services ",
        f"state of {VIP} = WARNING: LVS WARNING - {VIP}: 1 of 2 real servers up,"
        " weight 0: 10.0.2.2:80 ",
    }
    await_checks(director, tmp_path, expected, {})


def test_icinga_allows_a_standby_director_to_be_empty(
    director: SimulatedDirector, tmp_path: Path
) -> None:
    director.serve()
    empty = "LVS OK - no services, as on a standby director; 1 of 1 services lost"
    expected = {f"all services = OK: {empty}: {VIP} "}
    await_checks(
        director, tmp_path, expected, {"lvs_standby = false\n  vars": "lvs_standby = true\n  vars"}
    )


def await_checks(
    director: SimulatedDirector, tmp_path: Path, expected: Set[str], replaced: Dict[str, str]
) -> None:
    """Run Icinga until it has seen the expected states and outputs."""
    Nagios(tmp_path, director)
    config = files.put(
        (CONTRIB / "nagios" / "icinga2.conf").read_text(),
        {
            INI: str(tmp_path / "lvs.ini"),
            CONF: str(tmp_path / "lvs-snmp.conf"),
            PROGRAM: str(AGENT),
            "/var/lib/icinga2": str(tmp_path),
            '192.0.2.1"': '127.0.0.1"',
            "= 1m": "= 1s",
            **replaced,
        },
    )
    (tmp_path / "lvs.conf").write_text(config)
    (tmp_path / "icinga2.conf").write_text(
        ICINGA.format(folder=tmp_path, config=tmp_path / "lvs.conf")
    )
    folders = [f"-D{name}={tmp_path / name}" for name in ICINGA_FOLDERS]
    for name in ICINGA_FOLDERS:
        (tmp_path / name).mkdir()
    command = ["icinga2", "daemon", "-c", str(tmp_path / "icinga2.conf"), *folders]
    with subprocess.Popen(
        [*command, "-DRunAsUser=root", "-DRunAsGroup=root"],
        stdout=(tmp_path / "icinga2.log").open("w"),
        start_new_session=True,
    ) as running:
        try:
            seen: Set[str] = set()
            while not expected <= seen:
                assert running.poll() is None, (tmp_path / "icinga2.log").read_text()
                for written in tmp_path.glob("service.[0-9]*"):
                    text = re.sub(r" since [^)]*\)", "", written.read_text())
                    seen.update(text.splitlines())
        finally:
            running.terminate()
