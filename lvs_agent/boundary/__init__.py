# SPDX-License-Identifier: GPL-3.0-or-later
"""Passes snapshots between collector and responder: both ends of it."""
