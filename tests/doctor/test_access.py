# SPDX-License-Identifier: GPL-3.0-or-later
"""Access to the subtree by snmpd's configuration: the doctor's verdict and net-snmp's own."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Dict, List

import pytest

from lvs_agent.doctor.access import Reader, Sight, Views, readers
from lvs_agent.mib.lvs import LVS
from lvs_agent.netsnmp import snmpdconf
from lvs_agent.netsnmp.oids import SUBTREE
from lvs_agent.netsnmp.reader import Config
from lvs_agent.netsnmp.snmpdconf import Invocation
from tests.support import doctors
from tests.support.doctors import DEBIAN, REDHAT
from tests.support.lvsmib import oid
from tests.support.recorded import SMALL
from tests.support.snmpd import AGENT

STATUS = oid("lvsAgentStatus", 0)

# Lines with one community each, and how much of the subtree its view shows.
CASES: Dict[str, Sight] = {
    "rocommunity all": Sight.ALL,
    "rwcommunity writes": Sight.ALL,
    "rocommunity source 127.0.0.1": Sight.ALL,
    "rocommunity above default .1.3.6.1.4.1": Sight.ALL,
    "rocommunity undotted default 1.3.6.1.4.1.8225": Sight.ALL,
    "rocommunity named default iso.3.6.1.4": Sight.ALL,
    "rocommunity same default .1.3.6.1.4.1.8225.4711": Sight.ALL,
    "rocommunity beside default .1.3.6.1.2.1.1": Sight.NONE,
    "rocommunity longer default .1.3.6.1.4.1.8225.47110": Sight.NONE,
    'rocommunity "in quotes" default -V open': Sight.ALL,
    "rocommunity none default -V _none_": Sight.NONE,
    "rocommunity absent default -V absent": Sight.NONE,
    "rocommunity systemonly default -V systemonly": Sight.NONE,
    "rocommunity open default -V open": Sight.ALL,
    "rocommunity cut default -V cut": Sight.NONE,
    "rocommunity reopened default -V reopened": Sight.ALL,
    "rocommunity reordered default -V reordered": Sight.ALL,
    "rocommunity first default -V first": Sight.NONE,
    "rocommunity masked default -V masked": Sight.ALL,
    "rocommunity compared default -V compared": Sight.NONE,
    "rocommunity part default -V part": Sight.PART,
    "rocommunity hole default -V hole": Sight.PART,
    "rocommunity wrongtype default -V wrongtype": Sight.NONE,
    "rocommunity shadowed default -V systemonly\nrocommunity shadowed default -V open": Sight.NONE,
    "rocommunity later 192.0.2.1 -V systemonly\nrocommunity later default -V open": Sight.ALL,
    "authcommunity read authorised": Sight.ALL,
    "authcommunity log,execute logs": Sight.NONE,
    "com2sec s1 default old\ngroup g1 v2c s1\naccess g1 '' any noauth exact open none none": (
        Sight.ALL
    ),
    "com2sec s2 default hid\ngroup g2 v2c s2\naccess g2 '' any noauth exact systemonly none none": (
        Sight.NONE
    ),
    "com2sec s3 default nogroup": Sight.NONE,
}
VIEWS = """\
view systemonly included .1.3.6.1.2.1.1
view open included .1.3.6.1.2.1.1
view open included .1.3.6.1.4.1.8225.4711
view cut included .1
view cut excluded .1.3.6.1.4.1
view reopened included .1
view reopened excluded .1.3.6.1.4.1
view reopened included .1.3.6.1.4.1.8225
view reordered included .1.3.6.1.4.1.8225
view reordered excluded .1.3.6.1.4.1
view first excluded .1.3.6.1.4.1.8225
view first included .1.3.6.1.4.1.8225
view masked included .1.3.6.1.4.1.9999.4711 FD
view compared included .1.3.6.1.4.1.9999.4711 FE
view part included .1.3.6.1.4.1.8225.4711.26
view hole included .1.3.6.1.4.1.8225.4711
view hole excluded .1.3.6.1.4.1.8225.4711.3
view wrongtype Included .1.3.6.1.4.1.8225.4711
"""


HERE = ipaddress.ip_address("127.0.0.1")


def config(machine: doctors.Picture) -> Config:
    return snmpdconf.read(machine, Invocation())


def sights(found: Config, community: str) -> List[Sight]:
    views = Views(found)
    able = [each for each in readers(found) if each.community == community and each.admits(HERE)]
    return [views.sight(each, LVS) for each in able]


def community_of(case: str) -> str:
    if '"' in case:
        return case.split('"')[1]
    words = case.split("\n")[0].split()
    return {"com2sec": words[-1], "authcommunity": words[-1]}.get(words[0], words[1])


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_on_a_community(tmp_path: Path, case: str) -> None:
    machine = doctors.Picture(tmp_path, {"/etc/snmp/snmpd.conf": VIEWS + case})
    seen = sights(config(machine), community_of(case))
    expected = CASES[case]
    assert seen == ([] if expected == Sight.NONE and not seen else [expected])


def test_snmpd_judges_the_same(tmp_path: Path) -> None:
    line = f"pass_persist {SUBTREE} {AGENT} pass-persist --replay {SMALL}\n"
    with doctors.daemon(tmp_path, VIEWS + "\n".join(CASES) + "\n" + line) as snmpd:
        for case, expected in CASES.items():
            said = snmpd.ask("snmpget", STATUS, community=community_of(case))
            assert ("INTEGER: 1" in said) == (expected != Sight.NONE), (case, said)
        # these views do show only a part
        assert "No Such Object" in snmpd.ask("snmpget", f"{SUBTREE}.1.0", community="part")
        assert "No Such Object" in snmpd.ask("snmpget", f"{SUBTREE}.3.1.2.1", community="hole")


@pytest.mark.parametrize(
    ("text", "view", "places"),
    [(DEBIAN, "systemonly", [4, 5, 6]), (REDHAT, "systemview", [6])],
    ids=["debian", "redhat"],
)
def test_the_views_of_distributions_hide_us(
    tmp_path: Path, text: str, view: str, places: List[int]
) -> None:
    machine = doctors.Picture(tmp_path, {"/etc/snmp/snmpd.conf": text})
    found = readers(config(machine))
    assert {each.view for each in found} == {view}
    assert [each.line.number for each in found] == places
    assert {Views(config(machine)).sight(each, LVS) for each in found} == {Sight.NONE}
    machine.draw("/etc/snmp/snmpd.local.conf", f"view {view} included {SUBTREE}\n")
    assert {Views(config(machine)).sight(each, LVS) for each in found} == {Sight.ALL}


def test_a_user_of_snmpv3_has_no_community(tmp_path: Path) -> None:
    machine = doctors.Picture(tmp_path, {"/etc/snmp/snmpd.conf": "rouser -s usm who priv .1.3.6\n"})
    (reader,) = readers(config(machine))
    assert (reader.community, reader.subtree) == (None, (1, 3, 6))


@pytest.mark.parametrize(
    ("source", "local"),
    [
        ("default", True),
        ("localhost", True),
        ("127.0.0.1", True),
        ("10.0.0.0/8", False),
        ("127.example.org", False),
    ],
)
def test_who_may_ask_over_loopback(tmp_path: Path, source: str, local: bool) -> None:
    text = f"rocommunity secret {source}\n"
    machine = doctors.Picture(tmp_path, {"/etc/snmp/snmpd.conf": text})
    (reader,) = readers(config(machine))
    assert isinstance(reader, Reader)
    assert reader.admits(HERE) is local


@pytest.mark.parametrize(
    "line",
    [
        "view",
        "view v included",
        "view v included .1.3 zz",
        "view v included other.names",
        "rocommunity",
        "rocommunity -v 2c",
        "rocommunity c default -V",
        "rocommunity c default other.names",
        "rouser",
        "authcommunity",
        "com2sec",
        "group g",
        "access g",
        'rocommunity "open',
        "rocommunity c\\",
    ],
)
def test_what_snmpd_would_refuse_shows_nobody_more(tmp_path: Path, line: str) -> None:
    machine = doctors.Picture(tmp_path, {"/etc/snmp/snmpd.conf": line})
    found = config(machine)
    shown = [Views(found).sight(each, LVS) for each in readers(found) if each.view != "_all_"]
    assert set(shown) <= {Sight.NONE}


@pytest.mark.timeout(20)
def test_many_lines_take_no_cubic_time(tmp_path: Path) -> None:
    """Each access line was compared with each community, and that with each line."""
    text = "".join(
        f"com2sec n{n} default c{n}\ngroup g{n} v2c n{n}\n"
        f'access g{n} "" any noauth exact v none none\n'
        for n in range(1600)
    )
    assert len(readers(config(doctors.Picture(tmp_path, {"/etc/snmp/snmpd.conf": text})))) == 1600
