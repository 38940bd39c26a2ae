# SPDX-License-Identifier: GPL-3.0-or-later
"""mibs/LVS-MIB.txt: compilers accept it, and it declares the same objects as the code."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest

from lvs_agent.codes import Forwarding, IpProtocol, Source, Status, SyncState
from lvs_agent.mib import lvs as code
from lvs_agent.mib.notifications import NOTIFICATIONS, TEXT
from tests.support.mibs import IETF, MIB, STOCK, compiled, differences, of_code, of_file, translated

OBJECTS = of_code(*code.objects())


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Any]:
    return compiled(MIB, tmp_path_factory.mktemp("mib"))


def test_the_code_and_the_file_have_the_same_objects(loaded: Dict[str, Any]) -> None:
    assert differences(OBJECTS, of_file(loaded)) == []


def test_every_object_has_its_place_in_the_comparison(loaded: Dict[str, Any]) -> None:
    assert len(OBJECTS) > 130
    assert {part.kind for part in OBJECTS.values()} == {"scalar", "table", "row", "column"}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("::= { lvs 2 }", "::= { lvs 9 }", "lvsNumServices"),
        ("::= { lvsVsEntry 20 }", "::= { lvsVsEntry 99 }", "lvsVsInBytes"),
        ("lvsRsWeight", "lvsRsWeigth", "lvsRsWeight"),
        (
            "lvsCpuConns OBJECT-TYPE\n    SYNTAX      Counter64",
            "lvsCpuConns OBJECT-TYPE\n    SYNTAX      Gauge32",
            "lvsCpuConns",
        ),
        (
            "lvsServiceNumber OBJECT-TYPE\n    SYNTAX      Integer32 (0..65535)\n"
            "    MAX-ACCESS  read-only",
            "lvsServiceNumber OBJECT-TYPE\n    SYNTAX      Integer32 (0..65535)\n"
            "    MAX-ACCESS  not-accessible",
            "lvsServiceNumber",
        ),
        ("lvsVsAddr, lvsVsProtocol, lvsVsPort }", "lvsVsAddr, lvsVsPort }", "lvsVsEntry"),
        ("INDEX       { lvsVsNumber, lvsRsNumber }", "INDEX { lvsRsNumber }", "lvsRealEntry"),
    ],
)
def test_a_file_that_was_altered_is_found_out(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    text = MIB.read_text()
    assert old in text
    (tmp_path / MIB.name).write_text(text.replace(old, new))
    assert named in differences(OBJECTS, of_file(compiled(tmp_path / MIB.name, tmp_path)))


def test_an_object_missing_from_the_code_is_found_out(loaded: Dict[str, Any]) -> None:
    code_without = {name: part for name, part in OBJECTS.items() if name != "lvsVsNumber"}
    assert differences(code_without, of_file(loaded)) == ["lvsVsNumber"]


def enumeration(loaded: Dict[str, Any], name: str) -> Dict[str, int]:
    labels: Dict[str, int] = loaded[name]["syntax"]["constraints"]["enumeration"]
    return labels


def camel(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(map(str.title, rest))


def test_the_agents_states_and_sources_have_the_codes_names_and_numbers(
    loaded: Dict[str, Any],
) -> None:
    states = {camel(status.name): int(status) for status in Status}
    assert enumeration(loaded, "lvsAgentStatus") == states
    sources = {source.name.lower(): int(source) for source in Source}
    assert enumeration(loaded, "lvsAgentSource") == sources


# The numbers below are those of include/uapi/linux/ip_vs.h and of the IANA's protocol list


@pytest.mark.parametrize("name", ["lvsRsForwarding", "lvsRealServerFlags"])
def test_forwarding_methods_are_the_kernels(loaded: Dict[str, Any], name: str) -> None:
    methods = {"masq": 0, "local": 1, "tunnel": 2, "route": 3, "bypass": 4}
    assert enumeration(loaded, name) == methods
    assert {method: Forwarding[method.upper()] for method in methods} == methods


def test_protocols_are_the_ianas_and_firewall_marks_beside_them(loaded: Dict[str, Any]) -> None:
    protocols = {"tcp": 6, "udp": 17, "sctp": 132}
    assert enumeration(loaded, "lvsVsProtocol") == {"fwmark": IpProtocol.FWMARK, **protocols}
    assert enumeration(loaded, "lvsServiceProto") == {"fwmark": -1, **protocols}
    assert {name: IpProtocol[name.upper()] for name in protocols} == protocols


def test_tunnel_types_are_the_kernels(loaded: Dict[str, Any]) -> None:
    assert enumeration(loaded, "lvsRsTunnelType") == {"ipip": 0, "gue": 1, "gre": 2}


def test_sync_daemons_are_the_kernels(loaded: Dict[str, Any]) -> None:
    assert enumeration(loaded, "lvsSyncState") == {"master": 1, "backup": 2}
    assert enumeration(loaded, "lvsDaemonState") == {"none": 0, "master": 1, "backup": 2}
    assert (SyncState.MASTER, SyncState.BACKUP) == (1, 2)


@pytest.mark.parametrize("name", ["DropEntry", "DropPacket", "SecureTcp"])
def test_defence_modes_are_the_sysctls(loaded: Dict[str, Any], name: str) -> None:
    modes = {"never": 0, "automatic": 1, "automaticActive": 2, "always": 3}
    assert enumeration(loaded, f"lvsDirector{name}") == modes


@pytest.mark.parametrize(
    ("name", "masks", "kernels"),
    [
        (
            "lvsVsFlags",
            code.VS_FLAGS,
            {"persistent": 1, "onePacket": 4, "schedFlag1": 8, "schedFlag2": 16, "schedFlag3": 32},
        ),
        ("lvsRsTunnelFlags", code.TUNNEL_FLAGS, {"csum": 1, "remCsum": 2}),
    ],
)
def test_bits_stand_for_the_kernels_flags(
    loaded: Dict[str, Any], name: str, masks: List[int], kernels: Dict[str, int]
) -> None:
    bits: Dict[str, int] = loaded[name]["syntax"]["bits"]
    assert {label: masks[bit] for label, bit in bits.items()} == kernels
    assert len(bits) == len(masks)


def test_every_object_that_can_be_read_is_in_one_group_that_compliance_asks_for(
    loaded: Dict[str, Any],
) -> None:
    groups = [part["object"] for part in loaded["lvsCompliance2"]["modulecompliance"]]
    members = [part["object"] for group in groups for part in loaded[group]["objects"]]
    readable = [name for name, part in OBJECTS.items() if part.access == "read-only"]
    assert members.count("lvsNotifyText") == 1
    members = [name for name in members if not name.startswith("lvsNotify")]
    assert sorted(members) == sorted(readable)


def test_the_code_and_the_file_have_the_same_notifications(loaded: Dict[str, Any]) -> None:
    base = ".".join(map(str, code.LVS))
    declared = {
        each.name: (f"{base}.0.{each.number}", list(each.objects)) for each in NOTIFICATIONS
    }
    compiled = {
        name: (node["oid"], [part["object"] for part in node["objects"]])
        for name, node in loaded.items()
        if node.get("class") == "notificationtype"
    }
    assert declared == compiled
    assert loaded["lvsNotifyText"]["oid"] == ".".join([base, *map(str, TEXT)])
    (group,) = (node for node in loaded.values() if node.get("class") == "notificationgroup")
    assert [part["object"] for part in group["objects"]] == list(declared)


def test_smilint_has_nothing_to_say() -> None:
    command = ["smilint", "-s", "-l", "6", str(MIB)]
    environment = {**os.environ, "SMIPATH": str(IETF)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("", "")


def test_smilint_would_find_a_fault(tmp_path: Path) -> None:
    (tmp_path / MIB.name).write_text(MIB.read_text().replace("{ lvs 2 }", "{ lvs 1 }"))
    command = ["smilint", "-s", "-l", "6", str(tmp_path / MIB.name)]
    environment = {**os.environ, "SMIPATH": str(IETF)}
    assert subprocess.run(command, env=environment, capture_output=True, check=True).stderr


def test_every_name_resolves_with_what_debian_brings(tmp_path: Path) -> None:
    names = [f"LVS-MIB::{name}" for name in OBJECTS]
    output = translated(tmp_path, [STOCK, MIB.parent], "-On", *names)[0]
    assert output.split() == [f".{part.oid}" for part in OBJECTS.values()]


def test_it_loads_without_a_warning_where_the_ietf_modules_are(tmp_path: Path) -> None:
    modules = [IETF, MIB.parent]
    assert translated(tmp_path, modules, "-On", "LVS-MIB::lvs")[1] == ""


@pytest.mark.parametrize(
    ("oid", "printed"),
    [
        ("21.1.20.1.4.192.0.2.10.6.443", 'lvsVsInBytes.ipv4."192.0.2.10".tcp.443'),
        (
            "21.1.20.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.16.132.5060",
            'lvsVsInBytes.ipv6."20:01:0d:b8:00:00:00:00:00:00:00:00:00:00:00:10".sctp.5060',
        ),
        ("21.1.12.1.4.0.0.0.0.0.5", 'lvsVsRealServersUp.ipv4."0.0.0.0".fwmark.5'),
        (
            "22.1.6.1.4.192.0.2.10.6.443.1.4.192.168.0.1.8080",
            'lvsRsWeight.ipv4."192.0.2.10".tcp.443.ipv4."192.168.0.1".8080',
        ),
        ("24.1.2.2", "lvsSyncInterface.backup"),
        ("17.1.10.7", "lvsServiceStatsConns.7"),
        ("18.1.7.7.2", "lvsRealStatsConns.7.2"),
    ],
)
def test_an_instance_is_printed_by_what_it_means(tmp_path: Path, oid: str, printed: str) -> None:
    base = ".".join(map(str, code.LVS))
    output = translated(tmp_path, [IETF, MIB.parent], f".{base}.{oid}")[0]
    assert output.strip() == f"LVS-MIB::{printed}"
