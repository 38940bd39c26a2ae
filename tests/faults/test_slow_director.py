# SPDX-License-Identifier: GPL-3.0-or-later
"""A director that takes longer to read than an answer may wait, polled at a regular distance."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.lvsmib import oid
from tests.support.made_kernel import MadeKernel, service_address
from tests.support.site import collector_of, site

# polls closer than this are not regular ones (responder/rhythm.py)
DISTANCE = 11.0
SERVICES = 1000


def test_one_get_at_a_time_has_values_from_the_third_on(tmp_path: Path) -> None:
    instance = ".".join(map(str, (1, 4, *service_address(7), 6, 80)))
    column = f"{oid('lvsVsConns')}.{instance}"
    kernel = MadeKernel(SERVICES)
    found = []
    # each poll finds the last snapshot expired
    options = ("--deadline", "0.01", "--expire", "9", "--max-age", "5")
    with site(tmp_path, *options) as director, collector_of(director.path, kernel):
        start = time.monotonic()
        for poll in range(5):
            time.sleep(max(0.0, start + poll * DISTANCE - time.monotonic()))
            found.append("Counter" in director.agent.value(column))
    assert found == [False, False, True, True, True]
