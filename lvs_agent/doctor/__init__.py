# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent doctor: checks of everything between the kernel's tables and snmpwalk.

The checks change nothing: they load no module, write no files but temporary ones, and start no
service except the collector, which any connection to its socket starts.
"""
