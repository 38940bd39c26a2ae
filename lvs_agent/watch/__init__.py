# SPDX-License-Identifier: GPL-3.0-or-later
"""The command watch, a process of its own: it tells of services and real servers that go down."""
