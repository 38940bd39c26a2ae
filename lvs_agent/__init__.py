# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent: SNMP access to a Linux Virtual Server director through net-snmp's pass_persist."""

__version__ = "0.1.0"
