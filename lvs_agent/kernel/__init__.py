# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the kernel: bytes of netlink and text of /proc to records."""
