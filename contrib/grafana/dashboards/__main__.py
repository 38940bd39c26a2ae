# SPDX-License-Identifier: GPL-3.0-or-later
"""Write each dashboard into the folder that is the only argument."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dashboards import director, machine, service

for each in (director.DASHBOARD, service.DASHBOARD, machine.DASHBOARD):
    path = Path(sys.argv[1]) / f"{each['uid']}.json"
    path.write_text(json.dumps(each, indent=2) + "\n")
