# shellcheck shell=sh disable=SC2034  # the scripts that source this file use the variables
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by build-deb and build-rpm with their arguments STAGE DESTINATION. Sets the absolute paths
# stage and to, the version, and the working folders work and tree, which are removed at exit.
set -eu
: "${SOURCE_DATE_EPOCH:?seconds since 1970 for the dates in the package}"

umask 022
stage=$(readlink -f -- "$1")
to=$(mkdir -p "$2" && readlink -f -- "$2")
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$stage/usr/share/lvs-agent/lvs_agent/__init__.py")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/lvs-agent-$version
