# SPDX-License-Identifier: GPL-3.0-or-later
"""A director in this thread, whose answers are altered, and pysnmp's transport to it."""

from __future__ import annotations

import asyncio
import functools
from typing import Any, Callable, List, Optional, Tuple, TypeVar
from unittest.mock import patch

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity.engine import SnmpEngine

from lvs_agent.codes import Source
from lvs_agent.pollers import engine
from lvs_agent.pollers import session as sessions
from lvs_agent.snapshot import Director, Snapshot
from tests.fuzz import ber
from tests.fuzz.ber import INTEGER, OCTETS, SEQUENCE, Node
from tests.fuzz.choices import Choices
from tests.support import builders, fakes
from tests.support.directors import counted

Result = TypeVar("Result")

ADDRESS = ("127.0.0.1", 161)
ENGINE = bytes.fromhex("80001f8880112233445566")
RESPONSE, REPORT = 0xA2, 0xA8
TICK = 0.01  # seconds; pysnmp's is longer
TIMEOUT = 0.05  # several ticks: a tick may come at any time

# usmStats, RFC 3414, 5: what a director reports instead of an answer
REPORTS = [(1, 3, 6, 1, 6, 3, 15, 1, 1, number, 0) for number in range(1, 8)]
UNKNOWN_ENGINE = REPORTS[3]


def _snapshot() -> Snapshot:
    servers = [
        builders.server(
            f"192.168.0.{host}", weight=host, active_conns=1, inact_conns=2, counters=counted(100)
        )
        for host in (1, 2)
    ]
    services = [
        builders.service("192.0.2.10", port, *servers, counters=counted(1000, 2000))
        for port in (80, 443)
    ]
    return builders.snapshot(*services, source=Source.NETLINK, director=Director(estimation=True))


VALUES = fakes.values(_snapshot())


class Fake:
    """A director. Each input says in its choices how the next answers are altered."""

    session: sessions.Session

    def __init__(self) -> None:
        self._choices = Choices(b"")
        self._left = 0
        self.altered = False

    def expect(self, session: sessions.Session, choices: Choices) -> None:
        """Alter some of the next answers to a session."""
        self.session = session
        self._choices = choices
        self._left = 1 + choices.below(3)
        self.altered = False

    def answers(self, datagram: bytes) -> Tuple[List[bytes], Optional[bytes]]:
        """Return the datagrams to send for a request, and one for when they are ignored."""
        request = ber.parsed(datagram)
        version = request.parts[0].content
        reply = _third(request) if version == b"\x03" else _second(request)
        if self._left == 0:
            return [], ber.encoded(reply)
        self._left -= 1
        choices = self._choices
        change = choices.below(8)
        if change == 0:
            return [], ber.encoded(reply)
        self.altered = True
        sent = []
        for _ in range(choices.pick([1, 1, 1, 2, 5])):
            node = reply
            for _ in range(1 + choices.below(3)):
                node = _altered(choices, node)
            data = ber.encoded(node)
            sent.append((ber.damaged(choices, data) if change > 5 else data)[: ber.MOST_BYTES])
        return sent, None if choices.below(16) == 15 else ber.encoded(reply)


class Reporting(Fake):
    """A director that sends a report for each request of SNMPv3; count is that of requests."""

    def __init__(self, oid: Tuple[int, ...]) -> None:
        super().__init__()
        self._oid = oid
        self.count = 0

    def answers(self, datagram: bytes) -> Tuple[List[bytes], Optional[bytes]]:
        """Return the report."""
        self.count += 1
        request = ber.parsed(datagram)
        *outer, scoped = _third(request).parts
        report = _report(request.parts[3].parts[2], self._oid)
        return [], ber.encoded(Node(SEQUENCE, (*outer, ber.changed(scoped, 2, report))))


def _altered(choices: Choices, reply: Node) -> Node:
    """Return a reply with a change, most often in its varbinds."""
    *outer, last = reply.parts
    change = choices.below(16)
    if change == 0:
        return Node(SEQUENCE, (ber.integer(choices.pick([0, 1, 2, 3, -1])), *outer[1:], last))
    if change == 1 and reply.parts[0].content == b"\x03":
        return Node(SEQUENCE, (*outer[:-1], ber.altered(choices, outer[-1]), last))
    if change == 2 and reply.parts[0].content == b"\x03" and len(last.content) == 3:
        report = _report(last.parts[2], choices.pick(REPORTS))
        return Node(SEQUENCE, (*outer, ber.changed(last, 2, report)))
    if change < 4 or last.tag not in (RESPONSE, SEQUENCE) or isinstance(last.content, bytes):
        return ber.altered(choices, reply)
    return Node(SEQUENCE, (*outer, ber.altered(choices, last)))


def _second(request: Node) -> Node:
    """Return the answer of SNMPv2c."""
    version, community, pdu = request.parts
    return Node(SEQUENCE, (version, community, _response(pdu)))


def _third(request: Node) -> Node:
    """Return the answer of SNMPv3 without authentication (RFC 3412, RFC 3414)."""
    version, header, security, scoped = request.parts
    assert isinstance(security.content, bytes)
    asked = ber.parsed(security.content).parts
    known = asked[0].content == ENGINE
    number, size, _flags, model = header.parts
    pdu = scoped.parts[2]
    reply = _response(pdu) if known else _report(pdu, UNKNOWN_ENGINE)
    theirs = (Node(OCTETS, ENGINE), ber.integer(3), ber.integer(1000), *asked[3:])
    return Node(
        SEQUENCE,
        (
            version,
            Node(SEQUENCE, (number, size, Node(OCTETS, b"\0"), model)),
            Node(OCTETS, (Node(SEQUENCE, theirs),)),
            Node(SEQUENCE, (Node(OCTETS, ENGINE), Node(OCTETS, b""), reply)),
        ),
    )


def _response(pdu: Node) -> Node:
    number, *rest = pdu.parts
    return Node(RESPONSE, (number, *_honest(Node(pdu.tag, (ber.integer(1), *rest)))))


@functools.lru_cache(maxsize=1000)
def _honest(pdu: Node) -> Tuple[Node, ...]:
    """Return the error-status, error-index and varbinds of the correct answer."""
    asked = Node(SEQUENCE, (ber.integer(1), Node(OCTETS, b"public"), pdu))
    request = fakes.Request(ber.encoded(asked), VALUES)
    return ber.parsed(request.reply(request.honestly())).parts[2].parts[1:]


def _report(pdu: Node, oid: Tuple[int, ...]) -> Node:
    counter = Node(SEQUENCE, (ber.arcs(oid), Node(ber.COUNTER32, b"\x01")))
    zero = Node(INTEGER, b"\0")
    return Node(REPORT, (pdu.parts[0], zero, zero, Node(SEQUENCE, (counter,))))


class _Wire:
    """In place of asyncio's transport: each datagram is answered at once."""

    def __init__(self, fake: Fake, protocol: Any) -> None:
        self._fake = fake
        self._protocol = protocol

    def sendto(self, datagram: bytes, _address: object) -> None:
        sent, correct = self._fake.answers(datagram)
        for answer in sent:
            self._protocol.datagram_received(answer, ADDRESS)
        if correct is not None:
            # pysnmp handles a datagram in the next round of the loop
            self._protocol.loop.call_soon(self._end, correct, self._fake.session._answered)

    def _end(self, correct: bytes, answered: asyncio.Future[object]) -> None:
        if not answered.done():
            self._protocol.datagram_received(correct, ADDRESS)

    def close(self) -> None:
        pass


def reached(fake: Fake) -> Callable[[Callable[[], Result]], Result]:
    """Return a function that calls another while sessions reach this director, and no other."""

    class Udp(udp.UdpTransport):  # type: ignore[misc]
        def open_client_mode(self, *_: object, **__: object) -> Any:
            self.transport = _Wire(fake, self)
            return self

    def opened(*arguments: Any) -> SnmpEngine:
        found = engine.opened(*arguments)
        found.transport_dispatcher.set_timer_resolution(TICK)
        return found

    def call(work: Callable[[], Result]) -> Result:
        with patch.object(udp, "UdpTransport", Udp), patch.object(sessions, "opened", opened):
            return work()

    return call
