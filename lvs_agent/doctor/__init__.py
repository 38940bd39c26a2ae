# SPDX-License-Identifier: GPL-3.0-or-later
"""lvs-agent doctor: what is right and wrong between the kernel's tables and snmpwalk.

It looks and changes nothing: no module is loaded, no file written, no service started but the
collector, which any question at its socket starts.
"""
