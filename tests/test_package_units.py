# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of the packages: the template's settings are those of the plain collector's units."""

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
