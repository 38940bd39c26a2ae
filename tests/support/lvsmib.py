# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of LVS-MIB by name, with the numbers that lvs_agent.mib.lvs declares.

A place is an OID below BASE. Other tests compare these numbers with the published ones: the golden
walks, the MIB file and data/original-mib.tsv.
"""

from __future__ import annotations

from typing import Dict, Iterator, Tuple

from lvs_agent.mib import lvs
from lvs_agent.mib.smi import Oid

BASE = ".1.3.6.1.4.1.8225.4711"

# The endings of the names of columns and scalars, after lvsVs, lvsRs, lvsTotal and (counters alone)
# lvsCpu, in the order of ipvsadm.Counters; the legacy tables have theirs after lvsService and
# lvsReal
COUNTERS = ("Conns", "InPkts", "OutPkts", "InBytes", "OutBytes")
RATES = ("ConnRate", "InPktRate", "OutPktRate", "InByteRate", "OutByteRate")
COUNTERS_2001 = ("StatsConns", "StatsInPkts", "StatsOutPkts", "StatsInBytes", "StatsOutBytes")
RATES_2001 = ("RateCps", "RateInPPS", "RateOutPPS", "RateInBPS", "RateOutBPS")


def _columns() -> Iterator[Tuple[str, str, Oid]]:
    """Yield the name, table and place of each column; some index parts are columns too."""
    for table in lvs.objects()[1]:
        for part in table.index:
            if part.accessible:
                yield part.name, table.name, (*table.path, 1, part.number)
        for column in table.columns:
            yield column.name, table.name, (*table.path, 1, column.number)


PLACES: Dict[str, Oid] = {
    **{scalar.name: scalar.path for scalar in lvs.objects()[0]},
    **{name: place for name, _table, place in _columns()},
}
TABLE_OF = {name: table for name, table, _place in _columns()}
NAMES = {place: name for name, place in PLACES.items()}


def place(name: str, *instance: int) -> Oid:
    """Return the place of a scalar's or column's instance; without an instance, of the object."""
    return (*PLACES[name], *instance)


def oid(name: str, *instance: int) -> str:
    """Return the whole OID with dots, as net-snmp's tools take and print it."""
    return ".".join([BASE, *map(str, place(name, *instance))])


def split(place: Oid) -> Tuple[str, Oid]:
    """Return the name and instance of a place; raise LookupError if it has no scalar or column."""
    for end in (3, 2, 1):
        if place[:end] in NAMES:
            return NAMES[place[:end]], place[end:]
    raise LookupError(f"no object of LVS-MIB: {place}")
