# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers used by more than one test module."""
