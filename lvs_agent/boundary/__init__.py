# SPDX-License-Identifier: GPL-3.0-or-later
"""Both ends of the connection that passes snapshots from the collector to the responder."""
