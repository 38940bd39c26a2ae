# SPDX-License-Identifier: GPL-3.0-or-later
"""The files in contrib/librenms, used on a director as LibreNMS does (tests/support/librenms).

LibreNMS itself is not in Debian. By hand, its own code was run with these files, and the schema of
its definitions accepted them; SENSOR_KEYS and others are the part of the schema that they use.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
import yaml

from lvs_agent.codes import Status
from lvs_agent.snapshot import Snapshot
from tests.support import builders, directors, files, librenms, mibs, snmpd
from tests.support.directors import SimulatedDirector
from tests.support.lvsmib import oid
from tests.support.paths import CONTRIB, DATA
from tests.support.snmpd import AGENT, Snmpd

FOLDER = CONTRIB / "librenms"
DETECTION, DISCOVERY = "os_detection/lvs.yaml", "os_discovery/lvs.yaml"
SHOP = "TCP 10.2.0.1:80"
NAMES = {"lvsVs": ("lvsVsName", "lvsVsAlias"), "lvsRs": ("lvsRsFullName", "lvsRsAlias")}

# of the recorded director: 23 services, 24 real servers, and the director itself
COUNT = 23 * 7 + 24 * 2 + 7

# from discovery_schema.json: required keys, allowed ones, and the pattern of num_oid
SENSOR_KEYS = {"oid", "value", "num_oid", "index", "descr", "group", "snmp_flags"}
NUMBER_KEYS = {"low_limit", "warn_limit", "high_limit", "multiplier"}
STATE_KEYS = {"descr", "graph", "value", "generic"}
NUM_OID = re.compile(r"(\.\d+)+(\.?\{\{ \$index \}\})?(\.\d+)*")
# columns of LibreNMS' table sensors
LONGEST_INDEX, LONGEST_TEXT = 128, 255


def loaded(file: str) -> Dict[str, Any]:
    definition: Dict[str, Any] = yaml.safe_load((FOLDER / file).read_text())
    return definition


def entries() -> Iterator[Tuple[str, Dict[str, Any]]]:
    """Yield the class and the definition of each sensor."""
    for kind, found in loaded(DISCOVERY)["modules"]["sensors"].items():
        assert found.keys() == {"data"}
        for entry in found["data"]:
            yield kind, entry


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    """A recorded director, with rows of every kind, where one service has an alias."""
    folder = tmp_path_factory.mktemp("director")
    (folder / "aliases").write_text(f"{SHOP} shop\n")
    replay = f"--replay {DATA / 'directors' / 'options'} --aliases {folder / 'aliases'}"
    with snmpd.running(folder / "snmpd", f"{AGENT} pass-persist {replay}") as running:
        yield running


@pytest.fixture(scope="module")
def sensors(director: Snmpd) -> List[librenms.Sensor]:
    return librenms.discovered(loaded(DISCOVERY), director)


def test_generate_writes_these_files(tmp_path: Path) -> None:
    done = files.run(str(FOLDER / "generate"), str(tmp_path))
    assert done.returncode == 0, done.stderr
    for file in (DETECTION, DISCOVERY):
        assert (tmp_path / file).read_text() == (FOLDER / file).read_text()


def test_the_definitions_follow_librenms_schema() -> None:
    assert loaded(DISCOVERY).keys() == {"mib", "modules"}
    for kind, entry in entries():
        states = {"state_name", "states"} if kind == "state" else set()
        assert entry.keys() >= {"oid", "num_oid", "descr"} | states
        assert entry.keys() <= SENSOR_KEYS | NUMBER_KEYS | states
        assert all(isinstance(entry[key], str) for key in entry.keys() & SENSOR_KEYS)
        assert all(isinstance(entry[key], (int, float)) for key in entry.keys() & NUMBER_KEYS)
        assert NUM_OID.fullmatch(entry["num_oid"])
        for state in entry.get("states", []):
            assert state.keys() == STATE_KEYS
            assert state["generic"] in (0, 1, 2, 3)
    assert {kind for kind, _ in entries()} == {"count", "bitrate", "state"}


def test_states_are_those_of_the_mib(tmp_path: Path) -> None:
    (states,) = (entry["states"] for _, entry in entries() if entry["index"] == "lvsAgentStatus")
    compiled = mibs.compiled(mibs.MIB, tmp_path)["lvsAgentStatus"]["syntax"]
    enumeration = compiled["constraints"]["enumeration"]
    assert {state["descr"]: state["value"] for state in states} == enumeration
    assert {state["value"] for state in states} == set(Status)


def test_each_row_has_its_sensors(director: Snmpd, sensors: List[librenms.Sensor]) -> None:
    walk = snmpd.values(director.walk())
    expected = set()
    for kind, entry in entries():
        name = entry.get("value", entry["oid"])[len("LVS-MIB::") :]
        label = entry["descr"].partition(" {{")[0]
        instances = [each[len(oid(name)) :] for each in walk if each.startswith(f"{oid(name)}.")]
        assert instances
        for instance in instances:
            named = [walk.get(f"{oid(each)}{instance}") for each in NAMES.get(name[:5], ())]
            descr = " ".join([label, *(word for word in named if word)])
            expected.add((kind, oid(name) + instance, descr))
    assert {(each.kind, each.oid, each.descr) for each in sensors} == expected
    assert len(sensors) == COUNT
    for sensor, value in librenms.polled(director, sensors):
        assert value == sensor.value == float(walk[sensor.oid]) * sensor.multiplier


def test_sensors_are_distinct_and_fit_the_database(sensors: List[librenms.Sensor]) -> None:
    assert len({(sensor.kind, sensor.index) for sensor in sensors}) == len(sensors)
    widest = "SCTP [2001:db8:1234:5678:9abc:def0:1234:5678]:65535"
    assert len(f"lvsRsActiveConns.{widest} -> {widest[5:]}") <= LONGEST_INDEX
    assert max(len(sensor.index) for sensor in sensors) <= LONGEST_INDEX
    assert max(len(text) for each in sensors for text in (each.oid, each.descr)) <= LONGEST_TEXT


def test_a_services_sensors_have_its_name_and_alias_as_heading(
    sensors: List[librenms.Sensor],
) -> None:
    groups = [sensor.descr for sensor in sensors if sensor.group == f"{SHOP} shop"]
    assert len(groups) == 7
    assert f"Real servers up {SHOP} shop" in groups


def test_without_numbers_in_instances_no_sensor_of_a_row_has_a_value(director: Snmpd) -> None:
    definition = loaded(DISCOVERY)
    for kind in definition["modules"]["sensors"].values():
        for entry in kind["data"]:
            del entry["snmp_flags"]
    sensors = librenms.discovered(definition, director)
    assert len(sensors) == COUNT
    walk = set(snmpd.oids(director.walk()))
    assert sum(sensor.oid in walk for sensor in sensors) == 7


def test_a_director_is_detected_and_other_hosts_are_not(director: Snmpd, tmp_path: Path) -> None:
    (condition,) = loaded(DETECTION)["discovery"]
    assert condition.keys() == {"sysObjectID", "snmpget"}
    assert condition["snmpget"]["op"] == "regex"
    pattern = condition["snmpget"]["value"].strip("/")
    with snmpd.configured(tmp_path / "snmpd", "rocommunity public 127.0.0.1") as other:
        for host, matches in ((director, True), (other, False)):
            assert librenms.got(host, ".1.3.6.1.2.1.1.2.0") == condition["sysObjectID"]
            got = librenms.got(host, condition["snmpget"]["oid"])
            assert bool(re.search(pattern, got)) == matches


def annotate(snapshot: Snapshot) -> None:
    """Count what the director has lost: all but the present ones of five services."""
    for service in snapshot.services:
        service.lost = service.lost or 0
    snapshot.lost_services = 5 - len(snapshot.services)
    snapshot.lost_servers = sum(service.lost or 0 for service in snapshot.services)


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path / "director", annotate=annotate) as running:
        yield running


def test_limits_and_states_report_what_is_wrong(simulated: SimulatedDirector) -> None:
    simulated.serve(*directors.farm())
    sensors = librenms.discovered(loaded(DISCOVERY), simulated.snmpd)
    assert librenms.alarms(librenms.polled(simulated.snmpd, sensors)) == []
    http, https, *rest = directors.farm()[:-1]
    http.lost = 2
    https.real_servers[0].weight = https.real_servers[1].weight = 0
    simulated.status = Status.DEGRADED
    simulated.serve(http, https, *rest)
    gone = "TCP [2001:db8::10]:443"
    found = librenms.alarms(librenms.polled(simulated.snmpd, sensors))
    # LibreNMS takes the missing values of a service for 0 until the next discovery
    assert [alarm for alarm in found if gone not in alarm] == [
        "alert: Lost virtual services",
        "warning: Lost real servers",
        "alert: Real servers up TCP 192.0.2.10:443",
        "warning: Real servers lost TCP 192.0.2.10:80",
        "warning: Status of the agent",
        "warning: State TCP 192.0.2.10:443 -> 10.0.2.1:80",
        "warning: State TCP 192.0.2.10:443 -> 10.0.2.2:80",
    ]
    assert [alarm for alarm in found if gone in alarm] == [f"alert: Real servers up {gone}"]


def test_traffic_is_in_bits(simulated: SimulatedDirector) -> None:
    simulated.serve(builders.service("192.0.2.10", 80, rates=directors.counted(1000, 2000)))
    sensors = librenms.discovered(loaded(DISCOVERY), simulated.snmpd)
    traffic = {each.descr: each.value for each in sensors if each.kind == "bitrate"}
    assert traffic["Traffic from clients TCP 192.0.2.10:80"] == 8000
    assert traffic["Traffic to clients"] == 16000
