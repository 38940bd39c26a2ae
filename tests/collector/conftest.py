# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests of the collector."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from lvs_agent.collector.statefile import StateFile
from tests.support.statefiles import held


@pytest.fixture
def file(tmp_path: Path) -> Iterator[StateFile]:
    """A state file that is locked and has statefiles.numbering() in it."""
    with held(tmp_path) as file:
        yield file
