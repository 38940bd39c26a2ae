# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of the packages: the template's settings are those of the plain collector's units, and
the watch's sandbox is no weaker than the collector's."""

from __future__ import annotations

from pathlib import Path
from typing import Set

import pytest

from tests.support.paths import CHECKOUT

UNITS = CHECKOUT / "packaging" / "systemd"


def settings(unit: Path) -> Set[str]:
    """Return a unit's lines, without comments."""
    return {line for line in unit.read_text().splitlines() if line and not line.startswith("#")}


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        (
            "service",
            {
                "Description=Collector of lvs-agent in the network namespace %i",
                "Requires=lvs-agent@%i.socket",
                "After=lvs-agent@%i.socket",
                "RestartSec=10",
                "NetworkNamespacePath=/run/netns/%i",
                "StateDirectory=lvs-agent@%i",
            },
        ),
        (
            "socket",
            {
                "Description=Socket of lvs-agent's collector in the network namespace %i",
                "ListenStream=/run/lvs-agent/collector@%i.sock",
            },
        ),
    ],
)
def test_an_instance_differs_in_its_namespace_socket_and_state_only(
    kind: str, own: Set[str]
) -> None:
    plain, template = (settings(UNITS / f"lvs-agent{at}.{kind}") for at in ("", "@"))
    assert template - plain == own
    replaced = {line.partition("=")[0] for line in own} - {"NetworkNamespacePath"}
    assert {line.partition("=")[0] for line in plain - template} == replaced


def test_the_watch_is_sandboxed_as_the_collector_is() -> None:
    """The exceptions: it is root, without capabilities, and does not use netlink."""
    collector, watch = (settings(UNITS / f"lvs-agent{name}.service") for name in ("", "-watch"))
    own = {
        "Requires=lvs-agent.socket",
        "DynamicUser=yes",
        "AmbientCapabilities=CAP_NET_ADMIN",
        "StartLimitIntervalSec=0",
    }
    replaced = {
        *("Description", "After", "ExecStart", "RestartSec", "TasksMax", "StateDirectory"),
        *("CapabilityBoundingSet", "RestrictAddressFamilies"),
    }
    assert {line for line in collector - watch if line.partition("=")[0] not in replaced} == own
    assert {"CapabilityBoundingSet=", "RestrictAddressFamilies=AF_UNIX"} <= watch
