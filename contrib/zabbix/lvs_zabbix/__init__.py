# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the templates for Zabbix."""
