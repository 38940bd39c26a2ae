# SPDX-License-Identifier: GPL-3.0-or-later
"""A pass_persist extension of the class of snmp-passpersist as it comes: stock.py TABLE.

TABLE is as for responder.c.
"""

from __future__ import annotations

import sys

import snmp_passpersist

BASE = ".1.3.6.1.4.1.8225.4711"


def main(path: str) -> None:
    """Serve the table; it is given anew as often as the class asks, as it is meant to be."""
    agent = snmp_passpersist.PassPersist(BASE)
    with open(path, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]

    def update() -> None:
        for oid, keyword, value in rows:
            agent.add_oid_entry(oid[len(BASE) + 1 :], keyword, value)

    agent.start(update, 60)


main(sys.argv[1])
