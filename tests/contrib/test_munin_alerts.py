# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts that Munin sends: its node runs the plugin, and its master judges the values."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List

import pytest

from lvs_agent.services import VirtualService
from lvs_agent.snapshot import Snapshot
from tests.support import builders, directors, files
from tests.support.directors import SimulatedDirector
from tests.support.paths import CONTRIB

HTTP, HTTPS = "TCP 192.0.2.10:80", "TCP 192.0.2.10:443"

# run with folders of plugins and of their configuration, and with munin-node.conf
NODE = """
mount --bind "$1" /etc/munin/plugins
mount --bind "$2" /etc/munin/plugin-conf.d
exec munin-node --config "$3"
"""
NODE_CONF = """
log_file {folder}/munin-node.log
pid_file {folder}/munin-node.pid
background 0
setsid 0
user root
group root
allow ^127\\.0\\.0\\.1$
host 127.0.0.1
port {port}
"""

MASTER_CONF = """
dbdir {folder}
htmldir {folder}
logdir {folder}
rundir {folder}
includedir {folder}/includes
contact.test.command cat >> {folder}/alerts
contact.test.text ${{var:graph_title}}{fields}
[127.0.0.1]
address 127.0.0.1
port {port}
"""
FIELDS = "".join(
    f"${{loop:{fields}  {state} ${{var:label}} ${{var:value}}}}"
    for fields, state in {"cfields": "CRITICAL", "wfields": "WARNING", "ufields": "UNKNOWN"}.items()
)


def annotate(snapshot: Snapshot) -> None:
    """Count what the director has lost: all but the present ones of two services."""
    snapshot.lost_services = 2 - len(snapshot.services)
    snapshot.lost_servers = sum(service.lost or 0 for service in snapshot.services)


@pytest.fixture(scope="module")
def director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDirector]:
    folder = tmp_path_factory.mktemp("director")
    with directors.running(folder, annotate=annotate) as running:
        yield running


@pytest.fixture(scope="module")
def port(director: SimulatedDirector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Munin node that has the plugin for the director."""
    folder = tmp_path_factory.mktemp("node")
    plugins, configuration = folder / "plugins", folder / "configuration"
    plugins.mkdir()
    configuration.mkdir()
    (plugins / "snmp_127.0.0.1_lvs").symlink_to(CONTRIB / "munin" / "snmp__lvs")
    text = (CONTRIB / "munin" / "lvs.conf").read_text()
    text = files.put(text, {"port 161": f"port {director.port}"})
    (configuration / "lvs.conf").write_text(f"{text}[*]\nuser root\n")
    with node(folder, plugins, configuration) as its_port:
        yield its_port


@contextmanager
def node(folder: Path, plugins: Path, configuration: Path) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    config = folder / "munin-node.conf"
    config.write_text(NODE_CONF.format(folder=folder, port=port))
    command = ["unshare", "--mount", "sh", "-ec", NODE, "-"]
    with subprocess.Popen([*command, plugins, configuration, config]) as running:
        try:
            while not listening(port):
                assert running.poll() is None
            yield port
        finally:
            running.terminate()


def listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.fixture
def master(port: int) -> Iterator[Path]:
    """The folder of a Munin master, whose programs refuse to run as root."""
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "includes").mkdir()
        (folder / "alerts").touch()
        (folder / "munin.conf").write_text(
            MASTER_CONF.format(folder=folder, port=port, fields=FIELDS)
        )
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "munin", "munin")
        yield folder
    finally:
        shutil.rmtree(folder)


def alerts(master: Path) -> List[str]:
    """Return the alerts of a poll, one for each graph that needs one."""
    for program in ("munin-update", "munin-limits"):
        done = subprocess.run(
            [f"/usr/share/munin/{program}", "--config", str(master / "munin.conf")],
            user="munin",
            group="munin",
            extra_groups=[],
            cwd=master,
            env={**os.environ, "HOME": str(master)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
    return sorted((master / "alerts").read_text().splitlines())


def service(port: int, *weights: int, lost: int = 0) -> VirtualService:
    servers = [
        builders.server(f"192.168.0.{host}", weight=weight, active_conns=1, inact_conns=1)
        for host, weight in enumerate(weights, 1)
    ]
    counters = directors.counted(1)
    return builders.service("192.0.2.10", port, *servers, lost=lost, counters=counters)


def test_a_healthy_director_causes_no_alert(director: SimulatedDirector, master: Path) -> None:
    director.serve(service(80, 1, 0), service(443, 1))
    assert alerts(master) == []


def test_lost_servers_warn_and_no_server_is_critical(
    director: SimulatedDirector, master: Path
) -> None:
    director.serve(service(80, 1, lost=2), service(443, 0))
    assert alerts(master) == [
        f"LVS real servers CRITICAL {HTTPS} 0.00 WARNING {HTTP} 2.00",
    ]


def test_a_lost_service_is_critical(director: SimulatedDirector, master: Path) -> None:
    director.serve(service(443, 1))
    assert alerts(master) == ["LVS lost services and real servers CRITICAL services 1.00"]


def test_losing_all_services_is_critical(director: SimulatedDirector, master: Path) -> None:
    director.serve()
    assert alerts(master) == ["LVS lost services and real servers CRITICAL services 2.00"]
