# SPDX-License-Identifier: GPL-3.0-or-later
"""The subjects of a page: all services together, each service, each VIP and each RIP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from lvs_agent.codes import IpProtocol
from lvs_agent.pollers.graph.files import File, Last, stem
from lvs_agent.pollers.graph.kinds import KINDS, Kind, kind_of
from lvs_agent.pollers.graph.numbers import Numbers, total
from lvs_agent.pollers.graph.picture import MOST_GROUPS, PERIODS
from lvs_agent.pollers.graph.selection import SERVER, SERVICE, Group, Selection, grouped, title
from lvs_agent.pollers.naming import RIP, VIP, AddressRow, Named, Row

ALL = "all"  # the stem of all services together
# services with a colour each in the picture of all services; its legend has no room for more
MOST_SERVICES = 10
MOST_LINES = 10  # of quotients, whose lines cross
OTHERS = "other services"
# a director may have as many VIPs and RIPs as services
OF_ADDRESSES = ("active", "bits", "conns", "servers")

Numbered = Mapping[Named, Numbers]


@dataclass(frozen=True)
class Plan:
    """A subject of pictures, with its numbers, and the groups in its pictures by period and kind.

    stem is the name of its page and the prefix of its pictures' names. row is None for all services
    together. related has the rows of the subjects that share a part with it.
    """

    stem: str
    name: str
    row: Optional[Named]
    files: Sequence[File]
    numbers: Numbers
    groups: Mapping[Tuple[str, str], Sequence[Group]]
    related: Sequence[Named] = ()

    @property
    def page(self) -> str:
        """The file name of its page."""
        return f"{self.stem}.html"

    @property
    def periods(self) -> List[str]:
        """The periods for which it has values."""
        found = {period for period, _ in self.groups}
        return [period for period in PERIODS if period in found]

    def kind(self, name: str) -> Kind:
        """Return a kind of picture, in the words for this subject."""
        return kind_of(name, self.files)

    def picture(self, kind: str, period: str) -> str:
        """Return the file name of a picture."""
        return f"{self.stem}-{kind}-{period}.png"


@dataclass
class Farm:
    """The files of each subject, the files of its parts, and the subjects that are related to it.

    The parts of a service and of a RIP are rows of real servers, those of a VIP are services.
    """

    files: Dict[Named, List[File]] = field(default_factory=dict)
    parts: Dict[Named, List[File]] = field(default_factory=dict)
    related: Dict[Named, List[Named]] = field(default_factory=dict)

    def add_part(self, address: AddressRow, row: Row, file: File) -> None:
        """Add a part of an address, which relates the address and the service of row."""
        self.parts.setdefault(address, []).append(file)
        for one, other in ((address, row), (row, address)):
            its = self.related.setdefault(one, [])
            if other not in its:
                its.append(other)


def farm(files: Iterable[File], selection: Selection, servers: Selection) -> Farm:
    """Return the subjects that selection selects, with those parts that servers selects."""
    found = Farm()
    for file in files:
        row = file.row
        service = row if isinstance(row, AddressRow) else Row(row.service)
        if selection.takes(file) or selection.takes_address(file):
            found.files.setdefault(service, []).append(file)
        if isinstance(row, AddressRow):
            continue
        if row.server is None:
            if row.service.protocol != IpProtocol.FWMARK and selection.takes(file):
                vip = AddressRow(VIP, row.service.family, row.service.address)
                found.add_part(vip, row, file)
        elif servers.takes(file):
            found.parts.setdefault(Row(row.service), []).append(file)
            rip = AddressRow(RIP, row.server.family, row.server.address)
            found.add_part(rip, Row(row.service), file)
    return found


def planned(farm: Farm, last: Mapping[File, Last], numbers: Numbered, now: float) -> List[Plan]:
    """Return a plan for all services together, then one for each subject.

    The first is of all VIPs and RIPs if there is no service. A file whose last value is older than
    a period is left out of that period's pictures. A subject whose last value is older than all
    periods is left out.
    """
    services: List[Named] = [row for row in farm.files if isinstance(row, Row)]
    rows = services or list(farm.files)
    every = [file for row in rows for file in farm.files[row]]
    whole = _Drawing(every, _busiest(rows, farm.files, numbers), last, now)
    values = total([numbers[row] for row in rows])
    plans = [Plan(ALL, title(every), None, every, values, whole.groups())]
    for row, its in farm.files.items():
        by, kinds = (SERVER, KINDS) if isinstance(row, Row) else (SERVICE, OF_ADDRESSES)
        parts = grouped(farm.parts.get(row, []), by)
        drawing = _Drawing(its, parts, last, now, tuple(kinds))
        groups = drawing.groups()
        if groups:
            related = [other for other in farm.related.get(row, []) if other in farm.files]
            name = its[0].titled(row)
            plans.append(Plan(stem(row), name, row, its, numbers[row], groups, related))
    return plans


def _busiest(
    rows: Sequence[Named], files: Mapping[Named, List[File]], numbers: Numbered
) -> List[Group]:
    """Return a group for each of the services with most traffic, and one for all others."""
    by_traffic = sorted(rows, key=lambda row: numbers[row].traffic, reverse=True)
    most = set(by_traffic if len(rows) <= MOST_SERVICES else by_traffic[: MOST_SERVICES - 1])
    groups = grouped([file for row in rows if row in most for file in files[row]], SERVICE)
    rest = [file for row in rows if row not in most for file in files[row]]
    return [*groups, *([Group(OTHERS, rest)] if rest else [])]


@dataclass(frozen=True)
class _Drawing:
    """The files of a subject, and its parts in a colour each."""

    files: Sequence[File]
    parts: Sequence[Group]
    last: Mapping[File, Last]
    now: float
    kinds: Sequence[str] = tuple(KINDS)

    def groups(self) -> Dict[Tuple[str, str], Sequence[Group]]:
        """Return the groups of each picture for which there are values."""
        found: Dict[Tuple[str, str], Sequence[Group]] = {}
        for period, seconds in PERIODS.items():
            whole = self._recent(self.files, seconds)
            recent = [(group.name, self._recent(group.files, seconds)) for group in self.parts]
            parts = [Group(name, files) for name, files in recent if files]
            for name in self.kinds:
                kind = KINDS[name]
                shown = [file for file in whole if kind.shows(self.last[file])]
                if not shown:
                    continue
                most = MOST_LINES if kind.per else MOST_GROUPS
                split = not kind.of_parts and 0 < len(parts) <= most
                found[period, name] = parts if split else grouped(shown, None)
        return found

    def _recent(self, files: Sequence[File], seconds: int) -> List[File]:
        return [file for file in files if self.now - self.last[file].when <= seconds]
