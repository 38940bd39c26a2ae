# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The scenario nat with the estimator stopped: counters and rates, not zero, no longer change.

# shellcheck source=tests/lab/scenarios/nat.sh
. "${lab:?}/scenarios/nat.sh"
freeze
