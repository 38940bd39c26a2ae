# SPDX-License-Identifier: GPL-3.0-or-later
"""The command lvs-agent, run as python3 -m lvs_agent."""

import sys

from lvs_agent.cli import main

sys.exit(main())
