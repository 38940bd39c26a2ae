# SPDX-License-Identifier: GPL-3.0-or-later
"""A Munin node with the plugin of contrib/munin for a director, and a master that polls the node.

Only these programs know the director by the name that the files in contrib use.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, Optional

from tests.support import files, tcp
from tests.support.paths import CONTRIB

PATH = f"{os.environ['PATH']}:/usr/share/munin"

# run with the file of hosts, folders of plugins and of their configuration, and munin-node.conf
NODE = """
mount --bind "$1" /etc/hosts
mount --bind "$2" /etc/munin/plugins
mount --bind "$3" /etc/munin/plugin-conf.d
exec munin-node --config "$4"
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
htmldir {folder}/html
logdir {folder}
rundir {folder}
includedir {folder}/munin-conf.d
"""


@dataclass(frozen=True)
class Master:
    """The folder of a master, with its munin.conf, its round-robin files and its pages."""

    folder: Path

    def run(self, program: str, at: str = "") -> None:
        """Run one of the master's programs, which refuse to run as root.

        at is the date and time at which the program's clock stands still.
        """
        clock = ["faketime", "-f", at] if at else []
        done = subprocess.run(
            [*clock, program, "--config", self.folder / "munin.conf"],
            user="munin",
            group="munin",
            extra_groups=[],
            cwd=self.folder,
            env={**os.environ, "PATH": PATH, "HOME": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


@contextmanager
def node(folder: Path, director_port: int, address: str = "127.0.0.1") -> Iterator[int]:
    """Run a node with the plugin for the director at an address and port; yield the node's port."""
    plugins, configuration, hosts = folder / "plugins", folder / "configuration", folder / "hosts"
    plugins.mkdir()
    configuration.mkdir()
    hosts.write_text(f"127.0.0.1 localhost\n{address} director1\n")
    (plugins / "snmp_director1_lvs").symlink_to(CONTRIB / "munin" / "snmp__lvs")
    text = (CONTRIB / "munin" / "lvs.conf").read_text()
    text = files.put(text, {"port 161": f"port {director_port}"})
    (configuration / "lvs.conf").write_text(f"{text}[*]\nuser root\n")
    port = tcp.free_port()
    config = folder / "munin-node.conf"
    config.write_text(NODE_CONF.format(folder=folder, port=port))
    command = ["unshare", "--mount", "sh", "-ec", NODE, "-"]
    with subprocess.Popen([*command, hosts, plugins, configuration, config]) as running:
        try:
            while not tcp.answers(port):
                assert running.poll() is None
            yield port
        finally:
            running.terminate()


@contextmanager
def master(
    node_port: int, replaced: Optional[Dict[str, str]] = None, *, lines: str = ""
) -> Iterator[Master]:
    """Make a master with contrib/munin/master.conf, in which texts are replaced, for a node.

    lines are added to munin.conf.
    """
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to the user munin
    try:
        (folder / "html").mkdir()
        (folder / "munin-conf.d").mkdir()
        (folder / "munin.conf").write_text(MASTER_CONF.format(folder=folder) + lines)
        text = (CONTRIB / "munin" / "master.conf").read_text()
        address = "    address 127.0.0.1\n"
        text = files.put(text, {address: f"{address}    port {node_port}\n", **(replaced or {})})
        (folder / "munin-conf.d" / "master.conf").write_text(text)
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "munin", "munin")
        yield Master(folder)
    finally:
        shutil.rmtree(folder)
