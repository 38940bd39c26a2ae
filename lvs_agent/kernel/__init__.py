# SPDX-License-Identifier: GPL-3.0-or-later
"""The readers of the kernel, which turn netlink bytes and /proc text into records."""
