# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of sums over addresses that come from missing and forgotten rows.

The sum over an address is what all its rows have counted: the virtual services at a virtual
address, or the real servers of all services at a real server's address. The responder adds up the
present rows. This module keeps what missing rows had counted when they disappeared, and what
forgotten rows had counted, so that the sum does not decrease. An address is remembered for as long
as one of its rows is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Optional, Tuple

from lvs_agent.services import MAX_COUNTER, Traffic, plus
from lvs_agent.snapshot import AddressSum, Snapshot

ZERO = Traffic(0, 0, 0, 0, 0)


@dataclass
class Base:
    """The counters of an address's forgotten rows, added up.

    continuous_since is when the address's sum became continuous (seconds of CLOCK_BOOTTIME, 0
    before this boot).
    """

    counters: Traffic
    continuous_since: float


@dataclass
class Forgotten:
    """A row that has been forgotten, and the base of its address afterwards.

    counters is None if the address has been forgotten with the row, or if the row has no address.
    server is "" for a service.
    """

    server: str
    counters: Optional[Traffic] = None
    continuous_since: float = 0.0
    service: str = ""


class Address:
    """An address that remembered rows have.

    base is what its forgotten rows had counted, None if there are none. absent is the base and what
    its missing rows have counted. Both wrap to 0 at 2^64, as the rows' counters do. told has the
    addresses that snapshots include.
    """

    __slots__ = ("_told", "absent", "base", "continuous_since", "missing", "name", "present")

    def __init__(self, name: str, since: float, told: Dict[str, Address]) -> None:
        self.name = name
        self.present = self.missing = 0
        self.base: Optional[Traffic] = None
        self.absent: Optional[Traffic] = None
        self.continuous_since = since
        self._told = told

    def note_missing(self, counted: Optional[Traffic]) -> None:
        """Note that a row is missing, and what it has counted."""
        self.present -= 1
        self.missing += 1
        self.absent = plus(self.absent, counted)
        self.tell()

    def note_present(self, counted: Optional[Traffic]) -> None:
        """Note that a missing row is present, and what it had counted when it went."""
        self.present += 1
        self.missing -= 1
        self.absent = _minus(self.absent, counted) if self.missing else self.base
        self.tell()

    def tell(self) -> None:
        """Include the address in snapshots if it has present rows, and others that counted."""
        if self.present and (self.missing or self.base is not None):
            self._told[self.name] = self
        else:
            self._told.pop(self.name, None)


@dataclass
class Addresses:
    """The addresses of one table by name. told has those that snapshots include."""

    known: Dict[str, Address] = field(default_factory=dict)
    told: Dict[str, Address] = field(default_factory=dict)

    def find(self, name: str, since: float) -> Address:
        """Return an address, and add it if it is not known."""
        address = self.known.get(name)
        if address is None:
            address = self.known[name] = Address(name, since, self.told)
        address.continuous_since = min(address.continuous_since, since)
        return address

    def forget(self, address: Address, counted: Optional[Traffic]) -> Optional[Traffic]:
        """Forget a missing row. Return the base, or None if the address is forgotten, too."""
        address.missing -= 1
        if not address.missing and not address.present:
            del self.known[address.name]
            return None
        address.base = plus(address.base, counted or ZERO)
        address.tell()
        return address.base


class Sums:
    """The addresses of two kinds: vip for virtual addresses, rip for those of real servers.

    since is the time before which no sum is continuous, None for the time of the next snapshot.
    forgotten has the rows that were forgotten since it was last cleared.
    """

    def __init__(self, since: Optional[float] = 0.0) -> None:
        self.addresses = {"vip": Addresses(), "rip": Addresses()}
        self.since = since
        self.forgotten: List[Forgotten] = []

    def add_base(self, kind: str, name: str, base: Base) -> None:
        """Add the base of an address, before its rows join."""
        address = self.addresses[kind].find(name, base.continuous_since)
        address.base = address.absent = base.counters

    def bases(self) -> Iterator[Tuple[str, str, Base]]:
        """Yield each base with the kind and the name of its address."""
        for kind, addresses in self.addresses.items():
            for name, address in addresses.known.items():
                if address.base is not None:
                    yield kind, name, Base(address.base, address.continuous_since)

    def join(
        self, service: str, name: str, since: float, missing: bool, counted: Optional[Traffic]
    ) -> Optional[Address]:
        """Add a row to its address and return that; None for a firewall mark.

        service is the service of a real server, "" for a service itself. since is when the row's
        counters became continuous.
        """
        found = address_in(name)
        if not found:
            return None
        address = self.addresses[_kind(service)].find(found, since)
        address.present += 1
        if missing:
            address.note_missing(counted)
        else:
            address.tell()
        return address

    def forget(
        self, service: str, name: str, address: Optional[Address], counted: Optional[Traffic]
    ) -> None:
        """Note that a missing row is forgotten; see join()."""
        row = Forgotten(name if service else "", service=service or name)
        if address is not None:
            row.counters = self.addresses[_kind(service)].forget(address, counted)
            row.continuous_since = address.continuous_since
        self.forgotten.append(row)

    def drop_unused(self) -> None:
        """Forget the addresses that no row has."""
        for addresses in self.addresses.values():
            for name, address in list(addresses.known.items()):
                if not address.present and not address.missing:
                    del addresses.known[name]

    def fill_in(self, snapshot: Snapshot) -> None:
        """Fill in the parts of sums that the present rows of an address do not have."""
        snapshot.sums_since = self.since or 0.0
        for kind, found in (("vip", snapshot.vips), ("rip", snapshot.rips)):
            for name, address in self.addresses[kind].told.items():
                found[name] = AddressSum(name, address.absent, address.continuous_since)


def _kind(service: str) -> str:
    return "rip" if service else "vip"


def address_in(name: str) -> str:
    """Return the address in the name of a service or a real server; "" for a firewall mark."""
    return name.rpartition(" ")[2].rpartition(":")[0].strip("[]")


def _minus(one: Optional[Traffic], other: Optional[Traffic]) -> Optional[Traffic]:
    if one is None or other is None:
        return one
    return Traffic(*((a - b) & MAX_COUNTER for a, b in zip(one, other)))
