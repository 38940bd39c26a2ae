# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboards for Grafana: one of directors, one of a service, and one of a machine."""
