# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugin for Munin, suggested by munin-node-configure and run by munin-run."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterator, List

import pytest

from lvs_agent.services import VirtualService
from tests.support import directors, files, forger
from tests.support.directors import SimulatedDirector
from tests.support.lvsmib import oid
from tests.support.paths import CONTRIB

PLUGIN = CONTRIB / "munin" / "snmp__lvs"
CONFIG = CONTRIB / "munin" / "lvs.conf"
ROOT = "[*]\nuser root\n"  # here only root may enter the plugin's folder

# in the order of directors.farm
FIELDS = (
    "TCP_192_0_2_10_80",
    "TCP_192_0_2_10_443",
    "UDP_192_0_2_53_53",
    "FWM_5",
    "TCP__2001_db8__10__443",
)
# in the order of lvsVipTable and lvsRipTable
VIPS = ["VIP_192_0_2_10", "VIP_192_0_2_53", "VIP_2001_db8__10"]
RIPS = [f"RIP_10_0_{place}_{host}" for place in (1, 2, 3, 4) for host in (1, 2)]
RIPS += ["RIP_2001_db8_1__1", "RIP_2001_db8_1__2"]
V3 = ("createUser munin SHA authsecret", "rouser munin auth")

Graphs = Dict[str, Dict[str, str]]


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    with directors.running(tmp_path_factory.mktemp("director"), *V3) as running:
        yield running


class Node:
    """A Munin node with the plugin for one director."""

    def __init__(self, folder: Path, port: int) -> None:
        self._port = port
        self._folders = []
        for kind in ("servicedir", "sconfdir", "libdir"):
            (folder / kind).mkdir()
            self._folders += [f"--{kind}", str(folder / kind)]
        self._services = folder / "servicedir"
        self._config = folder / "sconfdir" / "lvs.conf"
        self.configure(CONFIG.read_text())
        (folder / "libdir" / PLUGIN.name).symlink_to(PLUGIN)

    def configure(self, text: str) -> None:
        self._config.write_text(files.put(text, {"port 161": f"port {self._port}"}) + ROOT)

    def enable(self, name: str) -> None:
        (self._services / name).symlink_to(PLUGIN)

    def suggestions(self) -> str:
        return files.run(
            "munin-node-configure",
            *("--snmp", "127.0.0.1", "--snmpport", str(self._port)),
            *("--shell", *self._folders),
        ).stdout

    def run(self, name: str, *arguments: str) -> str:
        done = files.run("munin-run", *self._folders[:4], name, *arguments)
        assert done.stderr == ""
        assert done.returncode == 0
        return done.stdout

    def failure(self, name: str) -> str:
        done = files.run("munin-run", *self._folders[:4], name)
        assert done.returncode != 0
        return done.stderr

    def graphs(self, name: str, *arguments: str) -> Graphs:
        """Return the plugin's output, by graph and by field or setting."""
        graphs: Graphs = {}
        for line in self.run(name, *arguments).splitlines():
            key, _, value = line.partition(" ")
            if key == "multigraph":
                graph = graphs.setdefault(value, {})
            elif key != "host_name":
                assert key not in graph
                graph[key] = value
        return graphs


@pytest.fixture
def node(director: SimulatedDirector, tmp_path: Path) -> Node:
    director.serve(*directors.farm())
    node = Node(tmp_path, director.port)
    node.enable("snmp_127.0.0.1_lvs")
    return node


def test_a_director_is_found(director: SimulatedDirector, tmp_path: Path) -> None:
    director.serve(*directors.farm())
    expected = f"ln -s '{tmp_path}/libdir/snmp__lvs' '{tmp_path}/servicedir/snmp_127.0.0.1_lvs'"
    assert expected in Node(tmp_path, director.port).suggestions().splitlines()


def test_a_machine_without_services_is_not_suggested(
    director: SimulatedDirector, tmp_path: Path
) -> None:
    director.serve()
    assert Node(tmp_path, director.port).suggestions() == ""


def test_graphs_show_each_service_and_what_is_lost(node: Node) -> None:
    counters = node.graphs("snmp_127.0.0.1_lvs")
    for place, field in enumerate(FIELDS, 1):
        assert counters["lvs_traffic"][f"{field}_in.value"] == str(place * 2**40)
        assert counters["lvs_traffic"][f"{field}_out.value"] == str(place * 2**41)
        assert counters["lvs_conns"][f"{field}_conns.value"] == str(place * 10**6)
        assert counters["lvs_active"][f"{field}_active.value"] == str(20 * place + 1)
        assert counters["lvs_active"][f"{field}_inactive.value"] == str(40 * place + 1)
        assert counters["lvs_servers"][f"{field}_up.value"] == "2"
        assert counters["lvs_servers"][f"{field}_lost.value"] == "0"
    assert counters["lvs_lost"] == {"services.value": "0", "servers.value": "0"}


@pytest.mark.parametrize(("kind", "fields"), [("Vip", VIPS), ("Rip", RIPS)])
def test_graphs_by_address_show_the_directors_sums(
    director: SimulatedDirector, node: Node, kind: str, fields: List[str]
) -> None:
    graphs = node.graphs("snmp_127.0.0.1_lvs")
    for graph, line, column in (
        ("traffic", "in", "InBytes"),
        ("traffic", "out", "OutBytes"),
        ("conns", "conns", "Conns"),
        ("active", "active", "ActiveConns"),
        ("active", "inactive", "InactConns"),
    ):
        drawn = graphs[f"lvs_{kind.lower()}_{graph}"]
        walked = [text.split()[-1] for text in director.snmpd.walk(oid(f"lvs{kind}{column}"))]
        assert [drawn.pop(f"{field}_{line}.value") for field in fields] == walked
        assert not [key for key in drawn if key.endswith(f"_{line}.value")]


def test_every_value_has_a_label_and_counters_are_derived(node: Node) -> None:
    values = node.graphs("snmp_127.0.0.1_lvs")
    config = node.graphs("snmp_127.0.0.1_lvs", "config")
    assert values.keys() == config.keys()
    for graph, settings in config.items():
        fields = {key.partition(".")[0] for key in settings if not key.startswith("graph_")}
        assert {f"{field}.value" for field in fields} == values[graph].keys()
        for field in fields:
            counter = graph.endswith(("_traffic", "_conns"))
            assert settings[f"{field}.type"] == ("DERIVE" if counter else "GAUGE")
            assert settings[f"{field}.min"] == "0"
            assert settings[f"{field}.label"]
    assert config["lvs_traffic"]["FWM_5_in.cdef"] == "FWM_5_in,8,*"
    assert config["lvs_servers"]["FWM_5_up.critical"] == "1:"
    assert config["lvs_servers"]["FWM_5_up.negative"] == "FWM_5_lost"


def test_an_alias_is_in_a_label_alone(director: SimulatedDirector, node: Node) -> None:
    values = node.graphs("snmp_127.0.0.1_lvs")
    director.aliases.write_text("TCP 192.0.2.10:80 Café, #1\n192.0.2.53 names\n", "utf-8")
    graphs = node.graphs("snmp_127.0.0.1_lvs", "config")
    traffic, by_vip = graphs["lvs_traffic"], graphs["lvs_vip_traffic"]
    assert traffic["TCP_192_0_2_10_80_in.label"] == "Café, ?1 (TCP 192.0.2.10:80)"
    assert traffic["UDP_192_0_2_53_53_in.label"] == "UDP 192.0.2.53:53"
    assert by_vip["VIP_192_0_2_53_in.label"] == "names (VIP 192.0.2.53)"
    assert by_vip["VIP_2001_db8__10_in.label"] == "VIP 2001:db8::10"
    assert node.graphs("snmp_127.0.0.1_lvs") == values
    director.aliases.unlink()


def test_what_is_lost_has_no_lines_where_it_is_not_counted(
    director: SimulatedDirector, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(director, "annotate", lambda snapshot: None)
    director.serve(*directors.farm())
    for arguments in ([], ["config"]):
        graphs = node.graphs("snmp_127.0.0.1_lvs", *arguments)
        assert "lvs_lost" not in graphs
        lines = {key.partition(".")[0] for key in graphs["lvs_servers"] if key.startswith("FWM")}
        assert lines == {"FWM_5_up"}


def test_a_line_is_the_same_services_after_another_has_gone(
    director: SimulatedDirector, node: Node
) -> None:
    director.serve(*directors.farm(1)[1:])
    traffic = node.graphs("snmp_127.0.0.1_lvs")["lvs_traffic"]
    assert traffic["TCP_192_0_2_10_443_in.value"] == str(2 * (2**40 + 300_000))
    assert "TCP_192_0_2_10_80_in.value" not in traffic


def test_what_is_not_known_is_u(director: SimulatedDirector, node: Node) -> None:
    director.serve(*(without_counters(service) for service in directors.farm()))
    graphs = node.graphs("snmp_127.0.0.1_lvs")
    assert graphs["lvs_traffic"]["FWM_5_in.value"] == "U"
    assert graphs["lvs_active"]["FWM_5_active.value"] == "81"


def without_counters(service: VirtualService) -> VirtualService:
    service.counters = None
    return service


def test_snmpv3_by_the_lines_of_the_comment(node: Node) -> None:
    lines = CONFIG.read_text().splitlines()
    v3 = [line.strip("# ") for line in lines if "env.v3" in line]
    section = ["[*_lvs]", "env.port 161", *v3]
    node.configure(files.put("\n".join([*section, ""]), {"SECRET": "authsecret"}))
    node.enable("snmpv3_127.0.0.1_lvs")
    assert node.graphs("snmpv3_127.0.0.1_lvs")["lvs_active"]["FWM_5_active.value"] == "81"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        (
            b"TCP x\nhost_name other\nmultigraph cpu",
            "TCP x?host_name other?multigraph cpu (TCP x?host?name other?multigraph cpu)",
        ),
        (b"<script>alert(1)</script>", "?script?alert(1)?/script? (?script?alert?1???script?)"),
        (b"a\\b|c\t'\"$(d)`e`", "a?b?c????(d)?e? (a?b?c?????d??e?)"),
    ],
)
def test_a_name_and_an_alias_are_a_label_and_no_line_of_the_plugin(
    tmp_path: Path, name: bytes, label: str
) -> None:
    with forger.running(tmp_path / "director", name) as address:
        (tmp_path / "node").mkdir()
        node = Node(tmp_path / "node", int(address.rpartition(":")[2]))
        node.enable("snmp_127.0.0.1_lvs")
        config = node.run("snmp_127.0.0.1_lvs", "config").splitlines()
        values = node.run("snmp_127.0.0.1_lvs").splitlines()
    (labelled,) = [line for line in config if line.endswith(f"_in.label {label}")]
    assert f"{labelled.partition('.')[0]}.value U" in values
    assert [line for line in config if line.startswith("host_name ")] == ["host_name 127.0.0.1"]
    graphs = [line for line in config if line.startswith("multigraph ")]
    assert [line for line in values if line.startswith("multigraph ")] == graphs
    assert len(graphs) == 10


def test_a_wrong_community_is_one_clear_line(node: Node) -> None:
    text = files.put(CONFIG.read_text(), {"community public": "community wrong\nenv.timeout 1"})
    node.configure(text)
    expected = 'no LVS-MIB: No response from remote host "127.0.0.1"\n'
    assert node.failure("snmp_127.0.0.1_lvs") == expected
