# SPDX-License-Identifier: GPL-3.0-or-later
"""python3 -m lvs_agent: the same as the command lvs-agent."""

import sys

from lvs_agent.cli import main

sys.exit(main())
