# SPDX-License-Identifier: GPL-3.0-or-later
"""Distribution kernels with several processors: scripts and programs for the lab's guest."""
