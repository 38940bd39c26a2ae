# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers killed under keepalived on a real director, as every monitoring system shows it."""
