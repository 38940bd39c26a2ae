# SPDX-License-Identifier: GPL-3.0-or-later
"""LVS-MIB: records to objects."""
