# SPDX-License-Identifier: GPL-3.0-or-later
"""The command watch, a process that reports services and real servers that go down."""
