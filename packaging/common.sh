# shellcheck shell=sh disable=SC2034  # what is set here is for the scripts that read it
# SPDX-License-Identifier: GPL-3.0-or-later
# For build-deb and build-rpm, with their arguments STAGE DESTINATION: both in full, the version,
# a folder to work in that goes with the script.
set -eu
: "${SOURCE_DATE_EPOCH:?seconds since 1970, for the dates in the package}"

umask 022
stage=$(readlink -f -- "$1")
to=$(mkdir -p "$2" && readlink -f -- "$2")
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$stage/usr/share/lvs-agent/lvs_agent/__init__.py")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/lvs-agent-$version
