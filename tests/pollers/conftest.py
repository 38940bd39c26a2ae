# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of several tests of commands for pollers."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The settings for a simulated director: its community and short time-outs."""
    file = tmp_path_factory.mktemp("conf") / "snmp.conf"
    file.write_text("defCommunity public\ntimeout 2\nretries 1\n")
    return file
