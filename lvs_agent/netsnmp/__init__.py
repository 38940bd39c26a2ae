# SPDX-License-Identifier: GPL-3.0-or-later
"""net-snmp's own files: configuration and object identifiers as they stand in it."""
