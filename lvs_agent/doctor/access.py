# SPDX-License-Identifier: GPL-3.0-or-later
"""Access as snmpd's configuration grants it: readers and their views; after snmpd.conf(5), VACM.

Views are evaluated as in net-snmp (snmplib/vacm.c) and RFC 3415: the longest subtree that matches
wins, and a mask selects the sub-identifiers that are compared.
"""

from __future__ import annotations

import enum
import ipaddress
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Sequence, Union

from lvs_agent.mib.smi import Oid
from lvs_agent.netsnmp import oids
from lvs_agent.netsnmp.reader import Config, Line

Host = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
EVERYWHERE = "default"
_ALL = "_all_"


class Sight(enum.Enum):
    """The part of a subtree that a view shows."""

    NONE = 0
    PART = 1
    ALL = 2


@dataclass(frozen=True)
class Grant:
    """A `view` line: a subtree, shown or hidden. A 0 bit in mask skips a sub-identifier."""

    included: bool
    subtree: Oid
    mask: bytes = b""

    def matches(self, oid: Oid) -> bool:
        """Return whether oid is in the subtree, or the subtree is below oid."""
        pairs = enumerate(zip(self.subtree, oid))
        return all(mine == theirs for place, (mine, theirs) in pairs if self._compared(place))

    def _compared(self, place: int) -> bool:
        byte, bit = divmod(place, 8)
        return byte >= len(self.mask) or bool(self.mask[byte] & 0x80 >> bit)


@dataclass(frozen=True)
class Reader:
    """A community with its source address, or a user of SNMPv3, that may read.

    It sees subtree or, if that is None, the view of that name. order is the index, among all
    lines, of the line that names the community. old is True if it may use SNMPv1 only.
    """

    line: Line
    order: int
    view: str
    subtree: Optional[Oid] = None
    community: Optional[str] = None
    source: str = EVERYWHERE
    ipv6: bool = False
    old: bool = False

    def admits(self, host: Host) -> bool:
        """Return whether requests from a host are known to be accepted."""
        if self.source in (EVERYWHERE, "localhost"):
            return self.source == EVERYWHERE or host.is_loopback
        try:
            return host in ipaddress.ip_network(self.source, strict=False)
        except ValueError:  # a host's name, or !SOURCE
            return False


class Views:
    """The views of a configuration."""

    def __init__(self, config: Config) -> None:
        self._views: Dict[str, List[Grant]] = {_ALL: [Grant(True, (arc,)) for arc in (0, 1, 2)]}
        for line in config.all("view"):
            words = line.rest.split(None, 3)
            subtree = oids.parse(words[2]) if len(words) > 2 else None
            if subtree is None or words[1] not in ("included", "excluded"):
                continue  # snmpd rejects it, too
            mask = _mask(words[3]) if len(words) > 3 else b""
            if mask is not None:
                grant = Grant(words[1] == "included", subtree, mask)
                self._views.setdefault(words[0], []).append(grant)

    def sight(self, reader: Reader, oid: Oid) -> Sight:
        """Return the part of the subtree at oid that a reader sees."""
        if reader.subtree is not None:
            return _sight([Grant(True, reader.subtree)], oid)
        return _sight(self._views.get(reader.view, []), oid)

    def opened(self, view: str, oid: Oid) -> bool:
        """Return whether a line at the end that includes a subtree would show all of it."""
        return _sight([*self._views.get(view, []), Grant(True, oid)], oid) == Sight.ALL


def readers(config: Config) -> List[Reader]:
    """Return all readers in snmpd's order."""
    found: List[Reader] = []
    order = {id(line): index for index, line in enumerate(config.lines)}
    every = [*_simple(config, order), *_by_groups(config, order)]
    for reader in sorted(every, key=lambda each: each.order):
        # snmpd uses the first line that matches a community and its source
        if reader.community is None or not any(_covers(each, reader) for each in found):
            found.append(reader)
    return found


def _covers(one: Reader, other: Reader) -> bool:
    same = (one.community, one.ipv6, one.old) == (other.community, other.ipv6, other.old)
    return same and one.source in (EVERYWHERE, other.source)


def _sight(grants: Sequence[Grant], oid: Oid) -> Sight:
    above = [each for each in grants if len(each.subtree) <= len(oid) and each.matches(oid)]
    below = [each for each in grants if len(each.subtree) > len(oid) and each.matches(oid)]
    # of two subtrees of equal length, the greater wins; of two equal ones, the first line
    best = max(above, key=lambda each: (len(each.subtree), each.subtree), default=None)
    shown = best is not None and best.included
    if any(each.included != shown for each in below):
        return Sight.PART
    return Sight.ALL if shown else Sight.NONE


def _mask(text: str) -> Optional[bytes]:
    try:
        return bytes(
            int(each, 16) & 0xFF for each in text.replace(".", " ").replace(":", " ").split()
        )
    except ValueError:
        return None


def _simple(config: Config, order: Dict[int, int]) -> Iterator[Reader]:
    # rocommunity [-v VERSION] COMMUNITY [SOURCE [OID | -V VIEW [CONTEXT]]]
    # rouser [-s MODEL] USER [LEVEL [OID | -V VIEW [CONTEXT]]]; TYPES comes first after auth...
    communities = [f"{kind}community{end}" for kind in ("ro", "rw", "auth") for end in ("", "6")]
    for line in config.all(*communities, "rouser", "rwuser", "authuser"):
        words = line.words()
        if line.token.startswith("auth") and (not words or "read" not in words.pop(0)):
            continue
        old = words[:2] == ["-v", "1"]
        if words[:1] in (["-v"], ["-s"]):
            words = words[2:]
        if not words:
            continue
        who, where, what = words[0], words[1:2], words[2:]
        view, subtree = _ALL, None
        if what[:1] == ["-V"]:
            view = what[1] if len(what) > 1 else ""
        elif what:
            subtree = oids.parse(what[0])
            view = "" if subtree is None else view
        if "community" in line.token:
            source = where[0] if where else EVERYWHERE
            six = line.token.endswith("6")
            yield Reader(line, order[id(line)], view, subtree, who, source, six, old)
        else:
            yield Reader(line, order[id(line)], view, subtree)


def _by_groups(config: Config, order: Dict[int, int]) -> Iterator[Reader]:
    # com2sec [-Cn CONTEXT] NAME SOURCE COMMUNITY; group GROUP MODEL NAME;
    # access GROUP CONTEXT MODEL LEVEL PREFIX READ WRITE NOTIFY
    groups = [line.words() for line in config.all("group")]
    sources = [(line, line.words()) for line in config.all("com2sec", "com2sec6")]
    for line in config.all("access"):
        words = line.rest.split()
        if len(words) < 8 or words[5] == "none":
            continue
        models = [each for each in groups if len(each) > 2 and each[0] == words[0]]
        names = [each[2] for each in models]
        users = 0
        for source, given in sources:
            given = given[2:] if given[:1] == ["-Cn"] else given
            if len(given) > 2 and given[0] in names:
                users += 1
                six = source.token.endswith("6")
                old = words[2] == "v1" or {e[1] for e in models if e[2] == given[0]} == {"v1"}
                yield Reader(line, order[id(source)], words[5], None, given[2], given[1], six, old)
        if names and not users:
            yield Reader(line, order[id(line)], words[5])
