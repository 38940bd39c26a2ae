# SPDX-License-Identifier: GPL-3.0-or-later
"""A test of contrib/zabbix in a real Zabbix: see __main__."""
