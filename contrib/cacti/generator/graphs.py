# SPDX-License-Identifier: GPL-3.0-or-later
"""The graphs of virtual services, real servers, VIPs, RIPs and directors.

Never change a key or the name of an object: they name the objects in Cacti's database, see hashes.
Titles, labels and colours may change.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Dict, Sequence, Tuple

# a part of a file for Cacti: tags that contain texts or parts
Node = Dict[str, Any]


class Kind(enum.IntEnum):
    """The drawing styles of a series: Cacti's graph item types (include/global_constants.php)."""

    LINE = 5
    AREA = 7
    STACK = 8


class Numbers(enum.Enum):
    """The number formats of the legend: the names of Cacti's presets."""

    SI = "Normal"
    WHOLE = "Exact Numbers"
    PLACES = "Load Average"


@dataclass(frozen=True)
class Series:
    """The values of one object in a graph; its name follows lvsVs, lvsRs, lvsVip and so on.

    If complement is true, what is drawn is the graph's first series less these values. Another
    series of the graph must draw the values themselves.
    """

    object: str
    label: str
    kind: Kind
    color: str
    complement: bool = False

    @property
    def data_source(self) -> str:
        """The name in the round-robin file, at most 19 characters: in_bytes for InBytes."""
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in self.object)[1:]


@dataclass(frozen=True)
class Graph:
    """One graph. If bits is true, bytes are drawn as bits."""

    key: str
    title: str
    axis: str
    series: Sequence[Series]
    numbers: Numbers = Numbers.SI
    bits: bool = False

    @property
    def stored(self) -> Sequence[Series]:
        """The series that have a data source of their own."""
        return [series for series in self.series if not series.complement]


@dataclass(frozen=True)
class Field:
    """A column that Cacti reads when it indexes a table, for display and for titles.

    of_service: it is a column of the real server's service. of_index: it is no column, but the
    address in the index. words: the names of an enumeration's values, from 0.
    """

    object: str
    title: str
    of_service: bool = False
    of_index: bool = False
    words: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Query:
    """A table with its graphs.

    naming is a column that each row has. count is the scalar that holds the number of rows. Without
    it, Cacti counts the rows.
    """

    key: str
    title: str
    about: str
    prefix: str
    naming: str
    count: str
    fields: Sequence[Field]
    label: str
    graphs: Sequence[Graph]

    @property
    def file(self) -> str:
        """The name of its XML file."""
        return f"lvs_{self.key.replace('-', '_')}.xml"

    @property
    def index(self) -> str:
        """The field that identifies a row: its instance, which is its address."""
        return f"{self.prefix}Index"


def _states(
    key: str, title: str, axis: str, objects: Tuple[str, str, str], labels: Tuple[str, str]
) -> Graph:
    """Return a graph of rows: objects are those that are present, up and lost.

    labels are those of the rows that are up, and of the others. Present is first, since the
    complement is of the first series.
    """
    present, up, lost = objects
    up_label, down_label = labels
    series = [
        Series(present, "Present", Kind.LINE, "002A97"),
        Series(up, up_label, Kind.AREA, "00CF00"),
        Series(up, down_label, Kind.STACK, "FFAB00", complement=True),
        Series(lost, "Lost", Kind.STACK, "F51D30"),
    ]
    return Graph(key, title, axis, series, numbers=Numbers.PLACES)


TRAFFIC = Graph(
    "traffic",
    "Traffic",
    "bits per second",
    [
        Series("InBytes", "From clients", Kind.AREA, "00CF00"),
        Series("OutBytes", "To clients", Kind.LINE, "002A97"),
    ],
    bits=True,
)
PACKETS = Graph(
    "packets",
    "Packets",
    "packets per second",
    [
        Series("InPkts", "From clients", Kind.AREA, "00CF00"),
        Series("OutPkts", "To clients", Kind.LINE, "002A97"),
    ],
)
NEW_CONNECTIONS = Graph(
    "new-connections",
    "New Connections",
    "connections per second",
    [Series("Conns", "New connections", Kind.AREA, "FF7D00")],
)
CONNECTIONS = Graph(
    "connections",
    "Connections",
    "connections",
    [
        Series("ActiveConns", "Active", Kind.AREA, "00A348"),
        Series("InactConns", "Inactive", Kind.STACK, "8F9286"),
    ],
    numbers=Numbers.WHOLE,
)
# not the key real-servers, which an earlier template has, with a round-robin file that cannot hold
# RealServersLost
REAL_SERVERS = _states(
    "real-server-states",
    "Real Server States",
    "real servers",
    ("RealServers", "RealServersUp", "RealServersLost"),
    ("Up (weight above 0)", "At weight 0"),
)
VIP_SERVICES = _states(
    "services",
    "Services",
    "virtual services",
    ("Services", "ServicesUp", "ServicesLost"),
    ("Up (a real server above weight 0)", "Down"),
)
RIP_SERVICES = _states(
    "services",
    "Services",
    "virtual services",
    ("Services", "Up", "Lost"),
    ("Up (weight above 0)", "At weight 0"),
)
WEIGHT = Graph(
    "weight",
    "Weight",
    "weight",
    [Series("Weight", "Weight", Kind.AREA, "4668E4")],
    numbers=Numbers.PLACES,
)

SERVICES = Query(
    "services",
    "LVS - Virtual Services",
    "Virtual services of an IPVS director, by address",
    "lvsVs",
    "lvsVsName",
    "lvsAgentServices",
    [
        Field("lvsVsName", "Service"),
        Field("lvsVsAlias", "Alias"),
        Field("lvsVsScheduler", "Scheduler"),
    ],
    "|query_lvsVsName|",
    [TRAFFIC, PACKETS, NEW_CONNECTIONS, CONNECTIONS, REAL_SERVERS],
)
SERVERS = Query(
    "real-servers",
    "LVS - Real Servers",
    "Real servers of each virtual service of an IPVS director, by address",
    "lvsRs",
    "lvsRsName",
    "lvsAgentRealServers",
    [
        Field("lvsVsName", "Service", of_service=True),
        Field("lvsRsName", "Real Server"),
        Field("lvsRsAlias", "Alias"),
        Field(
            "lvsRsForwarding", "Forwarding", words=("masq", "local", "tunnel", "route", "bypass")
        ),
    ],
    "|query_lvsVsName| - Server |query_lvsRsName|",
    [TRAFFIC, NEW_CONNECTIONS, CONNECTIONS, WEIGHT],
)
VIPS = Query(
    "vips",
    "LVS - VIPs",
    "Virtual addresses of an IPVS director, each with the sums over its services",
    "lvsVip",
    "lvsVipServices",
    "",
    [Field("lvsVipAddr", "VIP", of_index=True), Field("lvsVipAlias", "Alias")],
    "VIP |query_lvsVipAddr|",
    [TRAFFIC, PACKETS, NEW_CONNECTIONS, CONNECTIONS, VIP_SERVICES],
)
RIPS = Query(
    "rips",
    "LVS - RIPs",
    "Addresses of real servers of an IPVS director, each with the sums over its services",
    "lvsRip",
    "lvsRipServices",
    "",
    [Field("lvsRipAddr", "RIP", of_index=True), Field("lvsRipAlias", "Alias")],
    "RIP |query_lvsRipAddr|",
    [TRAFFIC, PACKETS, NEW_CONNECTIONS, CONNECTIONS, RIP_SERVICES],
)
QUERIES = [SERVICES, SERVERS, VIPS, RIPS]

# the graphs of a whole director, from scalars
TOTALS = "lvsTotal"
TOTAL_GRAPHS = [TRAFFIC, PACKETS, NEW_CONNECTIONS]
