# SPDX-License-Identifier: GPL-3.0-or-later
"""LVS-MIB, which turns records into objects."""
