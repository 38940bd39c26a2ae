# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that answers snmpd. It needs no privilege and never uses netlink."""
