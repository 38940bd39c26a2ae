# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator of the files for Cacti from LVS-MIB."""
