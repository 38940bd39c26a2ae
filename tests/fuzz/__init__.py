# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes from outside, made up by a machine: each target takes bytes and checks properties.

A target is a function of bytes that returns nothing, and raises when a property does not hold.
Most inputs are altered recordings: the bytes say how, so that any input is worth a try.
"""
