# SPDX-License-Identifier: GPL-3.0-or-later
"""A pass_persist extension that uses snmp-passpersist's own class: stock.py TABLE.

TABLE has the format of responder.c.
"""

from __future__ import annotations

import sys

import snmp_passpersist

BASE = ".1.3.6.1.4.1.8225.4711"


def main(path: str) -> None:
    """Serve a table; the class calls update() every 60 s."""
    agent = snmp_passpersist.PassPersist(BASE)
    with open(path, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]

    def update() -> None:
        for oid, keyword, value in rows:
            agent.add_oid_entry(oid[len(BASE) + 1 :], keyword, value)

    agent.start(update, 60)


main(sys.argv[1])
