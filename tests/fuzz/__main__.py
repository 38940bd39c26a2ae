# SPDX-License-Identifier: GPL-3.0-or-later
"""make fuzz: python -m tests.fuzz [TARGET...] [--inputs N | --seconds N] [--seed TEXT] [--input N]

Without --inputs or --seconds it runs until it is interrupted. An input is generated from the seed
and its number, so these two reproduce a finding; --input N tries that input only. Prints a line of
progress every 10 s, and the traceback of the first finding at each place. The exit status is 1 if
there was any finding.
"""

from __future__ import annotations

import argparse
import sys

from tests.fuzz.engine import fuzz, made, target_check

TARGETS = [
    *("netlink", "procfs", "snapshots", "protocol"),
    *("answers", "snmpconf", "snmpdconf", "statefile", "forgetting", "aliases"),
]


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(prog="tests.fuzz")
    parser.add_argument("targets", nargs="*", default=TARGETS)
    parser.add_argument("--inputs", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--input", type=int)
    args = parser.parse_args()
    if unknown := set(args.targets) - set(TARGETS):
        parser.error(f"unknown target: {' '.join(unknown)}")
    if args.input is not None:
        for target in args.targets:
            data = made(target, args.seed, args.input)
            print(f"{target}: {data.hex()}")
            target_check(target)(data)
        return 0
    found = [fuzz(name, args.seed, args.inputs, args.seconds) for name in args.targets]
    return 1 if any(found) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
