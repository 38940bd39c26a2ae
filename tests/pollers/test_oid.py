# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent oid compared with net-snmp: its output is what snmptranslate and snmpget accept."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Iterator, List

import pytest

from lvs_agent.errors import UsageError
from lvs_agent.pollers import objects, oid, parsing
from tests.support import directors, files, mibs
from tests.support.directors import SimulatedDirector
from tests.support.lvsmib import BASE
from tests.support.snmpd import AGENT

FOLDERS = (mibs.MIB.parent, mibs.IETF)

# arguments, and the same OID in snmptranslate's syntax
FORWARD = {
    "lvsVsInBytes TCP 192.0.2.10:443": "lvsVsInBytes.ipv4.4.192.0.2.10.tcp.443",
    "lvsVsInBytes -t 192.0.2.10:https": "lvsVsInBytes.ipv4.4.192.0.2.10.tcp.443",
    "LVS-MIB::lvsVsConns UDP 192.0.2.53:53": "lvsVsConns.ipv4.4.192.0.2.53.udp.53",
    "lvsvsconns --sctp-service 192.0.2.10:5060": "lvsVsConns.ipv4.4.192.0.2.10.sctp.5060",
    "lvsVsInBytes IP33 192.0.2.10:80": "lvsVsInBytes.ipv4.4.192.0.2.10.33.80",
    "lvsVsInBytes FWM 5": "lvsVsInBytes.ipv4.4.0.0.0.0.fwmark.5",
    "lvsVsInBytes -f 5 -6": f"lvsVsInBytes.ipv6.16{'.0' * 16}.fwmark.5",
    "lvsVsInBytes TCP [2001:db8::1]:443": (
        "lvsVsInBytes.ipv6.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1.tcp.443"
    ),
    "lvsRsWeight TCP 192.0.2.10:443 -> 192.168.0.1:8080": (
        "lvsRsWeight.ipv4.4.192.0.2.10.tcp.443.ipv4.4.192.168.0.1.8080"
    ),
    "lvsRsWeight -t 192.0.2.10:443 -r [fd00::1]": (
        "lvsRsWeight.ipv4.4.192.0.2.10.tcp.443.ipv6.16.253.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.443"
    ),
    "lvsRsWeight FWM 5 -r 192.168.0.1:8080": (
        "lvsRsWeight.ipv4.4.0.0.0.0.fwmark.5.ipv4.4.192.168.0.1.8080"
    ),
    "lvsVipInBytes 192.0.2.10": "lvsVipInBytes.ipv4.4.192.0.2.10",
    "lvsVipInBytes vip 192.0.2.10": "lvsVipInBytes.ipv4.4.192.0.2.10",
    "lvsRipUp 2001:db8:1::1": "lvsRipUp.ipv6.16.32.1.13.184.0.1.0.0.0.0.0.0.0.0.0.1",
    "lvsRipUp RIP [2001:db8:1::1]": "lvsRipUp.ipv6.16.32.1.13.184.0.1.0.0.0.0.0.0.0.0.0.1",
    "lvsAgentStatus": "lvsAgentStatus.0",
    "lvsVsTable": "lvsVsTable",
    "lvsVsInBytes": "lvsVsInBytes",
    "lvs": "lvs",
}

# arguments that name several instances, and their common prefix
PREFIXES = {
    "lvsVsInBytes TCP 192.0.2.10": f"{BASE}.21.1.20.1.4.192.0.2.10.6",
    "lvsVsInBytes TCP [2001:db8::1]": (
        f"{BASE}.21.1.20.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1.6"
    ),
    "lvsRsWeight TCP 192.0.2.10:443": f"{BASE}.22.1.6.1.4.192.0.2.10.6.443",
}

BACK = {
    "1.3.6.1.4.1.8225.4711.21.1.20.1.4.192.0.2.10.6.443": "lvsVsInBytes TCP 192.0.2.10:443",
    'LVS-MIB::lvsVsInBytes.ipv4."192.0.2.10".33.80': "lvsVsInBytes IP33 192.0.2.10:80",
    ".1.3.6.1.4.1.8225.4711.21.1.20.1.4.192.0.2.10.6": "lvsVsInBytes TCP 192.0.2.10",
    "iso.3.6.1.4.1.8225.4711.26.2.0": "lvsAgentStatus",
    "SNMPv2-SMI::enterprises.8225.4711.21.1.20": "lvsVsInBytes",
    'lvsVsInBytes.ipv4."192.0.2.10".tcp.443': "lvsVsInBytes TCP 192.0.2.10:443",
    "lvsVsInBytes.ipv4.192.0.2.10.tcp.443": "lvsVsInBytes TCP 192.0.2.10:443",
    "lvsVsInBytes.ipv4.4.192.0.2.10.tcp.443": "lvsVsInBytes TCP 192.0.2.10:443",
    "lvsVsInBytes.ipv4.4.4.4.4.tcp.443": "lvsVsInBytes TCP 4.4.4.4:443",
    "lvsVsInBytes.1.4.192.0.2.10.6.443": "lvsVsInBytes TCP 192.0.2.10:443",
    "LVS-MIB::lvsVsInBytes.ipv6.2001:db8::1.udp.53": "lvsVsInBytes UDP [2001:db8::1]:53",
    "lvsRsWeight.ipv4.192.0.2.10.tcp.443.ipv4.10.0.0.1.80": (
        "lvsRsWeight TCP 192.0.2.10:443 -> 10.0.0.1:80"
    ),
    "lvsRsWeight.ipv4.4.0.0.0.0.fwmark.5.ipv4.4.10.0.0.1.0": "lvsRsWeight FWM 5 -> 10.0.0.1:0",
    "1.3.6.1.4.1.8225.4711.29.1.13.1.4.192.0.2.10": "lvsVipInBytes 192.0.2.10",
    'LVS-MIB::lvsVipInBytes.ipv4."192.0.2.10"': "lvsVipInBytes 192.0.2.10",
    "lvsVipInBytes.ipv4.192.0.2.10": "lvsVipInBytes 192.0.2.10",
    "lvsVipInBytes.ipv4.4.4.4.4": "lvsVipInBytes 4.4.4.4",
    "lvsVipInBytes.ipv4.4.192.0.2.10": "lvsVipInBytes 192.0.2.10",
    'lvsRipUp.ipv6."20:01:0d:b8:00:01:00:00:00:00:00:00:00:00:00:01"': "lvsRipUp 2001:db8:1::1",
    "lvsServiceStatsInBytes.3": "lvsServiceStatsInBytes.3",
    "lvsCpuConns.0": "lvsCpuConns.0",
    "1.3.6.1.2.1.1.5.0": "sysName",
}

WRONG = {
    "lvsVsInByte TCP 192.0.2.10:443": "similar: lvsVsInBytes",
    "ifInOctets.1": "ifInOctets: no such object in LVS-MIB",
    "1.3.6.1.4.1.8072.1": "1.3.6.1.4.1.8072.1: not an object of LVS-MIB",
    "1.3.6.1.4.1.8225.4711.99.1": "no such object in lvs",
    "1..3": "1..3: neither an OID nor",
    "1.3.6.1.4.1.8225.4711.21.1.20.1.4.192": "not an instance of lvsVsTable or lvsRsTable",
    "lvsVsInBytes.ipv4.192.0.2.tcp.443": "incomplete address",
    'lvsVsInBytes.ipv4."192.0.2".tcp.443': "not an address: 192.0.2",
    "lvsVsInBytes.ipv4.192.0.2.10.icmp.443": "unexpected 'icmp'",
    "lvsVsInBytes.1.4.192.0.2.10.6.443 TCP 192.0.2.10:443": "unexpected words after the OID",
    "lvsVsInBytes TCP 192.0.2.10:443 -r 10.0.0.1:80": "those begin with lvsRs",
    "lvsVipConns TCP 192.0.2.10:443": "not an object of services; those begin with lvsVs",
    "lvsVipConns RIP 192.168.0.1": "lvsVipConns: not an object of RIPs; those begin with lvsRip",
    "lvsVsConns 192.0.2.10": "lvsVsConns: not an object of VIPs; those begin with lvsVip",
    "lvsVipConns VIP 192.0.2.10:443": "VIP 192.0.2.10:443: a VIP has no port",
    "1.3.6.1.4.1.8225.4711.30.1.5.1.4.192": "1.4.192: not an instance of lvsRipTable",
    "lvsAgentStatus TCP 192.0.2.10:443": "lvsAgentStatus: not a column",
    "lvsServiceStatsInBytes TCP 192.0.2.10:443": "its rows are numbered",
    "lvsRealStatsInBytes TCP 192.0.2.10:443": "its rows are numbered",
    "lvsCpuConns TCP 192.0.2.10:443": "its rows are not services",
    "lvsVsInBytes TCP": "address or mark missing",
    "lvsVsInBytes TCP 192.0.2.10:443 wlc": "unexpected 'wlc'",
}


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path_factory.mktemp("director")) as running:
        running.serve(*directors.farm())
        yield running


def asked(*words: str) -> str:
    """Return the command's output."""
    done = files.run(str(AGENT), "oid", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.rstrip("\n")


def translated(folder: Path, name: str) -> str:
    """Return the OID that net-snmp finds for a name."""
    return mibs.translated(folder, FOLDERS, "-On", name)[0].strip()


@pytest.mark.parametrize("words", FORWARD)
def test_words_give_the_oid_that_net_snmp_gives(tmp_path: Path, words: str) -> None:
    assert asked(*words.split()) == translated(tmp_path, f"LVS-MIB::{FORWARD[words]}")


@pytest.mark.parametrize("words", PREFIXES)
def test_a_prefix_is_given_where_more_than_one_is_meant(words: str) -> None:
    assert asked(*words.split()) == PREFIXES[words]


@pytest.mark.parametrize("text", BACK)
def test_an_oid_gives_words(text: str) -> None:
    assert asked(text) == BACK[text]
    assert asked(*f"{text} = Counter64: 12444 bytes".split()) == BACK[text]


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_is_said_in_one_line(words: str) -> None:
    done = files.run(str(AGENT), "oid", *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert WRONG[words] in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_an_object_the_help_is_named() -> None:
    done = files.run(str(AGENT), "oid")
    assert done.returncode == 2
    assert done.stderr == (
        "lvs-agent oid: the following arguments are required: OBJECT; see lvs-agent oid --help\n"
    )


def walked(director: SimulatedDirector, *options: str) -> List[str]:
    """Return the lines of a walk with LVS-MIB loaded."""
    modules = {"MIBS": "+LVS-MIB", "MIBDIRS": ":".join(map(str, FOLDERS))}
    done = subprocess.run(
        ["snmpbulkwalk", "-v2c", "-c", "public", *options, director.address, BASE],
        env={**director.snmpd.environment, **modules},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if " = " in line]


def test_every_line_of_a_walk_gives_words_that_give_its_oid(director: SimulatedDirector) -> None:
    named, numbered = walked(director), walked(director, "-On")
    assert len(named) == len(numbered) > 500
    for name, number in zip(named, numbered):
        found = oid.parse_oid(name.split())
        assert "." + ".".join(map(str, found)) == number.split()[0]
        words = oid.words_of(found).split()
        if "." in words[0]:
            assert oid.parse_oid(words) == found
        else:
            assert oid.oid_of(words[0], words[1:]) == found


@pytest.mark.parametrize("service", directors.farm(), ids=lambda service: service.name)
def test_snmpget_takes_what_is_printed(director: SimulatedDirector, service: object) -> None:
    name = str(parsing.parse_service(service.name))  # type: ignore[attr-defined]
    value = director.snmpd.value(asked("lvsVsName", *name.split()))
    assert value == f'STRING: "{name}"'


def test_objects_are_those_of_the_mib_file(tmp_path: Path) -> None:
    for name in ("lvsVsOutByteRate", "lvsRsWeight", "lvsTotalConns", "lvsRealTable", "lvsCpuEntry"):
        found = "." + ".".join(map(str, objects.named(name).oid))
        assert found == translated(tmp_path, f"LVS-MIB::{name}")


def test_it_starts_without_any_package_of_the_pollers() -> None:
    """The package for directors brings none of them."""
    code = "import sys, lvs_agent.pollers.oid; print({'pysnmp', 'nagiosplugin'} & {*sys.modules})"
    done = files.run(str(AGENT.with_name("python")), "-c", code)
    assert done.stdout == "set()\n"


def test_an_object_is_found_by_its_oid_and_no_other_is() -> None:
    assert objects.at(objects.named("lvsVsInBytes").oid)[0].name == "lvsVsInBytes"
    with pytest.raises(UsageError):
        objects.at((1, 3))
