# SPDX-License-Identifier: GPL-3.0-or-later
"""Random inputs for everything that reads data from outside.

A target is a function that takes bytes, checks properties, and raises when one does not hold.
Most inputs are altered recordings: the bytes decide what is altered, so every input is useful.
"""
