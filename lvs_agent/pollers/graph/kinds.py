# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of pictures: the data sources that each shows, and how."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, Sequence, Tuple

from lvs_agent.pollers.graph.files import PARTS, File, Last
from lvs_agent.pollers.naming import VIP, AddressRow

BLUE, ORANGE, GREEN, RED = "#2a6fb0", "#e0862c", "#3a9a4c", "#c8453c"


@dataclass(frozen=True)
class Kind:
    """A kind of picture: its title, its unit, and the data sources it shows with their names.

    Values are multiplied by factor, and divided by the data sources of per, one for each source.
    below is True if the second source is drawn below the axis.
    """

    title: str
    unit: str
    sources: Tuple[Tuple[str, str], ...]
    factor: int = 1
    below: bool = False
    per: Tuple[str, ...] = ()
    colours: Tuple[str, ...] = (BLUE, ORANGE)

    @property
    def of_parts(self) -> bool:
        """True if it shows numbers of parts, which files of real servers lack."""
        return self.sources[0][0] in PARTS

    def shows(self, last: Last) -> bool:
        """Return whether a file has its data sources; files of earlier versions lack some."""
        return all(source in last.values for source, _ in self.sources)


_BYTES = (("in_bytes", "in"), ("out_bytes", "out"))
_PACKETS = (("in_pkts", "in"), ("out_pkts", "out"))
_CONNS = ("conns", "conns")

KINDS: Dict[str, Kind] = {
    "active": Kind("connections", "connections", (("active", "active"), ("inactive", "inactive"))),
    "bits": Kind("traffic", "bits/s", _BYTES, 8, True),
    "conns": Kind("new connections", "connections/s", (("conns", "new"),)),
    "servers": Kind(
        "real servers",
        "real servers",
        (("up", "up"), ("idle", "at weight 0"), ("lost", "lost")),
        colours=(GREEN, ORANGE, RED),
    ),
    "packets": Kind("packets", "packets/s", _PACKETS, 1, True),
    "packet-size": Kind(
        "packet size", "bytes/packet", _BYTES, 1, True, per=("in_pkts", "out_pkts")
    ),
    "bits-per-conn": Kind("bits per connection", "bits", _BYTES, 8, True, per=_CONNS),
    "packets-per-conn": Kind("packets per connection", "packets", _PACKETS, 1, True, per=_CONNS),
}

_SERVICES = replace(
    KINDS["servers"],
    title="services",
    unit="services",
    sources=(("up", "up"), ("idle", "down"), ("lost", "lost")),
)
_IN_SERVICES = replace(KINDS["servers"], title="state in services", unit="services")


def kind_of(name: str, files: Sequence[File]) -> Kind:
    """Return a kind in the words for the rows of files: the parts of a VIP are services."""
    kinds = {file.row.kind for file in files if isinstance(file.row, AddressRow)}
    if name != "servers" or not kinds:
        return KINDS[name]
    return _SERVICES if VIP in kinds else _IN_SERVICES
