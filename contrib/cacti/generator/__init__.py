# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the files for Cacti from LVS-MIB."""
