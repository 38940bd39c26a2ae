# SPDX-License-Identifier: GPL-3.0-or-later
"""What asks directors over SNMP. It runs on a poller and needs no director, kernel or privilege."""
