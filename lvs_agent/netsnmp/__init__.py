# SPDX-License-Identifier: GPL-3.0-or-later
"""net-snmp's own files: its configuration, and object identifiers as written there."""
