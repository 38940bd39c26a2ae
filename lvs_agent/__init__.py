# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent: a Linux Virtual Server director, served to SNMP through net-snmp's pass_persist."""

__version__ = "0.1.0"
