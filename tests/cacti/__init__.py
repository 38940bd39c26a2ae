# SPDX-License-Identifier: GPL-3.0-or-later
"""A test of contrib/cacti in a real Cacti: see run."""
