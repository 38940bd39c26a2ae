# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Scenario nat, then the estimator off: counters and rates (not zero yet) stay as they are.

# shellcheck source=tests/lab/scenarios/nat.sh
. "${lab:?}/scenarios/nat.sh"
freeze
