# SPDX-License-Identifier: GPL-3.0-or-later
"""Ganglia's gmond on loopback, as unpacked from Debian's package by make test-pollers."""

from __future__ import annotations

import os
import socket
import subprocess
import xml.etree.ElementTree as ElementTree
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator

from tests.support import files, tcp

GMOND = """
globals {{
  daemonize = no
  setuid = no
  mute = yes
}}
udp_send_channel {{
  host = 127.0.0.1
  port = {port}
}}
udp_recv_channel {{
  port = {port}
  bind = 127.0.0.1
}}
tcp_accept_channel {{
  port = {port}
  bind = 127.0.0.1
}}
"""

# Debian 12 is the last release that has Ganglia
ENVIRONMENT = {
    "PATH": f"{files.BOOKWORM}/usr/bin:{os.environ['PATH']}",
    "LD_LIBRARY_PATH": ":".join(map(str, files.BOOKWORM.glob("**/*-linux-gnu*"))),
}


class Gmond:
    """A gmond and the metrics it has received."""

    def __init__(self, config: Path, port: int) -> None:
        self.config = config
        self._port = port

    def with_metrics(self, count: int) -> Dict[str, Dict[str, ElementTree.Element]]:
        """Return hosts() once it has so many metrics: gmetric sends UDP and does not wait."""
        hosts = self.hosts()
        while sum(map(len, hosts.values())) < count:
            hosts = self.hosts()
        return hosts

    def hosts(self) -> Dict[str, Dict[str, ElementTree.Element]]:
        """Return the metrics of each host, by name."""
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            text = b"".join(iter(lambda: connection.recv(65536), b""))
        return {
            host.attrib["NAME"]: {metric.attrib["NAME"]: metric for metric in host.iter("METRIC")}
            for host in ElementTree.fromstring(text).iter("HOST")
        }


@contextmanager
def running(folder: Path) -> Iterator[Gmond]:
    """Run gmond."""
    port = tcp.free_port()
    config = folder / "gmond.conf"
    config.write_text(GMOND.format(port=port))
    command = [str(files.BOOKWORM / "usr" / "sbin" / "gmond"), "-c", str(config)]
    with subprocess.Popen(command, env={**os.environ, **ENVIRONMENT}) as process:
        gmond = Gmond(config, port)
        try:
            while not tcp.answers(port):
                assert process.poll() is None
            yield gmond
        finally:
            process.terminate()
