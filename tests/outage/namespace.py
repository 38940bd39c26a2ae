# SPDX-License-Identifier: GPL-3.0-or-later
"""This process's namespaces, in which programs find their files where contrib installs them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.outage.plan import DIRECTOR, POLLER
from tests.support.paths import CONTRIB
from tests.support.snmpd import AGENT

TAP = "lvs0"
HOSTS = f"{DIRECTOR} director1\n{POLLER} manager\n"


class NamespaceError(Exception):
    """The network or the folders cannot be made."""


def fill(folder: Path) -> None:
    """Make the tap device of the guest, a private /etc, copied to a folder, and /opt/lvs-agent."""
    if os.getpid() != 1:
        raise NamespaceError("not in namespaces of its own: run make test-outage")
    if not Path("/dev/net/tun").exists():
        raise NamespaceError("no /dev/net/tun for the guest's network: modprobe tun")
    for words in (
        "link set lo up",
        f"tuntap add dev {TAP} mode tap",
        f"addr add {POLLER}/24 dev {TAP}",
        f"link set {TAP} up",
    ):
        _run("ip", *words.split())
    _run("cp", "-a", "/etc", str(folder))
    _run("mount", "--bind", str(folder / "etc"), "/etc")
    with Path("/etc/hosts").open("a") as hosts:
        hosts.write(HOSTS)
    _run("mount", "-t", "tmpfs", "tmpfs", "/opt")
    Path("/opt/lvs-agent").symlink_to(AGENT.parent.parent)


def install(file: str, place: str, mode: int = 0o644) -> Path:
    """Install a file of contrib, and return its path."""
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((CONTRIB / file).read_bytes())
    path.chmod(mode)
    return path


def _run(*command: str) -> None:
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise NamespaceError(f"{' '.join(command)}: {done.stderr.strip()}")
