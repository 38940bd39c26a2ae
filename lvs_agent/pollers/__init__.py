# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that query directors over SNMP. They run on a poller, without IPVS or privileges."""
