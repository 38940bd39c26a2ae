# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that answers snmpd; it has no privilege and never touches netlink."""
