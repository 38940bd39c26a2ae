# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent graph: round-robin files of directors' services, and pictures of them.

rrdtool stores and draws; one rrdtool process handles all commands of a run.
"""
