# SPDX-License-Identifier: GPL-3.0-or-later
"""The files for Cacti in a real Cacti: see run."""
