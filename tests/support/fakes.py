# SPDX-License-Identifier: GPL-3.0-or-later
"""Directors that give wrong answers on purpose, derived from the correct ones.

A Manner returns the datagrams to send for a request. honest() returns the correct one; the others
change it, and a test may pass its own.
"""

from __future__ import annotations

import socket
import threading
from bisect import bisect_right
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Iterator, List, Sequence, Tuple

from pyasn1.codec.ber import decoder, encoder
from pyasn1.type.univ import Integer
from pysnmp.proto.api import v2c

from lvs_agent.codes import Status
from lvs_agent.mib import lvs
from lvs_agent.mib.lvs import LVS
from lvs_agent.mib.smi import Oid
from lvs_agent.snapshot import Snapshot
from tests.support.lvsmib import place
from tests.support.words import words

Varbind = Tuple[Oid, Any]

# pysnmp's type for each keyword of pass_persist, and how its value is read
TYPES: Dict[str, Callable[[str], Any]] = {
    "integer": v2c.Integer32,
    "gauge": v2c.Gauge32,
    "counter": v2c.Counter32,
    "counter64": v2c.Counter64,
    "timeticks": v2c.TimeTicks,
    "ipaddress": v2c.IpAddress,
    "string": lambda text: v2c.OctetString(text.encode()),
    "octet": lambda text: v2c.OctetString(bytes.fromhex(text)),
}


class Request:
    """A request of SNMPv2c: get, or getbulk with repetitions."""

    def __init__(self, datagram: bytes, values: Dict[Oid, Any]) -> None:
        self._message, _ = decoder.decode(datagram, asn1Spec=v2c.Message())
        self.pdu = v2c.apiMessage.get_pdu(self._message)
        self.bulk = isinstance(self.pdu, v2c.GetBulkRequestPDU)
        self.oids: List[Oid] = [tuple(oid) for oid, _ in v2c.apiPDU.get_varbinds(self.pdu)]
        self.repetitions = int(v2c.apiBulkPDU.get_max_repetitions(self.pdu)) if self.bulk else 0
        self.values = values

    def honestly(self) -> List[Varbind]:
        """Return the varbinds of a correct answer (RFC 3416, 4.2.1 and 4.2.3)."""
        if not self.bulk:
            return [(oid, self.values.get(oid, v2c.NoSuchInstance(""))) for oid in self.oids]
        found: List[Varbind] = []
        last = self.oids
        for _ in range(self.repetitions):
            step = [self._after(oid) for oid in last]
            found += step
            last = [oid for oid, _ in step]
        return found

    def reply(self, varbinds: Sequence[Varbind], status: int = 0, later: int = 0) -> bytes:
        """Return a response with these varbinds; later is added to its request-id."""
        pdu = v2c.GetResponsePDU()
        v2c.apiPDU.set_defaults(pdu)
        v2c.apiPDU.set_request_id(pdu, v2c.apiPDU.get_request_id(self.pdu) + later)
        pdu.setComponentByPosition(1, status, verifyConstraints=False)
        v2c.apiPDU.set_varbinds(pdu, varbinds)
        message = v2c.Message()
        v2c.apiMessage.set_defaults(message)
        v2c.apiMessage.set_community(message, b"public")
        v2c.apiMessage.set_pdu(message, pdu)
        datagram: bytes = encoder.encode(message)
        return datagram

    def _after(self, oid: Oid) -> Varbind:
        oids = list(self.values)
        place = bisect_right(oids, oid)
        if place == len(oids):
            return oid, v2c.EndOfMibView("")
        return oids[place], self.values[oids[place]]


Manner = Callable[[Request], Iterable[bytes]]


def honest(request: Request) -> Sequence[bytes]:
    """Return the correct answer."""
    return [request.reply(request.honestly())]


def silent(request: Request) -> Sequence[bytes]:
    """Return no answer."""
    return []


def fewer(request: Request) -> Sequence[bytes]:
    """Leave out the last varbind of a get."""
    return [request.reply(request.honestly()[: None if request.bulk else -1])]


def none_at_all(request: Request) -> Sequence[bytes]:
    return [request.reply([])]


def more(request: Request) -> Sequence[bytes]:
    """Send all varbinds twice."""
    return [request.reply(request.honestly() * 2)]


def others(request: Request) -> Sequence[bytes]:
    """Give the values of a get other OIDs than those requested."""
    varbinds = request.honestly()
    return [request.reply(varbinds if request.bulk else [((*o, 1), v) for o, v in varbinds])]


def turned(request: Request) -> Sequence[bytes]:
    """Reverse the order of the varbinds of a get."""
    varbinds = request.honestly()
    return [request.reply(varbinds if request.bulk else varbinds[::-1])]


def backwards(request: Request) -> Sequence[bytes]:
    """Answer with the OIDs of the request, so that a walk does not advance."""
    varbinds = request.honestly()
    return [request.reply([(o, v) for o, (_, v) in zip(request.oids, varbinds)])]


def endless(request: Request) -> Sequence[bytes]:
    """Return ever higher instances in each column, each a valid service or server."""
    if not request.bulk:
        return honest(request)
    aliases = {place(f"{table}Alias") for table in ("lvsVs", "lvsRs", "lvsVip", "lvsRip")}
    return [
        request.reply(
            [
                (_risen(oid), v2c.OctetString("") if oid[8:11] in aliases else v2c.Gauge32(1))
                for oid in request.oids
            ]
        )
    ]


def odd_rows(request: Request) -> Sequence[bytes]:
    """Return rows whose protocol is out of range."""
    return _moved(request, lambda oid: (*oid[:17], 2**16, *oid[18:]))


def odd_port_443(request: Request) -> Sequence[bytes]:
    """Give the services at port 443 a protocol out of range."""
    odd = 2**16
    return _moved(request, lambda oid: (*oid[:17], odd, *oid[18:]) if oid[18:19] == (443,) else oid)


def numbered_by_servers(request: Request) -> Sequence[bytes]:
    """Add a real server's address to the instances of services."""
    services = (*LVS, 21)
    server = (1, 4, 10, 0, 0, 1, 80)
    return _moved(request, lambda oid: (*oid, *server) if oid[: len(services)] == services else oid)


def _moved(request: Request, moved: Callable[[Oid], Oid]) -> Sequence[bytes]:
    """Return the answer to a getbulk with other OIDs."""
    varbinds = request.honestly()
    if request.bulk:
        varbinds = [(moved(oid), value) for oid, value in varbinds]
    return [request.reply(varbinds)]


def halved(request: Request) -> Sequence[bytes]:
    """Return at most half of the varbinds, as RFC 3416, 4.2.3 allows for getbulk."""
    varbinds = request.honestly()
    return [request.reply(varbinds[: max(1, len(varbinds) // 2)] if request.bulk else varbinds)]


def one_each(request: Request) -> Sequence[bytes]:
    """Return one varbind for each getbulk, which ends within a repetition."""
    return [request.reply(request.honestly()[: 1 if request.bulk else None])]


def numbers(request: Request) -> Sequence[bytes]:
    """Replace each value by an integer."""
    return [request.reply([(oid, v2c.Integer32(1)) for oid, _ in request.honestly()])]


def texts(request: Request) -> Sequence[bytes]:
    """Replace each value but the status by text."""
    status = (*LVS, 26, 2, 0)
    varbinds = request.honestly()
    return [request.reply([(o, v if o == status else v2c.OctetString(b"1")) for o, v in varbinds])]


def negative(request: Request) -> Sequence[bytes]:
    """Replace each number but the status by -5."""
    status = (*LVS, 26, 2, 0)
    return [
        request.reply(
            [
                (o, v2c.Integer32(-5) if isinstance(v, Integer) and o != status else v)
                for o, v in request.honestly()
            ]
        )
    ]


def saying(text: bytes) -> Manner:
    """Return a manner with this text as status text and name, and the status degraded."""
    said = {
        (*LVS, 26, 2, 0): v2c.Integer32(Status.DEGRADED),
        (*LVS, 26, 3, 0): v2c.OctetString(text),
        (1, 3, 6, 1, 2, 1, 1, 5, 0): v2c.OctetString(text),
    }
    return lambda request: [request.reply([(o, said.get(o, v)) for o, v in request.honestly()])]


def oids(request: Request) -> Sequence[bytes]:
    """Replace each value by an object identifier."""
    return [request.reply([(o, v2c.ObjectIdentifier((1, 3))) for o, _ in request.honestly()])]


def nulls(request: Request) -> Sequence[bytes]:
    """Replace each value by null."""
    return [request.reply([(oid, v2c.Null("")) for oid, _ in request.honestly()])]


def garbage(request: Request) -> Sequence[bytes]:
    """Return datagrams that are not SNMP."""
    return [b"\x00", b"\x30\x82", bytes(range(256)), b"\xff" * 64, b""]


def unreadable(request: Request) -> Sequence[bytes]:
    """Announce a community of 2^64-1 bytes, at which pyasn1 raises OverflowError."""
    return [b"\x30\x0d\x02\x01\x01\x04\x88" + b"\xff" * 8]


def cut_off(request: Request) -> Sequence[bytes]:
    """Return the correct answer cut off at each byte."""
    (datagram,) = honest(request)
    return [datagram[:length] for length in range(len(datagram))]


def other_request(request: Request) -> Sequence[bytes]:
    """Return a correct answer with another request-id."""
    return [request.reply(request.honestly(), later=1)]


def error_99(request: Request) -> Sequence[bytes]:
    """Return an error-status that RFC 3416 does not define."""
    return [request.reply(request.honestly(), status=99)]


def huge_error(request: Request) -> Sequence[bytes]:
    """Return an error-status of 5001 digits below 0."""
    return [request.reply(request.honestly(), status=-(10**5000))]


def huge_oids(request: Request) -> Sequence[bytes]:
    """Return OIDs with a sub-identifier above 2^32-1 (RFC 2578, 3.5)."""
    return [request.reply([((*o, 2**32), value) for o, value in request.honestly()])]


def long_oids(request: Request) -> Sequence[bytes]:
    """Return OIDs of more than 128 sub-identifiers (RFC 2578, 3.5)."""
    return [request.reply([((*o, *range(128)), value) for o, value in request.honestly()])]


def no_rows(request: Request) -> Sequence[bytes]:
    """Answer a get correctly, and a getbulk not at all."""
    return [] if request.bulk else honest(request)


def noisy_without_rows(request: Request) -> Sequence[bytes]:
    """Answer a get with garbage and correctly, and a getbulk not at all."""
    return [] if request.bulk else [*garbage(request), *honest(request)]


@dataclass(frozen=True)
class FakeDirector:
    """The address where it listens, and the requests received so far."""

    address: str
    requests: List[Request]


@contextmanager
def running(snapshot: Snapshot, manner: Manner) -> Iterator[FakeDirector]:
    """Run a director with a snapshot, at a port of 127.0.0.1."""
    served = values(snapshot)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        director = FakeDirector(f"127.0.0.1:{sock.getsockname()[1]}", [])

        def serve() -> None:
            while True:
                datagram, peer = sock.recvfrom(65535)
                if not datagram:  # sent below to end this thread
                    return
                request = Request(datagram, served)
                director.requests.append(request)
                for answer in manner(request):
                    sock.sendto(answer, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield director
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
                ending.sendto(b"", sock.getsockname())
            thread.join()


def _risen(oid: Oid) -> Oid:
    """Add one to the last sub-identifier; append an instance if the OID has none."""
    service = (1, 4, 192, 0, 2, 10, 6, 0)
    server = (1, 4, 10, 0, 0, 1, 0)
    columns = len(LVS) + 3
    if len(oid) == columns:
        oid = (*oid, *service, *(server if oid[columns - 3] == 22 else ()))
    return (*oid[:-1], oid[-1] + 1)


def values(snapshot: Snapshot) -> Dict[Oid, Any]:
    """Return the values that a director with this snapshot serves, in the order of OIDs."""
    up_time, name = (1, 3, 6, 1, 2, 1, 1, 3, 0), (1, 3, 6, 1, 2, 1, 1, 5, 0)
    found: Dict[Oid, Any] = {up_time: v2c.TimeTicks(8640000), name: v2c.OctetString(b"fake")}
    for varbind in lvs.tree(snapshot, 0).walk():
        oid = (*LVS, *(int(part) for part in varbind.oid.split(".")))
        keyword, value = words(varbind)
        found[oid] = TYPES[keyword](value)
    return dict(sorted(found.items()))
