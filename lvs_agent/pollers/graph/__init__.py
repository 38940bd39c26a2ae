# SPDX-License-Identifier: GPL-3.0-or-later
"""Round-robin files of directors' services, and pictures of them: lvs-agent graph.

rrdtool keeps and draws; one process of it takes every command of a run.
"""
